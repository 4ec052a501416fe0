package controller_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/controller"
	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/rollout"
)

// shelf is a client.Reader of a few objects. It cannot list, as the Measurer must not.
type shelf struct {
	client.Reader
	templates map[string]v1beta1.MetricTemplate
	secrets   map[string]corev1.Secret
	broken    error
}

func (s *shelf) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	if s.broken != nil {
		return s.broken
	}
	name, found := key.Name+"."+key.Namespace, false
	switch into := into.(type) {
	case *v1beta1.MetricTemplate:
		*into, found = s.templates[name]
	case *corev1.Secret:
		*into, found = s.secrets[name]
	}
	if !found {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "things"}, key.Name)
	}
	return nil
}

// backend is a metrics provider with scripted answers, and its own factory.
type backend struct {
	value  float64
	err    error
	refuse error // what the factory answers

	queries  []string
	built    []metrics.Config
	closed   int
	deadline time.Duration
}

func (b *backend) make(cfg metrics.Config) (metrics.Provider, error) {
	if b.refuse != nil {
		return nil, b.refuse
	}
	b.built = append(b.built, cfg)
	return b, nil
}

func (b *backend) Query(ctx context.Context, query string) (float64, error) {
	b.queries = append(b.queries, query)
	if end, ok := ctx.Deadline(); ok {
		b.deadline = time.Until(end)
	}
	return b.value, b.err
}

func (b *backend) Online(ctx context.Context) error {
	_, err := b.Query(ctx, "online")
	return err
}

func (b *backend) CloseIdleConnections() { b.closed++ }

// bench is a Measurer with all that it meets.
type bench struct {
	backend
	templates, secrets shelf
	options            controller.MeasurerOptions
	recorded           []string
	canary             *v1beta1.Canary
}

func newBench(entries ...v1beta1.CanaryMetric) *bench {
	b := &bench{canary: &v1beta1.Canary{
		ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: "prod"},
		Spec: v1beta1.CanarySpec{
			TargetRef: v1beta1.LocalObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "podinfo"},
			Analysis:  &v1beta1.CanaryAnalysis{Metrics: entries},
		},
	}}
	b.templates.templates = map[string]v1beta1.MetricTemplate{}
	for _, at := range []string{"prod", "other"} {
		b.templates.templates["errors."+at] = v1beta1.MetricTemplate{Spec: v1beta1.MetricTemplateSpec{
			Provider: v1beta1.MetricTemplateProvider{Type: "prometheus", Address: "http://prom"},
			Query:    "errors{{ printf `{%s}[%s]` target interval }}",
		}}
	}
	b.options = controller.MeasurerOptions{
		Templates: &b.templates, Secrets: &b.secrets,
		Providers:     map[string]metrics.Factory{"prometheus": b.make},
		MetricsServer: "http://me:s3cret@server:9090", MeshProvider: "kubernetes",
		Record: func(c *v1beta1.Canary, metric string, value float64) {
			b.recorded = append(b.recorded, fmt.Sprintf("%s %s %v", c.Name, metric, value))
		},
	}
	return b
}

// template changes the template of the canary's own namespace.
func (b *bench) template(change func(*v1beta1.MetricTemplateSpec)) {
	t := b.templates.templates["errors.prod"]
	change(&t.Spec)
	b.templates.templates["errors.prod"] = t
}

func (b *bench) withSecret(version, token string) {
	b.template(func(s *v1beta1.MetricTemplateSpec) {
		s.Provider.SecretRef = &corev1.LocalObjectReference{Name: "creds"}
	})
	b.secrets.secrets = map[string]corev1.Secret{"creds.prod": {
		ObjectMeta: metav1.ObjectMeta{ResourceVersion: version},
		Data:       map[string][]byte{"token": []byte(token)},
	}}
}

func upTo(high float64) *v1beta1.CanaryThresholdRange {
	return &v1beta1.CanaryThresholdRange{Max: &high}
}

