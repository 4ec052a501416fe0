package analysis

import (
	"fmt"
	"math"
	"time"

	"flagger.app/flagger/api/v1beta1"
)

// Stage is how a metric is measured. It decides which way a legacy threshold points and how events are worded.
type Stage int

const (
	// SuccessRate is the builtin request-success-rate, in percent.
	SuccessRate Stage = iota
	// Duration is the builtin request-duration; values and bounds are milliseconds.
	Duration
	// Inline is a query in the canary, in its own unit.
	Inline
	// Template is a query in a MetricTemplate, in its own unit.
	Template
)

// Check is one metric of a canary in one stage.
type Check struct {
	Stage  Stage
	Canary *v1beta1.Canary
	Metric v1beta1.CanaryMetric
	// Provider is the name of the metrics provider, and Family what it selects; only for the builtin stages.
	Provider string
	Family   Family
	// Source says who is asked, where the texts of the stage do not; only for templates.
	Source string
}

// Result is what became of a check.
type Result struct {
	// Verdict is one of the API's verdicts.
	Verdict string
	// Message is the complete event text, empty for a pass.
	Message string
	// Value, Min and Max are the measured value and its bounds where there are any, in the unit of the stage.
	Value, Min, Max *float64
}

// Measured returns the value of a query's result in the unit of the stage. Milliseconds are whole: fractions are
// dropped, and what a time.Duration cannot hold becomes the nearest value that it can.
func (k Check) Measured(result float64) float64 {
	if k.Stage != Duration {
		return result
	}
	return wholeMilliseconds(result * float64(k.Family.Unit/time.Millisecond))
}

// Recorded returns a measured value in the unit of the gauge flagger_canary_metric_analysis, which has seconds for
// durations.
func (k Check) Recorded(value float64) float64 {
	if k.Stage != Duration {
		return value
	}
	return value / 1000
}

// Judge compares a measured value with the bounds; a value equal to a bound passes. NaN is no value.
func (k Check) Judge(value float64) Result {
	low, high := k.bounds()
	r := Result{Verdict: v1beta1.VerdictPass, Value: &value, Min: low, Max: high}
	switch {
	case math.IsNaN(value):
		return Result{Verdict: v1beta1.VerdictNoData, Message: k.NoValues("no values found"), Min: low, Max: high}
	case low != nil && value < *low:
		r.Verdict, r.Message = v1beta1.VerdictFail, k.halt(value, "<", *low)
	case high != nil && value > *high:
		r.Verdict, r.Message = v1beta1.VerdictFail, k.halt(value, ">", *high)
	}
	return r
}

// bounds are inclusive; nil is no bound. A threshold range, even an empty one, hides the legacy threshold, which is
// a lower bound for the success rate, else an upper one, and 0 if missing.
func (k Check) bounds() (low, high *float64) {
	switch bounds := k.Metric.ThresholdRange; {
	case bounds != nil:
		low, high = bounds.Min, bounds.Max
	case k.Stage == SuccessRate:
		low = &k.Metric.Threshold
	default:
		high = &k.Metric.Threshold
	}
	return k.whole(low), k.whole(high)
}

// whole drops the fraction of a bound where the stage measures whole milliseconds.
func (k Check) whole(bound *float64) *float64 {
	if k.Stage != Duration || bound == nil {
		return bound
	}
	ms := wholeMilliseconds(*bound)
	return &ms
}

func (k Check) halt(value float64, relation string, bound float64) string {
	prefix := fmt.Sprintf("Halt %s.%s advancement ", k.Canary.Name, k.Canary.Namespace)
	switch k.Stage {
	case SuccessRate:
		return prefix + fmt.Sprintf("success rate %.2f%% %s %v%%", value, relation, bound)
	case Duration:
		return prefix + fmt.Sprintf("request duration %v %s %v", milliseconds(value), relation, milliseconds(bound))
	case Inline, Template:
	}
	return prefix + fmt.Sprintf("%s %.2f %s %v", k.Metric.Name, value, relation, bound)
}

// NoValues returns the event text for a provider that answered without a value; cause is its own text.
func (k Check) NoValues(cause string) string {
	const start = "Halt advancement no values found for "
	receiving := fmt.Sprintf("%s metric %s probably %s.%s is not receiving traffic",
		k.Provider, k.Metric.Name, k.Canary.Spec.TargetRef.Name, k.Canary.Namespace)
	switch k.Stage {
	case SuccessRate:
		if !k.Family.PlainNoValues {
			cause = "running query failed: " + cause
		}
		return start + receiving + ": " + cause
	case Duration:
		return start + receiving
	case Inline:
		return start + "metric: " + k.Metric.Name
	case Template:
	}
	return fmt.Sprintf("%scustom metric: %s: %s", start, k.Metric.Name, cause)
}

// Unanswered returns the event text for a provider that could not be asked.
func (k Check) Unanswered(cause error) string {
	if k.Source != "" {
		cause = fmt.Errorf("%s: %w", k.Source, cause)
	}
	return k.QueryFailed(cause)
}

// QueryFailed returns the event text for a query that brought an error.
func (k Check) QueryFailed(cause error) string {
	switch k.Stage {
	case SuccessRate, Duration:
		return fmt.Sprintf("Prometheus query failed: running query failed: %v", cause)
	case Inline:
		return fmt.Sprintf("Prometheus query failed for %s: %v", k.Metric.Name, cause)
	case Template:
	}
	return fmt.Sprintf("Metric query failed for %s: %v", k.Metric.Name, cause)
}

// NotRun returns the event text for a query of the builtin or inline stage that could not even be sent.
func (k Check) NotRun(cause error) string {
	if k.Stage == Inline {
		return fmt.Sprintf("Prometheus query failed for %s: %v", k.Metric.Name, cause)
	}
	return fmt.Sprintf("Prometheus query failed: %v", cause)
}

// wholeMilliseconds drops the fraction of ms and keeps it within what a time.Duration can hold.
func wholeMilliseconds(ms float64) float64 {
	const most = float64(math.MaxInt64 / int64(time.Millisecond))
	return math.Trunc(max(-most, min(most, ms)))
}

func milliseconds(ms float64) time.Duration {
	return time.Duration(ms) * time.Millisecond
}
