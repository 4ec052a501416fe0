package controller

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/prometheus"
	"flagger.app/flagger/internal/testkit"
)

// shaky is a Prometheus that hangs up on everybody while it is down, and counts whom.
type shaky struct {
	*httptest.Server
	down   atomic.Bool
	missed atomic.Int64
}

func newShaky(t *testing.T) *shaky {
	t.Helper()
	s := &shaky{}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.SetKeepAlivesEnabled(false) // who is hung up on asks again on another connection, if the old one was kept
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (s *shaky) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if s.down.Load() {
		s.missed.Add(1)
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[0,"1"]}]}}`)
}

// TestMetricsAreDownForTenIntervals measures for real. An interval is 10 s, and two failed checks would be too many.
func TestMetricsAreDownForTenIntervals(t *testing.T) {
	const interval, outage = 10 * time.Second, 10
	cases := map[string]struct {
		reason string
		metric testkit.CanaryOption
		cause  string
	}{
		"Server": {
			reason: "Inline and builtin metrics come from the metrics server.",
			metric: testkit.Metric("latency"),
			cause:  "Prometheus query failed for latency: request failed: EOF",
		},
		"Template": {
			reason: "A MetricTemplate has a provider of its own.",
			metric: func(c *v1beta1.Canary) {
				c.Spec.Analysis.Metrics = []v1beta1.CanaryMetric{{
					Name: "latency", Interval: "1m", ThresholdRange: &v1beta1.CanaryThresholdRange{Max: new(1.0)},
					TemplateRef: &v1beta1.CrossNamespaceObjectReference{Name: "latency"},
				}}
			},
			cause: "Metric query failed for latency: prometheus in metric template latency.ns: request failed: EOF",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, s := newWorld(t), newShaky(t)
			w.options.Checks = NewMeasurer(MeasurerOptions{
				Templates: w.options.Client, Secrets: w.options.Client,
				Providers:     map[string]metrics.Factory{"prometheus": prometheus.New},
				MetricsServer: s.URL, MeshProvider: w.options.MeshProvider,
				Record: w.telemetry.Analysis,
			})
			w.restart()
			w.apply(template(s.URL, ""))
			w.rollOut(testkit.Steps(25, 50), tc.metric)
			w.push("app:2")
			w.untilWeight("25")
			w.linger()
			w.said()

			s.down.Store(true)
			for range outage {
				w.pass(interval)
				w.linger()
			}
			expect(t, tc.reason+" Each interval has one look at them.", outage, s.missed.Load())
			expect(t, "The weight is held, nothing is counted, and nobody has to help.", summary{
				phase: v1beta1.PhaseProgressing, weight: 25, promoted: "Unknown Progressing", ready: "Unknown Progressing",
				reconciling: "True ProviderUnavailable",
				checks:      map[string]string{"metric/latency": "Error", "provider/metrics-providers": "Pass"},
			}, w.summary())
			expect(t, "Users saw no other weight.", []string{"0", "25"}, w.seen.weights)
			expect(t, "The condition says who does not answer.", tc.cause,
				strings.ReplaceAll(messageOf(w.canary(), v1beta1.ReconcilingCondition), w.namespace, "ns"))
			expect(t, "So does one Warning, and only one.", []string{"Warning ProviderUnavailable " + tc.cause}, w.said())

			s.down.Store(false)
			back := w.clock.Now()
			w.untilWeight("50")
			expect(t, "The run goes on with the next interval.", interval, w.clock.Now().Sub(back))
			w.until(v1beta1.PhaseSucceeded)
			w.rest()
			expect(t, "And ends well, by itself.", []string{"0", "25", "50", "0"}, w.seen.weights)
			for _, line := range w.said() {
				if strings.HasPrefix(line, "Warning") {
					t.Errorf("An outage that is over is not spoken of any more: %s", line)
				}
			}
		})
	}
}