func refTo(namespace string) *v1beta1.CrossNamespaceObjectReference {
	return &v1beta1.CrossNamespaceObjectReference{Name: "errors", Namespace: namespace}
}

var (
	rateMetric     = v1beta1.CanaryMetric{Name: "request-success-rate", Threshold: 99}
	durationMetric = v1beta1.CanaryMetric{Name: "request-duration", ThresholdRange: upTo(500)}
	inlineMetric   = v1beta1.CanaryMetric{Name: "lag", Query: "lag[{{ interval }}]", ThresholdRange: upTo(5)}
	customMetric   = v1beta1.CanaryMetric{Name: "errors", TemplateRef: refTo(""), ThresholdRange: upTo(5)}

	errRefused = metrics.BadQuery(errors.New("parse error"))
	errDown    = errors.New("request failed: connection refused")
)

func TestMeasureValues(t *testing.T) {
	const slow = "Halt shop.prod advancement request duration 1.515s > 500ms"
	cases := map[string]struct {
		reason   string
		metric   v1beta1.CanaryMetric
		value    float64
		verdict  rollout.Verdict
		message  string
		asked    int
		recorded []string
	}{
		"SuccessRate": {
			reason: "The gauge of the success rate has percent.",
			metric: rateMetric, value: 99.5, verdict: rollout.Pass, asked: 1,
			recorded: []string{"shop request-success-rate 99.5"},
		},
		"Duration": {
			reason: "The gauge of the duration has seconds, and is set whatever the verdict.",
			metric: durationMetric, value: 1.5159, verdict: rollout.Fail, message: slow, asked: 1,
			recorded: []string{"shop request-duration 1.515"},
		},
		"Inline": {
			reason: "An inline query is judged in its own unit.",
			metric: inlineMetric, value: 6, verdict: rollout.Fail, asked: 1,
			message: "Halt shop.prod advancement lag 6.00 > 5", recorded: []string{"shop lag 6"},
		},
		"Template": {
			reason: "A template is judged in its own unit.",
			metric: customMetric, value: 5, verdict: rollout.Pass, asked: 1, recorded: []string{"shop errors 5"},
		},
		"InlineAndTemplate": {
			reason: "An entry with both has to pass both.",
			metric: v1beta1.CanaryMetric{Name: "lag", Query: "lag", TemplateRef: refTo(""), ThresholdRange: upTo(5)},
			value:  1, verdict: rollout.Pass, asked: 2, recorded: []string{"shop lag 1", "shop lag 1"},
		},
		"BuiltinWithTemplate": {
			reason: "A builtin name is measured as such whatever else it brings, and the first failure ends it.",
			metric: v1beta1.CanaryMetric{Name: "request-success-rate", Threshold: 99, TemplateRef: refTo("")},
			value:  50, verdict: rollout.Fail, asked: 1, recorded: []string{"shop request-success-rate 50"},
			message: "Halt shop.prod advancement success rate 50.00% < 99%",
		},
		"NaN": {
			reason: "A provider that lets NaN through does not let a canary through.",
			metric: customMetric, value: math.NaN(), verdict: rollout.NoData, asked: 1,
			message: "Halt advancement no values found for custom metric: errors: no values found",
		},
		"Neither": {
			reason: "A name without a query measures nothing.",
			metric: v1beta1.CanaryMetric{Name: "lag"}, verdict: rollout.Fail,
			message: "Metric query failed for no usable metrics template and query were configured",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBench(v1beta1.CanaryMetric{Name: "first"}, tc.metric)
			b.value = tc.value
			got := controller.NewMeasurer(b.options).Measure(t.Context(), b.canary, 1)
			if got.Verdict != tc.verdict || got.Message != tc.message {
				t.Errorf("%s\nMeasure(...): want %s %q, got %s %q", tc.reason, tc.verdict, tc.message, got.Verdict, got.Message)
			}
			if len(b.queries) != tc.asked {
				t.Errorf("%s\nqueries: want %d, got %q", tc.reason, tc.asked, b.queries)
			}
			if diff := cmp.Diff(tc.recorded, b.recorded); diff != "" {
				t.Errorf("%s\nrecorded: -want +got\n%s", tc.reason, diff)
			}
		})
	}
}

