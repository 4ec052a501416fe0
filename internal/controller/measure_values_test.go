package controller_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/controller"
	"flagger.app/flagger/internal/rollout"
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
