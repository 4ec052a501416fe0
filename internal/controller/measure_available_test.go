package controller_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/controller"
	"flagger.app/flagger/internal/rollout"
)

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
