package rollout

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/api/v1beta1"
)

// conditionsOf are a decision's conditions as "status reason message", by type.
func conditionsOf(dec Decision) map[string]string {
	all := map[string]string{}
	for _, c := range dec.Status.Conditions {
		all[c.Type] = string(c.Status) + " " + c.Reason + " " + c.Message
	}
	return all
}

func TestConditions(t *testing.T) {
	const (
		promotedType, ready         = v1beta1.PromotedCondition, v1beta1.ReadyCondition
		reconciling, stalledBecause = v1beta1.ReconcilingCondition, v1beta1.StalledCondition
	)
	const (
		waitingText     = "Waiting for approval."
		progressingText = "New revision detected, progressing canary analysis."
		copyingText     = "Canary analysis completed, starting primary rolling update."
		finalText       = "Canary analysis completed, routing all traffic to primary."
		failedText      = "Canary analysis failed, Deployment scaled to zero."
	)
	for name, test := range map[string]struct {
		reason string
		in     Observation
		want   map[string]string
	}{
		"Initializing": {
			reason: "A canary that begins.", in: observe(fresh()),
			want: map[string]string{
				promotedType: "Unknown Initializing New Deployment detected, starting initialization.",
				ready:        "Unknown Initializing New Deployment detected, starting initialization.",
				reconciling:  "True Initializing New Deployment detected, starting initialization.",
			},
		},
		"Initialized": {
			reason: "At rest nothing is reconciling.", in: observe(),
			want: map[string]string{
				promotedType: "True Initialized Deployment initialization completed.",
				ready:        "True Initialized Deployment initialization completed.",
			},
		},
		"Waiting": {
			reason: "A gate is waited for.", in: observe(waitingSince(time.Second)),
			want: map[string]string{
				promotedType: "Unknown Waiting " + waitingText, ready: "Unknown Waiting " + waitingText,
				reconciling: "True Waiting " + waitingText,
			},
		},
		"Progressing": {
			reason: "A run.", in: observe(progressingAt(20)),
			want: map[string]string{
				promotedType: "Unknown Progressing " + progressingText, ready: "Unknown Progressing " + progressingText,
				reconciling: "True Progressing " + progressingText,
			},
		},
		"ProgressingWithoutPods": {
			reason: "Reconciling says what is waited for.", in: observe(beginning(), starting()),
			want: map[string]string{
				promotedType: "Unknown Progressing " + progressingText, ready: "Unknown Progressing " + progressingText,
				reconciling: "True CanaryNotReady Waiting for the pods of the canary to be ready.",
			},
		},
		"ProgressingWithoutMetrics": {
			reason: "An outage of a provider ends by itself, so it stalls nothing; the cause is told.",
			in:     observe(progressingAt(20), metrics("errors"), measured(0, ProviderError, "Metric query failed for errors: refused")),
			want: map[string]string{
				promotedType: "Unknown Progressing " + progressingText, ready: "Unknown Progressing " + progressingText,
				reconciling: "True ProviderUnavailable Metric query failed for errors: refused",
			},
		},
		"ProgressingWithAQueryThatIsWrong": {
			reason: "A query that no provider understands waits for its author, who is told which and why.",
			in:     observe(progressingAt(20), metrics("errors"), unmeasurable(0, "Metric query failed for errors: parse error")),
			want: map[string]string{
				promotedType: "Unknown Progressing " + progressingText, ready: "Unknown Progressing " + progressingText,
				reconciling:    "True Progressing " + progressingText,
				stalledBecause: "True MetricFailed Metric query failed for errors: parse error",
			},
		},
		"ProgressingWithAFailedCheck": {
			reason: "describe says which check halted the run.",
			in:     observe(progressingAt(20), metrics("errors"), measured(0, Fail, "Halt podinfo.test advancement errors 7.00 > 5")),
			want: map[string]string{
				promotedType: "Unknown Progressing " + progressingText, ready: "Unknown Progressing " + progressingText,
				reconciling: "True MetricFailed The check errors failed; status.checks says how.",
			},
		},
		"Suspended": {
			reason: "The phase stays, Reconciling says that nobody works on it.",
			in:     observe(progressingAt(20), plan(func(p *Plan) { p.Suspended = true })),
			want: map[string]string{
				promotedType: "Unknown Progressing " + progressingText, ready: "Unknown Progressing " + progressingText,
				reconciling: "True Suspended skipping canary run as object is suspended",
			},
		},
		"SuspendedFromTheStart": {
			reason: "A canary without a phase has no condition that would need one.",
			in: observe(func(in *Observation) { in.Status = v1beta1.CanaryStatus{} }, plan(func(p *Plan) {
				p.Suspended = true
			})),
			want: map[string]string{reconciling: "True Suspended skipping canary run as object is suspended"},
		},
		"WaitingPromotion": {
			reason: "The other gate.",
			in: observe(at(v1beta1.PhaseWaitingPromotion, 60), hooks(v1beta1.HookConfirmPromotion),
				told(0, inRun, Fail, "closed")),
			want: map[string]string{
				promotedType: "Unknown WaitingPromotion Waiting for approval.", ready: "Unknown WaitingPromotion Waiting for approval.",
				reconciling: "True WaitingPromotion Waiting for approval.",
			},
		},
		"Promoting": {
			reason: "The primary rolls.", in: observe(promotingAt(60), primaryStarting(1)),
			want: map[string]string{
				promotedType: "Unknown Promoting " + copyingText, ready: "Unknown Promoting " + copyingText,
				reconciling: "True PrimaryNotReady Waiting for the pods of the primary to be ready.",
			},
		},
		"Finalising": {
			reason: "The canary drains.", in: observe(finalisingSince(time.Second)),
			want: map[string]string{
				promotedType: "Unknown Finalising " + finalText, ready: "Unknown Finalising " + finalText,
				reconciling: "True Draining Waiting for requests that are under way to end.",
			},
		},
		"Succeeded": {
			reason: "Promoted.", in: observe(finalisingSince(time.Minute)),
			want: map[string]string{
				promotedType: "True Succeeded Canary analysis completed successfully, promotion finished.",
				ready:        "True Succeeded Canary analysis completed successfully, promotion finished.",
			},
		},
		"Failed": {
			reason: "kstatus shows a failure, and that its pods are not gone yet.", in: observe(failedSince(time.Second)),
			want: map[string]string{
				promotedType: "False Failed " + failedText, ready: "False Failed " + failedText,
				reconciling:    "True Draining Waiting for requests that are under way to end.",
				stalledBecause: "True RolledBack " + failedText,
			},
		},
		"FailedPromotion": {
			reason: "The user is told what to mend.", in: observe(parkedOnCanary()),
			want: map[string]string{
				promotedType: "False Failed " + failedText, ready: "False Failed " + failedText,
				stalledBecause: "True PromotionFailed Users stay on the canary until the primary is ready.",
			},
		},
		"RefusedRoute": {
			reason: "The data plane's own words.",
			in:     observe(progressingAt(20), accepted(Refused, "HTTPRoute podinfo.test is refused")),
			want: map[string]string{
				promotedType: "Unknown Progressing " + progressingText, ready: "Unknown Progressing " + progressingText,
				reconciling:    "True Progressing " + progressingText,
				stalledBecause: "True RouteNotTaken HTTPRoute podinfo.test is refused",
			},
		},
		"Terminating": {
			reason: "Not that something new was detected (flaw E2).", in: observe(terminatingNow),
			want: map[string]string{
				promotedType: "Unknown Terminating Terminating, handing traffic back to the Deployment.",
				ready:        "Unknown Terminating Terminating, handing traffic back to the Deployment.",
				reconciling:  "True Terminating Terminating, handing traffic back to the Deployment.",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, conditionsOf(Decide(test.in))); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", test.reason, diff)
			}
		})
	}
}

