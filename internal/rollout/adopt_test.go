package rollout

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/api/v1beta1"
)

// Identities as Flagger writes them.
const (
	theirA = "5498f4fcd6"
	theirB = "67c757ffb7"
)

// theirs is a status of Flagger's, written ten seconds ago: it knows none of our fields.
func theirs(phase v1beta1.CanaryPhase, applied, promoted string) option {
	return func(in *Observation) {
		in.Status = v1beta1.CanaryStatus{
			Phase: phase, LastAppliedSpec: applied, LastPromotedSpec: promoted,
			LastTransitionTime: metav1.Time{Time: now.Add(-10 * time.Second)},
		}
	}
}

// theirRun is a run of B that Flagger left; the primary is one that cannot be told from the target's template.
func theirRun(phase v1beta1.CanaryPhase, weight, iterations int, canary Weight) option {
	return func(in *Observation) {
		theirs(phase, theirB, theirA)(in)
		in.Status.CanaryWeight, in.Status.Iterations = weight, iterations
		in.Target = Workload{Exists: true, Revision: revB, Readiness: Ready, Replicas: 2, Available: 2}
		in.Primary.Revision = ""
		in.Routing.Traffic = Split(canary)
	}
}

func TestAdopt(t *testing.T) {
	atRest := []v1beta1.CanaryPhase{v1beta1.PhaseInitialized, v1beta1.PhaseSucceeded}
	for _, phase := range atRest {
		t.Run(string(phase), func(t *testing.T) {
			runRows(t, map[string]row{
				"Records": {
					reason: "An unchanged workload never rolls on adoption (I6): our identity takes the place of theirs.",
					in:     observe(theirs(phase, theirA, theirA)),
					want:   decided(applied(revA), promoted(revA)),
				},
				"RunsWhatWasPushedMeanwhile": {
					reason: "The target is not what the primary carries: somebody pushed while nobody watched.",
					in:     observe(theirs(phase, theirA, theirA), pushed(revB), primaryAt("")),
					want: decided(enters(inRun), applied(revB), did(ScaleCanary{Direction: Up}),
						said(normal(ReasonNewRevision, "New revision detected! Scaling up podinfo.test"))),
				},
			})
		})
	}
	runRows(t, map[string]row{
		"WaitsOn": {
			reason: "The revision at the gate is recorded by its run, not by its waiting.",
			in:     observe(theirs(v1beta1.PhaseWaiting, theirA, theirA), pushed(revB), primaryAt(""), hooks(v1beta1.HookConfirmRollout)),
			want:   decided(asked(hookQuestion(0, v1beta1.PhaseWaiting))),
		},
		"SeesThatAWaitingTargetIsReverted": {
			reason: "The primary renders from the target's template, so that is what is promoted.",
			in:     observe(theirs(v1beta1.PhaseWaiting, theirA, theirA), hooks(v1beta1.HookConfirmRollout)),
			want:   decided(enters(v1beta1.PhaseSucceeded), applied(revA), promoted(revA)),
		},
		"GoesOnFromTheWeightOfTheRoute": {
			reason: "Users see 40 percent, whatever the status says; the next look is due an interval after Flagger's last.",
			in:     observe(theirRun(inRun, 20, 0, 40)),
			want:   decided(applied(revB), counts(40, 0, 0), wakes(20*time.Second)),
		},
		"GoesOnWithIterations": {
			reason: "Iterations are in Flagger's status.",
			in:     observe(theirRun(inRun, 0, 1, 0), strategy(BlueGreen, 2)),
			want:   decided(applied(revB), counts(0, 1, 0), wakes(20*time.Second)),
		},
		"BeginsWhatFlaggerOnlyStarted": {
			reason: "At weight 0 nothing was analysed, so nothing is repeated.",
			in:     observe(theirRun(inRun, 0, 0, 0)),
			want: decided(applied(revB), counts(20, 0, 0), ticked(), did(Route{Traffic: Split(20)}),
				said(normal(ReasonAnalysisStarted, "Starting canary analysis for podinfo.test"),
					normal(ReasonWeightAdvanced, "Advance podinfo.test canary weight 20"))),
		},
		"RestoresTheCountersOfAWaitingPromotion": {
			reason: "Flagger writes weight 0 and iterations -1 there (flaw B8); the route knows better.",
			in:     observe(theirRun(v1beta1.PhaseWaitingPromotion, 0, -1, 60)),
			want:   decided(applied(revB), counts(60, 0, 0), wakes(20*time.Second)),
		},
		"RestoresTheIterationsOfAWaitingPromotion": {
			reason: "All iterations are done, and with all traffic on the canary the one after them too.",
			in:     observe(theirRun(v1beta1.PhaseWaitingPromotion, 0, 1, 100), strategy(BlueGreen, 2)),
			want:   decided(applied(revB), counts(0, 3, 0), wakes(20*time.Second)),
		},
		"FinishesAPromotion": {
			reason: "Flagger has copied B already: the primary is not rolled again.",
			in:     observe(theirRun(v1beta1.PhasePromoting, 60, 0, 60), primaryAt(revB)),
			want: decided(enters(v1beta1.PhaseFinalising), applied(revB), counts(0, 0, 0), did(Route{Traffic: ToPrimary()}),
				wakes(10*time.Second), said(normal(ReasonTrafficSwitched, "Routing all traffic to primary"))),
		},
		"PromotesNothingUnseen": {
			reason: "The primary has what was analysed, so the target has something newer: it is analysed, not copied (I3).",
			in:     observe(theirRun(v1beta1.PhasePromoting, 60, 0, 60)),
			want: decided(enters(inRun), applied(revB), counts(0, 0, 0), did(Route{Traffic: ToPrimary()}, ScaleCanary{Direction: Up}),
				said(normal(ReasonRestarted, "New revision detected! Restarting analysis for podinfo.test"))),
		},
		"DrainsAtTheEnd": {
			reason: "Flagger may have moved users a moment ago.",
			in:     observe(theirRun(v1beta1.PhaseFinalising, 0, 0, 0), primaryAt(revB)),
			want:   decided(applied(revB), wakes(10*time.Second)),
		},
		"NeverRunsAFailureAgain": {
			reason: "What failed under Flagger has failed.",
			in:     observe(theirRun(v1beta1.PhaseFailed, 0, 0, 0), scaledToZero()),
			want:   decided(applied(revB)),
		},
		"SeesThatAFailureIsReverted": {
			reason: "The target is back at what the primary carries.",
			in:     observe(theirRun(v1beta1.PhaseFailed, 0, 0, 0), scaledToZero(), pushed(revA), primaryAt(revA)),
			want:   decided(applied(revA), promoted(revA)),
		},
		"KeepsUsersWhereAFailedPromotionParkedThem": {
			reason: "The primary still cannot serve.",
			in:     observe(theirRun(v1beta1.PhaseFailed, 100, 0, 100), primaryAt(revB), primaryStuck(0)),
			want:   decided(applied(revB)),
		},
		"SeesARevertInTheMiddle": {
			reason: "Once the run is ours, a revert cancels it although Flagger's promoted identity means nothing here.",
			in:     observe(progressingAt(40), func(in *Observation) { in.Status.LastPromotedSpec = theirA }, pushed(revA)),
			want: decided(enters(v1beta1.PhaseFinalising), applied(revA), promoted(revA), counts(0, 0, 0),
				did(Route{Traffic: ToPrimary()}), wakes(10*time.Second),
				said(normal(ReasonCancelled, "Analysis cancelled! podinfo.test is back at the promoted revision"))),
		},
		"DecidesNothingOnAnUnknownTarget": {
			reason: "A target that could not be identified is not taken for another revision.",
			in:     observe(theirs(v1beta1.PhaseSucceeded, theirA, theirA), func(in *Observation) { in.Deleting = true }, pushed("")),
			want:   decided(did(Forget{})),
		},
	})
}