func TestMeasureErrors(t *testing.T) {
	cases := map[string]struct {
		reason string
		metric v1beta1.CanaryMetric
		change func(*bench)
		want   rollout.Answer
	}{
		"RateNoData": {
			reason: "No traffic is the likely cause, so the text says so.",
			metric: rateMetric, change: func(b *bench) { b.err = metrics.ErrNoData },
			want: rollout.Answer{Verdict: rollout.NoData, Message: "Halt advancement no values found for kubernetes metric " +
				"request-success-rate probably podinfo.prod is not receiving traffic: no values found"},
		},
		"DurationNoData": {
			reason: "The provider's name in the text tells a Service target.",
			metric: durationMetric,
			change: func(b *bench) {
				b.err = metrics.ErrNoData
				b.canary.Spec.TargetRef = v1beta1.LocalObjectReference{APIVersion: "v1", Kind: "Service", Name: "podinfo"}
			},
			want: rollout.Answer{Verdict: rollout.NoData, Message: "Halt advancement no values found for kubernetes:service metric " +
				"request-duration probably podinfo.prod is not receiving traffic"},
		},
		"RateDown": {
			reason: "An outage is not the canary's failure.",
			metric: rateMetric, change: func(b *bench) { b.err = errDown },
			want: rollout.Answer{Verdict: rollout.ProviderError, Message: "Prometheus query failed: running query failed: request failed: connection refused"},
		},
		"RateRefused": {
			reason: "A refused query never promotes.",
			metric: rateMetric, change: func(b *bench) { b.err = errRefused },
			want: rollout.Answer{Verdict: rollout.Fail, Message: "Prometheus query failed: running query failed: parse error"},
		},
		"RateUnsupported": {
			reason: "Without queries for a provider its canaries are not measured by another's.",
			metric: rateMetric, change: func(b *bench) { b.canary.Spec.Provider = "consul" },
			want: rollout.Answer{Verdict: rollout.Fail, Message: "Prometheus query failed: no builtin query for metric " +
				"request-success-rate: unknown metrics provider consul"},
		},
		"RateBadServer": {
			reason: "An address that is no URL is the user's to mend, and its password stays hidden.",
			metric: rateMetric, change: func(b *bench) { b.refuse = errors.New("not a valid URL") },
			want: rollout.Answer{Verdict: rollout.Fail, Message: "Error building Prometheus client for http://***@server:9090 not a valid URL"},
		},
		"InlineNoData": {
			reason: "An inline query has a text of its own.",
			metric: inlineMetric, change: func(b *bench) { b.err = metrics.ErrNoData },
			want: rollout.Answer{Verdict: rollout.NoData, Message: "Halt advancement no values found for metric: lag"},
		},
		"InlineDown": {
			reason: "The metric is named.",
			metric: inlineMetric, change: func(b *bench) { b.err = errDown },
			want: rollout.Answer{Verdict: rollout.ProviderError, Message: "Prometheus query failed for lag: request failed: connection refused"},
		},
		"InlineBroken": {
			reason: "A query that cannot be rendered is not sent.",
			metric: v1beta1.CanaryMetric{Name: "lag", Query: "{{ variables.x }}"},
			want: rollout.Answer{Verdict: rollout.Fail, Message: `Prometheus query failed for lag: rendering query failed: template excution failed: ` +
				`template: query:1:3: executing "query" at <variables>: map has no entry for key "x"`},
		},
		"TemplateNoData": {
			reason: "The cause ends the text.",
			metric: customMetric, change: func(b *bench) { b.err = fmt.Errorf("invalid response: %w", metrics.ErrNoData) },
			want: rollout.Answer{Verdict: rollout.NoData, Message: "Halt advancement no values found for custom metric: errors: invalid response: no values found"},
		},
		"TemplateSeveral": {
			reason: "Several values are the query's fault.",
			metric: customMetric, change: func(b *bench) { b.err = metrics.ErrMultipleValues },
			want: rollout.Answer{Verdict: rollout.Fail, Message: "Metric query failed for errors: query returned multiple values"},
		},
		"TemplateDown": {
			reason: "An outage of a template's provider holds as well.",
			metric: customMetric, change: func(b *bench) { b.err = errDown },
			want: rollout.Answer{Verdict: rollout.ProviderError, Message: "Metric query failed for errors: prometheus in metric template errors.prod: request failed: connection refused"},
		},
		"TemplateBroken": {
			reason: "The template is named, as others may use it too.",
			metric: customMetric, change: func(b *bench) { b.template(func(s *v1beta1.MetricTemplateSpec) { s.Query = "{{" }) },
			want: rollout.Answer{Verdict: rollout.Fail, Message: "Metric template errors.prod query render error: template parsing failed: template: query:1: unclosed action"},
		},
		"TemplateMissing": {
			reason: "A missing template is the user's to mend.",
			metric: v1beta1.CanaryMetric{Name: "errors", TemplateRef: refTo("nowhere")},
			want:   rollout.Answer{Verdict: rollout.Fail, Message: `Metric template errors.nowhere error: things "errors" not found`},
		},
		"TemplateUnread": {
			reason: "An API server that does not answer tells nothing about the canary.",
			metric: customMetric, change: func(b *bench) { b.templates.broken = errDown },
			want: rollout.Answer{Verdict: rollout.ProviderError, Message: "Metric template errors.prod error: request failed: connection refused"},
		},
		"SecretMissing": {
			reason: "A missing Secret is the user's to mend.",
			metric: customMetric, change: func(b *bench) { b.withSecret("1", "s3cret"); b.secrets.secrets = nil },
			want: rollout.Answer{Verdict: rollout.Fail, Message: `Metric template errors.prod secret creds error: things "creds" not found`},
		},
		"SecretUnread": {
			reason: "The same API server serves Secrets.",
			metric: customMetric, change: func(b *bench) { b.withSecret("1", "s3cret"); b.secrets.broken = errDown },
			want: rollout.Answer{Verdict: rollout.ProviderError, Message: "Metric template errors.prod secret creds error: request failed: connection refused"},
		},
		"TypeUnknown": {
			reason: "Another provider's query means nothing to Prometheus.",
			metric: customMetric,
			change: func(b *bench) { b.template(func(s *v1beta1.MetricTemplateSpec) { s.Provider.Type = "datadog" }) },
			want:   rollout.Answer{Verdict: rollout.Fail, Message: "Metric template errors.prod provider datadog error: unknown metrics provider 'datadog'"},
		},
		"TypeRefused": {
			reason: "The factory's words say which field is wrong.",
			metric: customMetric, change: func(b *bench) { b.refuse = errors.New("prometheus credentials does not contain a username") },
			want: rollout.Answer{Verdict: rollout.Fail, Message: "Metric template errors.prod provider prometheus error: prometheus credentials does not contain a username"},
		},
		"CrossNamespace": {
			reason: "The flag counts at every use, or an edit would slip past it.",
			metric: v1beta1.CanaryMetric{Name: "errors", TemplateRef: refTo("other")},
			change: func(b *bench) { b.options.NoCrossNamespaceRefs = true },
			want: rollout.Answer{Verdict: rollout.Fail, Message: "Metric template errors.other error: " +
				"can't access metric template errors.other, cross-namespace references are blocked"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBench(tc.metric)
			if tc.change != nil {
				tc.change(b)
			}
			got := controller.NewMeasurer(b.options).Measure(t.Context(), b.canary, 0)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nMeasure(...): -want +got\n%s", tc.reason, diff)
			}
			if strings.Contains(got.Message, "s3cret") {
				t.Errorf("%s\nMeasure(...): a secret in %q", tc.reason, got.Message)
			}
			if len(b.recorded) != 0 {
				t.Errorf("%s\nrecorded without a value: %q", tc.reason, b.recorded)
			}
		})
	}
}

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
		{"So does a changed address.",
			func() { b.template(func(s *v1beta1.MetricTemplateSpec) { s.Provider.Address = "http://new" }) }, 3, 2},
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

