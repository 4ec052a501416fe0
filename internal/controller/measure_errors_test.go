package controller_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/controller"
	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/rollout"
)

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
