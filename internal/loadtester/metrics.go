package loadtester

import (
	"context"
	"errors"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/utils/clock"
)

// outcome is what became of a task that was asked for.
type outcome string

const (
	succeeded outcome = "succeeded"
	failed    outcome = "failed"
	// timedOut tasks took longer than tasks may.
	timedOut outcome = "timed_out"
	// stopped tasks were running when their caller went or the process was told to end.
	stopped outcome = "stopped"
	// skipped tasks were running already.
	skipped outcome = "skipped"
	// refused tasks were one too many, or came too late.
	refused outcome = "refused"
)

// outcomeOf returns what became of a task that ran within ctx and returned err.
func outcomeOf(ctx context.Context, err error) outcome {
	switch {
	case err == nil:
		return succeeded
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return timedOut
	case ctx.Err() != nil:
		return stopped
	}
	return failed
}

// metrics are those of one load tester. No label holds a word of a caller's, as there is no end of those.
type metrics struct {
	registry *prometheus.Registry
	tasks    *prometheus.CounterVec
	running  *prometheus.GaugeVec
	duration *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		tasks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "flagger_loadtester_tasks_total",
			Help: "Total number of tasks by what became of them",
		}, []string{"type", "outcome"}),
		running: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "flagger_loadtester_tasks_running",
			Help: "Number of tasks that are running",
		}, []string{"type"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "flagger_loadtester_task_duration_seconds",
			Help:    "Seconds that tasks ran",
			Buckets: []float64{.1, .5, 1, 5, 15, 60, 300, 900, 3600},
		}, []string{"type"}),
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.tasks, m.running, m.duration,
	)
	return m
}

// handler serves the metrics as text, and counts how often it is asked for them.
func (m *metrics) handler() http.Handler {
	return promhttp.InstrumentMetricHandler(m.registry, promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
}

// count counts one task.
func (m *metrics) count(kind string, o outcome) {
	m.tasks.WithLabelValues(kind, string(o)).Inc()
}

// measure notes that a task has begun and returns what notes that it has ended.
func (m *metrics) measure(kind string, c clock.PassiveClock) func() {
	running, begun := m.running.WithLabelValues(kind), c.Now()
	running.Inc()
	return func() {
		running.Dec()
		m.duration.WithLabelValues(kind).Observe(c.Since(begun).Seconds())
	}
}