func TestAvailable(t *testing.T) {
	cases := map[string]struct {
		reason  string
		metrics []v1beta1.CanaryMetric
		change  func(*bench)
		asked   int
		want    rollout.Answer
	}{
		"NoAnalysis": {
			reason: "A canary without analysis needs no provider.",
			change: func(b *bench) { b.canary.Spec.Analysis = nil },
			want:   rollout.Answer{Verdict: rollout.Pass},
		},
		"All": {
			reason:  "Builtin metrics and templates are asked about, inline queries are not.",
			metrics: []v1beta1.CanaryMetric{rateMetric, inlineMetric, customMetric}, asked: 2,
			want: rollout.Answer{Verdict: rollout.Pass},
		},
		"BuiltinWithTemplate": {
			reason:  "The template of a builtin metric is not asked about.",
			metrics: []v1beta1.CanaryMetric{{Name: "request-duration", TemplateRef: refTo("nowhere")}}, asked: 1,
			want: rollout.Answer{Verdict: rollout.Pass},
		},
		"ServerDown": {
			reason:  "The first that is down ends it.",
			metrics: []v1beta1.CanaryMetric{rateMetric, customMetric}, asked: 1,
			change: func(b *bench) { b.err = errDown },
			want:   rollout.Answer{Verdict: rollout.ProviderError, Message: "prometheus not avaiable: request failed: connection refused"},
		},
		"ServerInvalid": {
			reason:  "An address is shown without its password.",
			metrics: []v1beta1.CanaryMetric{rateMetric},
			change:  func(b *bench) { b.refuse = errors.New("not a valid URL") },
			want:    rollout.Answer{Verdict: rollout.Fail, Message: "error building Prometheus client for http://***@server:9090 not a valid URL"},
		},
		"TemplateDown": {
			reason:  "Type and template are named.",
			metrics: []v1beta1.CanaryMetric{customMetric}, asked: 1,
			change: func(b *bench) { b.err = errDown },
			want:   rollout.Answer{Verdict: rollout.ProviderError, Message: "prometheus in metric template errors.prod not avaiable: request failed: connection refused"},
		},
		"TemplateMissing": {
			reason:  "A template that is not there cannot be asked about.",
			metrics: []v1beta1.CanaryMetric{{Name: "errors", TemplateRef: refTo("nowhere")}},
			want:    rollout.Answer{Verdict: rollout.Fail, Message: `metric template errors.nowhere error: things "errors" not found`},
		},
		"SecretMissing": {
			reason:  "Nor one without its Secret.",
			metrics: []v1beta1.CanaryMetric{customMetric},
			change:  func(b *bench) { b.withSecret("1", "a"); b.secrets.secrets = nil },
			want:    rollout.Answer{Verdict: rollout.Fail, Message: `metric template errors.prod secret creds error: things "creds" not found`},
		},
		"TypeUnknown": {
			reason:  "Nor one of a type that nobody knows.",
			metrics: []v1beta1.CanaryMetric{customMetric},
			change:  func(b *bench) { b.template(func(s *v1beta1.MetricTemplateSpec) { s.Provider.Type = "keptn" }) },
			want:    rollout.Answer{Verdict: rollout.Fail, Message: "metric template errors.prod provider keptn error: unknown metrics provider 'keptn'"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBench(tc.metrics...)
			if tc.change != nil {
				tc.change(b)
			}
			got := controller.NewMeasurer(b.options).Available(t.Context(), b.canary)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nAvailable(...): -want +got\n%s", tc.reason, diff)
			}
			if len(b.queries) != tc.asked {
				t.Errorf("%s\nasked %d times, want %d", tc.reason, len(b.queries), tc.asked)
			}
		})
	}
}
