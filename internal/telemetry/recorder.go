package telemetry

import (
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"flagger.app/flagger/api/v1beta1"
)

// Values of flagger_canary_status.
const (
	statusRunning = 0
	statusRest    = 1
	statusFailed  = 2
)

// Values of the label analysis_status.
const (
	// AnalysisCompleted is a run whose analysis came to its end, good or bad.
	AnalysisCompleted = "completed"
	// AnalysisSkipped is a run that was promoted without one.
	AnalysisSkipped = "skipped"
)

// Recorder holds the operator's metrics. It is safe for concurrent use, and its methods cannot fail.
type Recorder struct {
	registry  *prometheus.Registry
	total     *prometheus.GaugeVec
	status    *prometheus.GaugeVec
	weight    *prometheus.GaugeVec
	duration  *prometheus.HistogramVec
	analysis  *prometheus.GaugeVec
	progress  *prometheus.GaugeVec
	checks    *prometheus.GaugeVec
	successes *prometheus.CounterVec
	failures  *prometheus.CounterVec
	events    prometheus.Counter
	alerts    prometheus.Counter

	mu sync.Mutex
	// tracks are the canaries that have series.
	tracks map[types.NamespacedName]*track
	// counted are the namespaces that have had canaries.
	counted map[string]struct{}
}

// New returns a Recorder on a registry of its own. version and meshProvider are told by flagger_info.
func New(version, meshProvider string) *Recorder {
	outcome := []string{"name", "namespace", "deployment_strategy", "analysis_status"}
	r := &Recorder{
		registry:  prometheus.NewRegistry(),
		total:     gauge("flagger_canary_total", "Total number of canary object", "namespace"),
		status:    gauge("flagger_canary_status", "Last canary analysis result", "name", "namespace"),
		weight:    gauge("flagger_canary_weight", "The virtual service destination weight current value", "workload", "namespace"),
		analysis:  gauge("flagger_canary_metric_analysis", "Last canary analysis result per metric", "name", "namespace", "metric"),
		progress:  gauge("flagger_canary_progress_timestamp_seconds", "Unix time at which the canary came to its phase, weight and iteration", "name", "namespace", "phase"),
		checks:    gauge("flagger_canary_checks", "Number of checks by the verdict that they had last", "name", "namespace", "verdict"),
		successes: counter("flagger_canary_successes_total", "Total number of canary successes", outcome...),
		failures:  counter("flagger_canary_failures_total", "Total number of canary failures", outcome...),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "flagger_canary_duration_seconds",
			Help:    "Seconds spent performing canary analysis.",
			Buckets: prometheus.DefBuckets,
		}, []string{"name", "namespace"}),
		events: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "flagger_event_webhook_dropped_total",
			Help: "Total number of events given up because their webhook could not keep up",
		}),
		alerts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "flagger_alert_dropped_total",
			Help: "Total number of alerts given up because their receiver could not keep up, refused them or could not be found",
		}),
		tracks:  map[types.NamespacedName]*track{},
		counted: map[string]struct{}{},
	}
	info := gauge("flagger_info", "Flagger version and mesh provider information", "version", "mesh_provider")
	info.WithLabelValues(version, meshProvider).Set(1)
	r.registry.MustRegister(
		info, r.total, r.status, r.weight, r.duration, r.analysis, r.progress, r.checks, r.successes, r.failures, r.events, r.alerts,
	)
	return r
}

func gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

// Handler serves the metrics as text, those of the controllers, their clients, the Go runtime and the process with them,
// and counts how often it is asked for them.
func (r *Recorder) Handler() http.Handler {
	all := prometheus.Gatherers{r.registry, metrics.Registry}
	return promhttp.InstrumentMetricHandler(r.registry, promhttp.HandlerFor(all, promhttp.HandlerOpts{}))
}

// Status records the phase of c, since when it is where it is, and what its checks said. Metrics that its spec has no
// more end.
func (r *Recorder) Status(c *v1beta1.Canary) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.track(c)
	r.prune(t, c.GetAnalysis())
	r.advance(t, c.Status)
	r.judge(t.target, c.Status.Checks)
	value := statusRest
	switch c.Status.Phase { //nolint:exhaustive // every other phase is at rest, as far as this metric knows
	case v1beta1.PhaseProgressing:
		value = statusRunning
	case v1beta1.PhaseFailed:
		value = statusFailed
	}
	r.status.WithLabelValues(t.target.Name, t.target.Namespace).Set(float64(value))
}

// Weight records how live traffic is divided, in percent.
func (r *Recorder) Weight(c *v1beta1.Canary, primary, canary int) {
	target := r.series(c)
	r.weight.WithLabelValues(primaryOf(target), target.Namespace).Set(float64(primary))
	r.weight.WithLabelValues(target.Name, target.Namespace).Set(float64(canary))
}

// Duration records how long one analysis of c took, from its start to its decision.
func (r *Recorder) Duration(c *v1beta1.Canary, d time.Duration) {
	target := r.series(c)
	r.duration.WithLabelValues(target.Name, target.Namespace).Observe(d.Seconds())
}

// Analysis records what was measured for one metric of c, in the metric's own unit, durations in seconds.
func (r *Recorder) Analysis(c *v1beta1.Canary, metric string, value float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.track(c)
	t.metrics[metric] = struct{}{}
	r.analysis.WithLabelValues(t.target.Name, t.target.Namespace, metric).Set(value)
}

// Succeeded counts a promotion. strategy is the strategy's label, status AnalysisCompleted or AnalysisSkipped.
func (r *Recorder) Succeeded(c *v1beta1.Canary, strategy, status string) {
	target := r.series(c)
	r.successes.WithLabelValues(target.Name, target.Namespace, strategy, status).Inc()
}

// Failed counts a rollback or a failed promotion. strategy is the strategy's label.
func (r *Recorder) Failed(c *v1beta1.Canary, strategy string) {
	target := r.series(c)
	r.failures.WithLabelValues(target.Name, target.Namespace, strategy, AnalysisCompleted).Inc()
}

// Total records the number of canaries by namespace. A namespace that had some and is not listed has 0.
func (r *Recorder) Total(counts map[string]int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for namespace := range r.counted {
		if _, listed := counts[namespace]; !listed {
			r.total.WithLabelValues(namespace).Set(0)
		}
	}
	for namespace, n := range counts {
		r.counted[namespace] = struct{}{}
		r.total.WithLabelValues(namespace).Set(float64(n))
	}
}

// EventDropped counts an event that its webhook will never get.
func (r *Recorder) EventDropped() { r.events.Inc() }

// AlertDropped counts an alert that its receiver will never get.
func (r *Recorder) AlertDropped() { r.alerts.Inc() }
