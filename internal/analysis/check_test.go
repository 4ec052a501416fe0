package analysis

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/api/v1beta1"
)

func between(low, high float64) *v1beta1.CanaryThresholdRange {
	return &v1beta1.CanaryThresholdRange{Min: &low, Max: &high}
}

func TestJudge(t *testing.T) {
	const pass, fail = v1beta1.VerdictPass, v1beta1.VerdictFail
	atLeast := func(low float64) v1beta1.CanaryMetric {
		return v1beta1.CanaryMetric{Name: "errors", ThresholdRange: &v1beta1.CanaryThresholdRange{Min: &low}}
	}
	atMost := func(high float64) v1beta1.CanaryMetric {
		return v1beta1.CanaryMetric{Name: "errors", ThresholdRange: &v1beta1.CanaryThresholdRange{Max: &high}}
	}
	legacy := func(threshold float64) v1beta1.CanaryMetric {
		return v1beta1.CanaryMetric{Name: "errors", Threshold: threshold}
	}
	seconds, ms := Family{Unit: time.Second}, Family{Unit: time.Millisecond}

	cases := map[string]struct {
		reason  string
		stage   Stage
		family  Family
		metric  v1beta1.CanaryMetric
		result  float64
		verdict string
		message string
	}{
		"RateAtTheBound": {
			reason: "Bounds are inclusive.",
			stage:  SuccessRate, metric: atLeast(99), result: 99, verdict: pass,
		},
		"RateBelow": {
			reason: "The value has two decimals, the bound as many as were written.",
			stage:  SuccessRate, metric: atLeast(99.5), result: 98.126, verdict: fail,
			message: "Halt shop.prod advancement success rate 98.13% < 99.5%",
		},
		"RateAbove": {
			reason: "A success rate may have an upper bound.",
			stage:  SuccessRate, metric: atMost(50), result: 100, verdict: fail,
			message: "Halt shop.prod advancement success rate 100.00% > 50%",
		},
		"RateLegacy": {
			reason: "The legacy threshold of a success rate is a lower bound.",
			stage:  SuccessRate, metric: legacy(99), result: 0, verdict: fail,
			message: "Halt shop.prod advancement success rate 0.00% < 99%",
		},
		"RateWithoutBounds": {
			reason: "A missing legacy threshold is 0, which every success rate reaches.",
			stage:  SuccessRate, metric: legacy(0), result: 0, verdict: pass,
		},
		"DurationInSeconds": {
			reason: "A family that measures seconds is compared in milliseconds and printed as a duration.",
			stage:  Duration, family: seconds, metric: atMost(500), result: 1.5159, verdict: fail,
			message: "Halt shop.prod advancement request duration 1.515s > 500ms",
		},
		"DurationInMilliseconds": {
			reason: "A family that measures milliseconds is compared as it is.",
			stage:  Duration, family: ms, metric: atLeast(10), result: 3, verdict: fail,
			message: "Halt shop.prod advancement request duration 3ms < 10ms",
		},
		"DurationTruncated": {
			reason: "Fractions of a millisecond do not count, in the value nor in the bound.",
			stage:  Duration, family: seconds, metric: atMost(500.9), result: 0.5009, verdict: pass,
		},
		"DurationBoundBelowOne": {
			reason: "A bound below one millisecond is none at all.",
			stage:  Duration, family: seconds, metric: atMost(0.5), result: 0.001, verdict: fail,
			message: "Halt shop.prod advancement request duration 1ms > 0s",
		},
		"DurationWithoutBounds": {
			reason: "A missing legacy threshold is 0, which no duration keeps to.",
			stage:  Duration, family: seconds, metric: legacy(0), result: 0.002, verdict: fail,
			message: "Halt shop.prod advancement request duration 2ms > 0s",
		},
		"DurationEndless": {
			reason: "An infinite duration is the longest that can be printed.",
			stage:  Duration, family: seconds, metric: atMost(500), result: math.Inf(1), verdict: fail,
			message: "Halt shop.prod advancement request duration 2562047h47m16.854s > 500ms",
		},
		"InlineLegacy": {
			reason: "The legacy threshold of any other metric is an upper bound.",
			stage:  Inline, metric: legacy(1), result: 1.5, verdict: fail,
			message: "Halt shop.prod advancement errors 1.50 > 1",
		},
		"InlineWithoutBounds": {
			reason: "A missing legacy threshold is 0.",
			stage:  Inline, metric: legacy(0), result: 0.001, verdict: fail,
			message: "Halt shop.prod advancement errors 0.00 > 0",
		},
		"TemplateBelow": {
			reason: "Bounds keep the digits that were written.",
			stage:  Template, metric: atLeast(0.001), result: -1, verdict: fail,
			message: "Halt shop.prod advancement errors -1.00 < 0.001",
		},
		"TemplateInfinite": {
			reason: "Infinity is a value.",
			stage:  Template, metric: atMost(5), result: math.Inf(1), verdict: fail,
			message: "Halt shop.prod advancement errors +Inf > 5",
		},
		"TemplateEmptyRange": {
			reason: "An empty range hides the threshold and bounds nothing.",
			stage:  Template, result: 1e9, verdict: pass,
			metric: v1beta1.CanaryMetric{Threshold: 1, ThresholdRange: &v1beta1.CanaryThresholdRange{}},
		},
		"TemplateNaN": {
			reason: "NaN satisfies both comparisons, so it must not reach them.",
			stage:  Template, metric: legacy(1), result: math.NaN(), verdict: v1beta1.VerdictNoData,
			message: "Halt advancement no values found for custom metric: errors: no values found",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			k := Check{Stage: tc.stage, Canary: podinfo(), Metric: tc.metric, Family: tc.family}
			got := k.Judge(k.Measured(tc.result))
			if got.Verdict != tc.verdict || got.Message != tc.message {
				t.Errorf("%s\nJudge(%v): want %s %q, got %s %q",
					tc.reason, tc.result, tc.verdict, tc.message, got.Verdict, got.Message)
			}
		})
	}
}