// TestConditionsDoNotFlap: times and generations move only with what they are about.
func TestConditionsDoNotFlap(t *testing.T) {
	old := metav1.Time{Time: now.Add(-time.Hour)}
	stored := func(kind, status, reason, message string, generation int64) v1beta1.CanaryCondition {
		return v1beta1.CanaryCondition{
			Type: kind, Status: "Unknown", Reason: reason, Message: message, ObservedGeneration: generation,
			LastUpdateTime: old, LastTransitionTime: old,
		}
	}
	find := func(dec Decision, kind string) v1beta1.CanaryCondition {
		return dec.Status.Conditions[conditionIndex(dec.Status.Conditions, kind)]
	}

	t.Run("PromotedIsUntouchedWhileItsReasonStands", func(t *testing.T) {
		before := stored(v1beta1.PromotedCondition, "Unknown", "Progressing", "an older wording", 0)
		in := observe(progressingAt(20), func(in *Observation) { in.Status.Conditions = []v1beta1.CanaryCondition{before} })
		if diff := cmp.Diff(before, find(Decide(in), v1beta1.PromotedCondition)); diff != "" {
			t.Errorf("the rule that users know (-want +got):\n%s", diff)
		}
	})
	t.Run("PromotedKeepsItsTransitionWithItsStatus", func(t *testing.T) {
		before := stored(v1beta1.PromotedCondition, "Unknown", "Progressing", "", 0)
		in := observe(progressingAt(60), func(in *Observation) { in.Status.Conditions = []v1beta1.CanaryCondition{before} })
		got := find(Decide(in), v1beta1.PromotedCondition)
		if got.Reason != "Promoting" || got.LastTransitionTime != old || !got.LastUpdateTime.Time.Equal(now) {
			t.Errorf("only the reason has changed, got %+v", got)
		}
	})
	t.Run("OursFollowTheGeneration", func(t *testing.T) {
		dec := Decide(observe(progressingAt(20)))
		if got := find(dec, v1beta1.ReadyCondition).ObservedGeneration; got != 3 || dec.Status.ObservedGeneration != 3 {
			t.Errorf("Flux and Argo CD compare generations, got %d and %d", got, dec.Status.ObservedGeneration)
		}
	})
	t.Run("NothingChangesAtRest", func(t *testing.T) {
		once := Decide(observe())
		in := observe(func(in *Observation) { in.Status, in.Now = once.Status, now.Add(time.Hour) })
		if diff := cmp.Diff(once.Status, Decide(in).Status); diff != "" {
			t.Errorf("an idle canary writes nothing (-first +second):\n%s", diff)
		}
	})
	t.Run("TheStatusIsDatedWhenItChanges", func(t *testing.T) {
		if got := Decide(observe(progressingAt(20))).Status.LastTransitionTime; !got.Time.Equal(now) {
			t.Errorf("a step is dated, got %v", got)
		}
	})
}

