package controller

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/api/v1beta1"
)

// summary is what users read off a canary's status. The conditions are "Status Reason", empty for none.
type summary struct {
	phase                      v1beta1.CanaryPhase
	weight, iterations, failed int
	promoted, ready            string
	reconciling, stalled       string
	checks                     map[string]string
	// promotedIsApplied tells that no revision is under way or failed.
	promotedIsApplied bool
}

func (w *world) summary() summary {
	w.Helper()
	status := w.canary().Status
	s := summary{
		phase:             status.Phase,
		weight:            status.CanaryWeight,
		iterations:        status.Iterations,
		failed:            status.FailedChecks,
		promoted:          conditionOf(status, v1beta1.PromotedCondition),
		ready:             conditionOf(status, v1beta1.ReadyCondition),
		reconciling:       conditionOf(status, v1beta1.ReconcilingCondition),
		stalled:           conditionOf(status, v1beta1.StalledCondition),
		promotedIsApplied: status.LastAppliedSpec == status.LastPromotedSpec,
	}
	for _, check := range status.Checks {
		if s.checks == nil {
			s.checks = map[string]string{}
		}
		s.checks[check.Kind+"/"+check.Name] = check.Verdict
	}
	return s
}

func conditionOf(status v1beta1.CanaryStatus, kind string) string {
	for _, condition := range status.Conditions {
		if condition.Type == kind {
			return string(condition.Status) + " " + condition.Reason
		}
	}
	return ""
}

func messageOf(c *v1beta1.Canary, kind string) string {
	for _, condition := range c.Status.Conditions {
		if condition.Type == kind {
			return condition.Message
		}
	}
	return ""
}

// expect compares, and says of a difference why it matters.
func expect[V any](t testing.TB, reason string, want, got V) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(summary{}, history{}, outcome{})); diff != "" {
		t.Errorf("%s\n-want +got\n%s", reason, diff)
	}
}
