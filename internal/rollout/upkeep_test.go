package rollout

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/api/v1beta1"
)

// drainTime is the drain of the plan in these tables.
const drainTime = 10 * time.Second

func autoscaled(in *Observation) { in.Plan.Autoscaled = true }

func TestScaler(t *testing.T) {
	ensured, synced := []Action{EnsureScaler{}}, []Action{SyncScaler{}}
	for name, test := range map[string]struct {
		reason string
		in     Observation
		want   []Action
	}{
		"NoAutoscaler":  {"There is nothing to keep.", observe(), nil},
		"AtRest":        {"A change of the bounds reaches the primary at once (flaw D5).", observe(autoscaled), synced},
		"WithARelease":  {"What comes with a release is promoted with it.", observe(autoscaled, pushed(revB)), ensured},
		"UnderAnalysis": {"Until then the primary keeps its own.", observe(autoscaled, progressingAt(20)), ensured},
		"Promoting":     {"Then it gets the new one.", observe(autoscaled, promotingAt(20), primaryStarting(1)), synced},
		"AfterAFailure": {"What came with a release that failed is not promoted.", observe(autoscaled, failedFlat()), ensured},
		"Obstructed":    {"A wrong one is copied nowhere.", observe(autoscaled, obstacle), nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := slices.DeleteFunc(slices.Clone(Decide(test.in).Actions), func(a Action) bool {
				return a != Action(EnsureScaler{}) && a != Action(SyncScaler{})
			})
			if !slices.Equal(got, test.want) {
				t.Errorf("%s got %v, want %v", test.reason, got, test.want)
			}
		})
	}
}

func TestResize(t *testing.T) {
	pods := func(n int) option { return func(in *Observation) { in.Target.Replicas = n } }
	resized := did(SyncPrimary{Revision: revA})
	runRows(t, map[string]row{
		"FollowsTheUser": {
			reason: "Somebody who asks for three pods means those that serve (flaw D5).", in: observe(pods(3)), want: decided(resized),
		},
		"LeavesAnAutoscalerAlone": {
			reason: "It knows better.", in: observe(pods(3), autoscaled), want: decided(did(SyncScaler{})),
		},
		"IsDoneOnce":  {reason: "They agree.", in: observe(pods(2)), want: decided()},
		"IgnoresZero": {reason: "A target at rest says nothing about size.", in: observe(pods(0)), want: decided()},
		"WaitsForARun": {
			reason: "A revision that comes with another size is analysed first.", in: observe(pods(3), pushed(revB)),
			want: decided(enters(inRun), applied(revB), did(ScaleCanary{Direction: Up}),
				said(normal(ReasonNewRevision, "New revision detected! Scaling up podinfo.test"))),
		},
	})
}

// TestRouteIsDated: pods outlive the users whom somebody else sent them by the drain, which counts from when those leave.
func TestRouteIsDated(t *testing.T) {
	for name, test := range map[string]struct {
		in    Observation
		dated bool
	}{
		"AsItShouldBe": {in: observe()},
		"Edited":       {in: observe(drifted(Split(46))), dated: true},
		"Deleted":      {in: observe(routeGone), dated: true},
		"NeverThere":   {in: observe(unrouted())},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Decide(test.in).Status.LastRouteTime.Time.Equal(now); got != test.dated {
				t.Errorf("users left now: %v, want %v", got, test.dated)
			}
		})
	}
}

// TestReadinessIsRemembered: a workload that cannot tell since when it is waiting is given up by what the status says.
func TestReadinessIsRemembered(t *testing.T) {
	limited := func(in *Observation) {
		starting()(in)
		in.Target.Deadline, in.Target.Limit = time.Time{}, time.Minute
		in.Target.StuckReason = "canary damonset podinfo.test not ready: exceeded its progressDeadlineSeconds: 60"
	}
	since := func(d time.Duration) option {
		return func(in *Observation) {
			in.Status.Checks = append(in.Status.Checks, v1beta1.CheckResult{
				Kind: kindReadiness, Name: "podinfo", Verdict: v1beta1.VerdictFail, Time: metav1.Time{Time: now.Add(-d)},
			})
		}
	}
	begun := condition(v1beta1.ReconcilingCondition, reasonCanaryNotReady)
	runRows(t, map[string]row{
		"IsToldOnce": {
			reason: "It is on its way.", in: observe(progressingAt(20), limited, begun, since(59*time.Second)),
			want: decided(wakes(time.Second), did(ScaleCanary{Direction: Up})),
		},
		"IsGivenUp": {
			reason: "The limit counts from what was recorded, not from the last change of the canary (flaw B13).",
			in:     observe(progressingAt(20), limited, begun, since(time.Minute)),
			want: decided(enters(v1beta1.PhaseFailed), counts(0, 0, 0), did(Route{Traffic: ToPrimary()}), wakes(drainTime),
				ended(RolledBack, nil), said(
					warning(ReasonRolledBack, "canary damonset podinfo.test not ready: exceeded its progressDeadlineSeconds: 60"),
					warning(ReasonRolledBack, "Canary failed! Scaling down podinfo.test"))),
		},
	})

	held := Decide(observe(progressingAt(20), limited))
	check := held.Status.Checks[0]
	if check.Kind != kindReadiness || check.Name != "podinfo" || check.Verdict != v1beta1.VerdictFail || held.After != time.Minute {
		t.Errorf("a workload that holds a canary up is in status.checks, got %+v, next look in %v", check, held.After)
	}
	ready := Decide(observe(progressingAt(20), analysedAgo(time.Second), since(time.Minute)))
	if got := ready.Status.Checks[0].Verdict; got != v1beta1.VerdictPass {
		t.Errorf("and passes once it is ready, got %s", got)
	}
}
