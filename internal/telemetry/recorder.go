package telemetry

import (
	"net/http"
	"slices"
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
	unwritten prometheus.Counter
	events    prometheus.Counter
	alerts    prometheus.Counter

	mu sync.Mutex
	// tracks are the canaries that have series.
	tracks map[types.NamespacedName]*track
	// targets are what the series are named after.
	targets map[types.NamespacedName]*record
	// weights are by workload: the primary of one target may have the name of another target.
	weights map[types.NamespacedName]float64
	// counted are the namespaces that have had canaries.
	counted map[string]struct{}
}

// New returns a Recorder on a registry of its own. version and meshProvider are told by flagger_info.
func New(version, meshProvider string) *Recorder {
	r := &Recorder{
		registry: prometheus.NewRegistry(),
		total:    gauge("flagger_canary_total", "Total number of canary object", "namespace"),
		unwritten: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "flagger_event_dropped_total",
			Help: "Total number of Kubernetes events given up because the API server could not keep up or refused them",
		}),
		events: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "flagger_event_webhook_dropped_total",
			Help: "Total number of events given up because their webhook could not keep up",
		}),
		alerts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "flagger_alert_dropped_total",
			Help: "Total number of alerts given up because their receiver could not keep up, refused them or could not be found",
		}),
		tracks:  map[types.NamespacedName]*track{},
		targets: map[types.NamespacedName]*record{},
		weights: map[types.NamespacedName]float64{},
		counted: map[string]struct{}{},
	}
	info := gauge("flagger_info", "Flagger version and mesh provider information", "version", "mesh_provider")
	info.WithLabelValues(version, meshProvider).Set(1)
	r.registry.MustRegister(info, r.total, r.unwritten, r.events, r.alerts, exporter{r})
	return r
}

func gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
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
	t.prune(c.GetAnalysis())
	t.advance(c.Status)
	t.record.judge(c.Status.Checks)
	value := statusRest
	switch c.Status.Phase { //nolint:exhaustive // every other phase is at rest, as far as this metric knows
	case v1beta1.PhaseProgressing:
		value = statusRunning
	case v1beta1.PhaseFailed:
		value = statusFailed
	}
	t.record.status.set("", float64(value))
}

// Weight records how live traffic is divided, in percent.
func (r *Recorder) Weight(c *v1beta1.Canary, primary, canary int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	target := r.track(c).target
	r.weights[primaryOf(target)] = float64(primary)
	r.weights[target] = float64(canary)
}

// Duration records how long one analysis of c took, from its start to its decision.
func (r *Recorder) Duration(c *v1beta1.Canary, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	shown := r.track(c).record
	if shown.duration == nil {
		shown.duration = newDurations()
	}
	shown.duration.observe(d.Seconds())
}

// Analysis records what was measured for one metric of c, in the metric's own unit, durations in seconds.
func (r *Recorder) Analysis(c *v1beta1.Canary, metric string, value float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.track(c)
	t.record.analysis.set(metric, value)
	if !slices.Contains(t.metrics, metric) {
		t.metrics = append(slices.Clip(t.metrics), metric)
	}
}

// Succeeded counts a promotion. strategy is the strategy's label, status AnalysisCompleted or AnalysisSkipped.
func (r *Recorder) Succeeded(c *v1beta1.Canary, strategy, status string) {
	r.count(c, successesDesc, strategy, status)
}

// Failed counts a rollback or a failed promotion. strategy is the strategy's label.
func (r *Recorder) Failed(c *v1beta1.Canary, strategy string) {
	r.count(c, failuresDesc, strategy, AnalysisCompleted)
}

func (r *Recorder) count(c *v1beta1.Canary, desc *prometheus.Desc, strategy, status string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.track(c).record.count(desc, strategy, status)
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

// EventUnwritten counts an event that the API server will never get.
func (r *Recorder) EventUnwritten() { r.unwritten.Inc() }

// EventDropped counts an event that its webhook will never get.
func (r *Recorder) EventDropped() { r.events.Inc() }

// AlertDropped counts an alert that its receiver will never get.
func (r *Recorder) AlertDropped() { r.alerts.Inc() }