// TestChecks: the last result of every check says why a rollout stands where it stands.
func TestChecks(t *testing.T) {
	value, most := 7.0, 5.0
	in := observe(progressingAt(20), hooks(v1beta1.HookRollout), metrics("latency", "errors"), checked(kindMetric, "errors", Pass),
		told(0, inRun, Pass, ""), measured(0, Pass, ""))
	in.Answers[metricQuestion(1)] = Answer{Verdict: Fail, Message: "Halt podinfo.test advancement errors 7.00 > 5", Value: &value, Max: &most}
	at := metav1.Time{Time: now}
	want := []v1beta1.CheckResult{
		{Kind: "metric", Name: "errors", Verdict: "Fail", Value: &value, Max: &most, Message: "Halt podinfo.test advancement errors 7.00 > 5", Time: at},
		{Kind: "rollout", Name: "rollout", Verdict: "Pass", Time: at},
		{Kind: "metric", Name: "latency", Verdict: "Pass", Time: at},
	}
	if diff := cmp.Diff(want, Decide(in).Status.Checks); diff != "" {
		t.Errorf("checks differ (-want +got):\n%s", diff)
	}

	failed := Decide(observe(progressingAt(20), failedChecks(2), checked(kindMetric, "errors", Fail)))
	if len(failed.Status.Checks) != 1 {
		t.Errorf("a failed run keeps the results that tell why, got %v", failed.Status.Checks)
	}
	again := Decide(observe(failedFlat(), pushed(revC), checked(kindMetric, "errors", Fail)))
	if len(again.Status.Checks) != 0 {
		t.Errorf("a new run begins without results, got %v", again.Status.Checks)
	}

	many := observe(progressingAt(20), metrics("last"), measured(0, Pass, ""))
	for range mostChecks {
		checked(kindMetric, "filler", Pass)(&many)
	}
	if got := len(Decide(many).Status.Checks); got != mostChecks {
		t.Errorf("the status is bounded, got %d results", got)
	}
}
