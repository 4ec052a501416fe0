package controller_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/controller"
	"flagger.app/flagger/internal/rollout"
)

func TestMeasureAcrossNamespaces(t *testing.T) {
	metric := v1beta1.CanaryMetric{Name: "errors", TemplateRef: refTo("other"), ThresholdRange: upTo(5)}
	b := newBench(metric)
	if got := controller.NewMeasurer(b.options).Measure(t.Context(), b.canary, 0); got.Verdict != rollout.Pass {
		t.Errorf("Without the flag, templates of other namespaces serve: got %+v", got)
	}
	b = newBench(customMetric)
	b.options.NoCrossNamespaceRefs = true
	if got := controller.NewMeasurer(b.options).Measure(t.Context(), b.canary, 0); got.Verdict != rollout.Pass {
		t.Errorf("With the flag, templates of the own namespace serve: got %+v", got)
	}
}

func TestMeasureAsks(t *testing.T) {
	b := newBench(customMetric, inlineMetric)
	m := controller.NewMeasurer(b.options)
	m.Measure(t.Context(), b.canary, 0)
	m.Measure(t.Context(), b.canary, 1)
	if diff := cmp.Diff([]string{"errors{podinfo}[1m]", "lag[1m]"}, b.queries); diff != "" {
		t.Errorf("A metric without an interval has one minute in every stage.\nqueries: -want +got\n%s", diff)
	}
	if b.deadline <= 0 || b.deadline > 5*time.Second {
		t.Errorf("A query ends within five seconds: deadline in %v", b.deadline)
	}
}

func TestMeasureServer(t *testing.T) {
	b := newBench(rateMetric)
	m := controller.NewMeasurer(b.options)
	m.Measure(t.Context(), b.canary, 0)
	b.canary.Spec.MetricsServer = "http://own"
	m.Measure(t.Context(), b.canary, 0)
	m.Measure(t.Context(), b.canary, 0)
	var addresses []string
	for _, cfg := range b.built {
		addresses = append(addresses, cfg.Provider.Address)
	}
	if diff := cmp.Diff([]string{"http://me:s3cret@server:9090", "http://own"}, addresses); diff != "" {
		t.Errorf("A canary's own server counts, and each server has one client.\nbuilt: -want +got\n%s", diff)
	}
}

func TestMeasureKeepsProviders(t *testing.T) {
	b := newBench(customMetric)
	m := controller.NewMeasurer(b.options)
	steps := []struct {
		reason        string
		change        func()
		built, closed int
	}{
		{"The first query builds the client.", func() { b.withSecret("1", "a") }, 1, 0},
		{"The next one reuses it.", func() {}, 1, 0},
		{"A new query in the template is none of the client's business.",
			func() { b.template(func(s *v1beta1.MetricTemplateSpec) { s.Query = "up" }) }, 1, 0},
		{"A changed Secret replaces it, and its connections end.", func() { b.withSecret("2", "b") }, 2, 1},
		{"A changed address is another client; the one of before may serve other templates.",
			func() { b.template(func(s *v1beta1.MetricTemplateSpec) { s.Provider.Address = "http://new" }) }, 3, 1},
	}
	for _, step := range steps {
		step.change()
		if got := m.Measure(t.Context(), b.canary, 0); got.Verdict != rollout.Pass {
			t.Fatalf("%s\nMeasure(...): %+v", step.reason, got)
		}
		if len(b.built) != step.built || b.closed != step.closed {
			t.Errorf("%s\nwant %d built and %d closed, got %d and %d", step.reason, step.built, step.closed, len(b.built), b.closed)
		}
	}
	if got := string(b.built[1].Credentials["token"]); got != "b" {
		t.Errorf("The new client has the new Secret: got token %q", got)
	}
}
