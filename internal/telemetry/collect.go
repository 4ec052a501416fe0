package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"k8s.io/apimachinery/pkg/types"
)

// Metrics that have series for each target.
var (
	statusDesc   = describe("flagger_canary_status", "Last canary analysis result", "name", "namespace")
	weightDesc   = describe("flagger_canary_weight", "The virtual service destination weight current value", "workload", "namespace")
	analysisDesc = describe("flagger_canary_metric_analysis", "Last canary analysis result per metric", "name", "namespace", "metric")
	progressDesc = describe("flagger_canary_progress_timestamp_seconds",
		"Unix time at which the canary came to its phase, weight and iteration", "name", "namespace", "phase")
	checksDesc    = describe("flagger_canary_checks", "Number of checks by the verdict that they had last", "name", "namespace", "verdict")
	durationDesc  = describe("flagger_canary_duration_seconds", "Seconds spent performing canary analysis.", "name", "namespace")
	successesDesc = describe("flagger_canary_successes_total", "Total number of canary successes", outcomeLabels...)
	failuresDesc  = describe("flagger_canary_failures_total", "Total number of canary failures", outcomeLabels...)

	outcomeLabels = []string{"name", "namespace", "deployment_strategy", "analysis_status"}
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// exporter makes the series of all targets when they are asked for.
type exporter struct{ *Recorder }

// Describe implements prometheus.Collector.
func (e exporter) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		statusDesc, weightDesc, analysisDesc, progressDesc, checksDesc, durationDesc, successesDesc, failuresDesc,
	} {
		descs <- desc
	}
}

// Collect implements prometheus.Collector. Whoever records does not wait for the one who reads.
func (e exporter) Collect(metrics chan<- prometheus.Metric) {
	for _, metric := range e.samples() {
		metrics <- metric
	}
}

func (e exporter) samples() []prometheus.Metric {
	e.mu.Lock()
	defer e.mu.Unlock()
	var samples []prometheus.Metric
	for target, shown := range e.targets {
		samples = shown.appendTo(samples, target)
	}
	for workload, weight := range e.weights {
		samples = append(samples, gaugeSample{weightDesc, labels{label("namespace", workload.Namespace), label("workload", workload.Name)}, weight})
	}
	return samples
}

// appendTo appends the series of a target to samples. They share the labels that they have in common.
func (r *record) appendTo(samples []prometheus.Metric, target types.NamespacedName) []prometheus.Metric {
	name, namespace := label("name", target.Name), label("namespace", target.Namespace)
	both := labels{name, namespace}
	for _, v := range r.status {
		samples = append(samples, gaugeSample{statusDesc, both, v.number})
	}
	for _, v := range r.progress {
		samples = append(samples, gaugeSample{progressDesc, labels{name, namespace, label("phase", v.label)}, v.number})
	}
	for _, v := range r.checks {
		samples = append(samples, gaugeSample{checksDesc, labels{name, namespace, label("verdict", v.label)}, v.number})
	}
	for _, v := range r.analysis {
		samples = append(samples, gaugeSample{analysisDesc, labels{label("metric", v.label), name, namespace}, v.number})
	}
	for _, o := range r.outcomes {
		how := labels{label("analysis_status", o.status), label("deployment_strategy", o.strategy), name, namespace}
		samples = append(samples, counterSample{o.desc, how, o.runs})
	}
	if d := r.duration; d != nil {
		samples = append(samples, prometheus.MustNewConstHistogram(durationDesc, d.all, d.sum, d.buckets(), target.Name, target.Namespace))
	}
	return samples
}

// labels are in the order of their names, as Prometheus wants them.
type labels []*dto.LabelPair

func label(name, value string) *dto.LabelPair { return &dto.LabelPair{Name: &name, Value: &value} }

// gaugeSample is what a gauge showed at one moment.
type gaugeSample struct {
	desc   *prometheus.Desc
	labels labels
	value  float64
}

// Desc implements prometheus.Metric.
func (g gaugeSample) Desc() *prometheus.Desc { return g.desc }

// Write implements prometheus.Metric.
func (g gaugeSample) Write(m *dto.Metric) error {
	m.Label, m.Gauge = g.labels, &dto.Gauge{Value: &g.value}
	return nil
}

// counterSample is what a counter showed at one moment.
type counterSample gaugeSample

// Desc implements prometheus.Metric.
func (c counterSample) Desc() *prometheus.Desc { return c.desc }

// Write implements prometheus.Metric.
func (c counterSample) Write(m *dto.Metric) error {
	m.Label, m.Counter = c.labels, &dto.Counter{Value: &c.value}
	return nil
}
