package rollout

import (
	"testing"
	"time"

	"flagger.app/flagger/api/v1beta1"
)

func TestWaiting(t *testing.T) {
	const phase = v1beta1.PhaseWaiting
	rollback := hooks(v1beta1.HookRollback)
	runRows(t, map[string]row{
		"PollsAtTheInterval": {
			reason: "A gate cannot be watched, and is not asked at every wake-up either.",
			in:     observe(waitingSince(10 * time.Second)),
			want:   decided(wakes(20 * time.Second)),
		},
		"AsksAgain": {
			reason: "The gate is told the phase that the canary waits in.",
			in:     observe(waitingSince(30 * time.Second)),
			want:   decided(asked(hookQuestion(0, phase))),
		},
		"SaysNothingTwice": {
			reason: "One warning for one closed gate, however long it stays closed.",
			in:     observe(waitingSince(30*time.Second), told(0, phase, Fail, "closed")),
			want:   decided(wakes(30 * time.Second)),
		},
		"TellsTheGatesBeforeItOnce": {
			reason: "The open gate before a closed one was told when the waiting began.",
			in: observe(waitingSince(30*time.Second), hooks(v1beta1.HookConfirmRollout),
				checked("confirm-rollout", "confirm-rollout", Fail), told(0, phase, Pass, ""), told(1, phase, Fail, "closed")),
			want: decided(wakes(30 * time.Second)),
		},
		"BeginsWhenTheGateOpens": {
			reason: "An open gate starts the run at once.",
			in:     observe(waitingSince(30*time.Second), told(0, phase, Pass, "")),
			want: decided(enters(v1beta1.PhaseProgressing), applied(revB), did(ScaleCanary{Direction: Up}),
				said(normal(ReasonGatePassed, "Confirm-rollout check confirm-rollout passed"),
					normal(ReasonNewRevision, "New revision detected! Scaling up podinfo.test"))),
		},
		"EndsWhenTheTargetIsReverted": {
			reason: "Nobody waits for an approval of what is no longer there (flaw B6).",
			in:     observe(waitingSince(10*time.Second), pushed(revA)),
			want:   decided(enters(v1beta1.PhaseSucceeded)),
		},
		"FailsAsBeforeWhenTheTargetIsBackAtAFailure": {
			reason: "A with this config was tried and failed; a primary that is gone must not be made anew from it (I3).",
			in: observe(waitingSince(10*time.Second), runOf(revA), pushed(revA), configs("2", "2"), primaryGone(), func(in *Observation) {
				in.Status.LastPromotedConfigs = Fingerprint(map[string]string{"configmap/app": "1"})
			}),
			want: decided(enters(v1beta1.PhaseFailed)),
		},
		"StopsThePodsOfARevertedTarget": {
			reason: "A manifest that sets replicas has started pods that nobody needs; they go by way of Finalising.",
			in:     observe(waitingSince(10*time.Second), pushed(revA), func(in *Observation) { in.Target.Replicas = 2 }),
			want:   decided(enters(v1beta1.PhaseFinalising)),
		},
		"EndsWhereItCameFrom": {
			reason: "Back at a revision that failed before, the canary has failed and does not run it again.",
			in: observe(waitingSince(10*time.Second), pushed(revC), func(in *Observation) {
				in.Status.LastAppliedSpec = revC
			}),
			want: decided(enters(v1beta1.PhaseFailed)),
		},
		"AsksTheRollbackHooksFirst": {
			reason: "Documented for Waiting too (flaw B6): a rollback hook can turn a revision away.",
			in:     observe(waitingSince(30*time.Second), rollback),
			want:   decided(asked(hookQuestion(1, phase))),
		},
		"IsRolledBackByHand": {
			reason: "The revision counts as failed, so that it is not taken up again a moment later.",
			in:     observe(waitingSince(30*time.Second), rollback, told(1, phase, Pass, "")),
			want: decided(enters(v1beta1.PhaseFailed), applied(revB), wakes(10*time.Second), ended(RolledBack, nil),
				said(warning(ReasonRolledBack, "Rollback check rollback passed"),
					warning(ReasonRolledBack, "Rolling back podinfo.test manual webhook invoked"),
					warning(ReasonRolledBack, "Canary failed! Scaling down podinfo.test"))),
		},
		"WaitsForAPrimaryThatIsStarting": {
			reason: "Approval or not, a run needs a primary.",
			in:     observe(waitingSince(30*time.Second), primaryStarting(1)),
			want:   decided(said(warning(ReasonNotReady, primaryWait))),
		},
	})
}
