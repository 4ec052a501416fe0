package telemetry

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/api/v1beta1"
)

// told returns the status of a run whose last change was at so many Unix seconds.
func told(phase v1beta1.CanaryPhase, weight, failedChecks int, at int64) v1beta1.CanaryStatus {
	return v1beta1.CanaryStatus{Phase: phase, CanaryWeight: weight, FailedChecks: failedChecks, LastTransitionTime: metav1.Unix(at, 0)}
}

func TestProgress(t *testing.T) {
	const name = "flagger_canary_progress_timestamp_seconds"
	cases := map[string]struct {
		reason   string
		statuses []v1beta1.CanaryStatus
		want     []string
	}{
		"FirstSight": {
			"After a restart the last change is all that is known.",
			[]v1beta1.CanaryStatus{told("Progressing", 10, 3, 100)},
			[]string{`{name="podinfo",namespace="test",phase="Progressing"} 100`},
		},
		"Step": {
			"More traffic is progress.",
			[]v1beta1.CanaryStatus{told("Progressing", 10, 0, 100), told("Progressing", 20, 0, 160)},
			[]string{`{name="podinfo",namespace="test",phase="Progressing"} 160`},
		},
		"FailedCheck": {
			"A failed check changes the status, but is no progress: this is how a rollout is found stuck.",
			[]v1beta1.CanaryStatus{told("Progressing", 10, 0, 100), told("Progressing", 10, 1, 160)},
			[]string{`{name="podinfo",namespace="test",phase="Progressing"} 100`},
		},
		"Iteration": {
			"Where no traffic is moved, iterations are.",
			[]v1beta1.CanaryStatus{
				{Phase: "Progressing", Iterations: 1, LastTransitionTime: metav1.Unix(100, 0)},
				{Phase: "Progressing", Iterations: 2, LastTransitionTime: metav1.Unix(160, 0)},
			},
			[]string{`{name="podinfo",namespace="test",phase="Progressing"} 160`},
		},
		"NewRevision": {
			"A run that begins again has been at its step for no time.",
			[]v1beta1.CanaryStatus{
				{Phase: "Progressing", LastAppliedSpec: "h1:1", LastTransitionTime: metav1.Unix(100, 0)},
				{Phase: "Progressing", LastAppliedSpec: "h1:2", LastTransitionTime: metav1.Unix(160, 0)},
			},
			[]string{`{name="podinfo",namespace="test",phase="Progressing"} 160`},
		},
		"Phase": {
			"A canary is in one phase.",
			[]v1beta1.CanaryStatus{told("Finalising", 0, 0, 100), told("Succeeded", 0, 0, 160)},
			[]string{`{name="podinfo",namespace="test",phase="Succeeded"} 160`},
		},
		"BeforeTheFirst": {
			"A canary without a phase is being initialised.",
			[]v1beta1.CanaryStatus{told("", 0, 0, 100)},
			[]string{`{name="podinfo",namespace="test",phase="Initializing"} 100`},
		},
		"Undated": {
			"A step of unknown age would look as old as the calendar.",
			[]v1beta1.CanaryStatus{{Phase: "Progressing"}},
			nil,
		},
	}
	for label, tc := range cases {
		t.Run(label, func(t *testing.T) {
			compareSeries(t, tc.reason, name, tc.want, func(r *Recorder) {
				for _, status := range tc.statuses {
					c := podinfo("")
					c.Status = status
					r.Status(c)
				}
			})
		})
	}
}

// checks are results with these verdicts.
func checks(verdicts ...string) []v1beta1.CheckResult {
	var results []v1beta1.CheckResult
	for _, verdict := range verdicts {
		results = append(results, v1beta1.CheckResult{Verdict: verdict})
	}
	return results
}

func TestChecks(t *testing.T) {
	cases := map[string]struct {
		reason string
		looks  [][]v1beta1.CheckResult
		want   []string
	}{
		"None": {"What was not checked has no verdict.", [][]v1beta1.CheckResult{nil}, nil},
		"Counted": {
			"One series tells how many failed.",
			[][]v1beta1.CheckResult{checks("Pass", "Fail", "Fail")},
			[]string{`{name="podinfo",namespace="test",verdict="Fail"} 2`, `{name="podinfo",namespace="test",verdict="Pass"} 1`},
		},
		"Recovered": {
			"An outage that is over is no alert.",
			[][]v1beta1.CheckResult{checks("Error"), checks("Pass")},
			[]string{`{name="podinfo",namespace="test",verdict="Pass"} 1`},
		},
	}
	for label, tc := range cases {
		t.Run(label, func(t *testing.T) {
			compareSeries(t, tc.reason, "flagger_canary_checks", tc.want, func(r *Recorder) {
				for _, look := range tc.looks {
					c := podinfo(v1beta1.PhaseProgressing)
					c.Status.Checks = look
					r.Status(c)
				}
			})
		})
	}
}

func TestValuesEndWithTheirMetric(t *testing.T) {
	measured := podinfo(v1beta1.PhaseProgressing)
	measured.Spec.Analysis = &v1beta1.CanaryAnalysis{Metrics: []v1beta1.CanaryMetric{{Name: "error-rate"}, {Name: "latency"}}}
	renamed := podinfo(v1beta1.PhaseProgressing)
	renamed.Spec.Analysis = &v1beta1.CanaryAnalysis{Metrics: []v1beta1.CanaryMetric{{Name: "errors"}, {Name: "latency"}}}
	cases := map[string]struct {
		reason string
		now    *v1beta1.Canary
		want   []string
	}{
		"Kept": {"A last value stays until the next.", measured,
			[]string{`{metric="error-rate",name="podinfo",namespace="test"} 1`, `{metric="latency",name="podinfo",namespace="test"} 2`}},
		"Renamed":    {"Nobody measures the former name again.", renamed, []string{`{metric="latency",name="podinfo",namespace="test"} 2`}},
		"NoAnalysis": {"Nobody measures anything.", podinfo(v1beta1.PhaseSucceeded), nil},
	}
	for label, tc := range cases {
		t.Run(label, func(t *testing.T) {
			compareSeries(t, tc.reason, "flagger_canary_metric_analysis", tc.want, func(r *Recorder) {
				r.Analysis(measured, "error-rate", 1)
				r.Analysis(measured, "latency", 2)
				r.Status(tc.now)
			})
		})
	}
}

// compareSeries compares what is told of one metric after a story; want is without its name.
func compareSeries(t *testing.T, reason, name string, want []string, story func(*Recorder)) {
	t.Helper()
	r := New("1.44.0", "istio")
	story(r)
	var named []string
	for _, labels := range want {
		named = append(named, name+labels)
	}
	if diff := cmp.Diff(named, series(scrape(t, r), name+"{")); diff != "" {
		t.Errorf("%s\n(-want +got):\n%s", reason, diff)
	}
}