func TestJudgeShowsItsNumbers(t *testing.T) {
	metric := v1beta1.CanaryMetric{Name: RequestDuration, ThresholdRange: between(10.5, 500)}
	k := Check{Stage: Duration, Canary: podinfo(), Metric: metric, Family: Family{Unit: time.Second}}
	value, low, high := 250.0, 10.0, 500.0
	want := Result{Verdict: v1beta1.VerdictPass, Value: &value, Min: &low, Max: &high}
	got := k.Judge(k.Measured(0.2509))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("The result carries what was compared, in milliseconds.\nJudge(...): -want +got\n%s", diff)
	}
	if got := k.Recorded(*got.Value); got != 0.25 {
		t.Errorf("The gauge has seconds: want 0.25, got %v", got)
	}
	if *metric.ThresholdRange.Min != 10.5 {
		t.Errorf("Judge changed the spec: min is now %v", *metric.ThresholdRange.Min)
	}
}

func TestTexts(t *testing.T) {
	cause := errors.New("boom")
	check := func(stage Stage, metric string) Check {
		return Check{Stage: stage, Canary: podinfo(), Provider: "istio", Metric: v1beta1.CanaryMetric{Name: metric}}
	}
	rate, duration := check(SuccessRate, RequestSuccessRate), check(Duration, RequestDuration)
	inline, custom := check(Inline, "errors"), check(Template, "errors")
	custom.Source = "datadog in metric template errors.prod"
	plain := rate
	plain.Family.PlainNoValues = true

	cases := map[string]struct{ got, want string }{
		"RateNoValues": {
			rate.NoValues("boom"),
			"Halt advancement no values found for istio metric request-success-rate probably podinfo.prod is not receiving traffic: running query failed: boom",
		},
		"PlainRateNoValues": {
			plain.NoValues("boom"),
			"Halt advancement no values found for istio metric request-success-rate probably podinfo.prod is not receiving traffic: boom",
		},
		"DurationNoValues": {
			duration.NoValues("boom"),
			"Halt advancement no values found for istio metric request-duration probably podinfo.prod is not receiving traffic",
		},
		"InlineNoValues":   {inline.NoValues("boom"), "Halt advancement no values found for metric: errors"},
		"TemplateNoValues": {custom.NoValues("boom"), "Halt advancement no values found for custom metric: errors: boom"},
		"RateFailed":       {rate.QueryFailed(cause), "Prometheus query failed: running query failed: boom"},
		"InlineFailed":     {inline.QueryFailed(cause), "Prometheus query failed for errors: boom"},
		"TemplateFailed":   {custom.QueryFailed(cause), "Metric query failed for errors: boom"},
		"TemplateDown":     {custom.Unanswered(cause), "Metric query failed for errors: datadog in metric template errors.prod: boom"},
		"RateDown":         {rate.Unanswered(cause), "Prometheus query failed: running query failed: boom"},
		"RateNotRun":       {rate.NotRun(cause), "Prometheus query failed: boom"},
		"InlineNotRun":     {inline.NotRun(cause), "Prometheus query failed for errors: boom"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if tc.got != tc.want {
				t.Errorf("want %q\ngot  %q", tc.want, tc.got)
			}
		})
	}
}
