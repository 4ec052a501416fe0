package rollout

import (
	"testing"

	"flagger.app/flagger/api/v1beta1"
)

func TestResting(t *testing.T) {
	for _, phase := range []v1beta1.CanaryPhase{v1beta1.PhaseInitialized, v1beta1.PhaseSucceeded} {
		t.Run(string(phase), func(t *testing.T) { runRows(t, restingRows(phase)) })
	}
}

func restingRows(phase v1beta1.CanaryPhase) map[string]row {
	rests := status(phase)
	begun := decided(enters(v1beta1.PhaseProgressing), applied(revB), did(ScaleCanary{Direction: Up}),
		said(normal(ReasonNewRevision, "New revision detected! Scaling up podinfo.test")))
	return map[string]row{
		"DoesNothing": {
			reason: "A canary at rest costs nothing and is not woken again.",
			in:     observe(rests),
			want:   decided(),
		},
		"RepairsDrift": {
			reason: "Whoever moved users to pods that are not there, they come back.",
			in:     observe(rests, drifted(Split(50))),
			want:   decided(did(Route{Traffic: ToPrimary()})),
		},
		"LeavesDriftWhereThePrimaryCannotAnswer": {
			reason: "Half of the users served is better than none.",
			in:     observe(rests, drifted(Split(50)), primaryStuck(0)),
			want:   decided(),
		},
		"TakesUpANewRevision": {
			reason: "The target starts, and the revision is recorded in the write that starts its run (I5).",
			in:     observe(rests, pushed(revB)),
			want:   begun,
		},
		"TakesUpAConfigAlone": {
			reason: "A ConfigMap that changed is a release like any other.",
			in:     observe(rests, configs("1", "2")),
			want: decided(enters(v1beta1.PhaseProgressing), did(ScaleCanary{Direction: Up}),
				said(normal(ReasonNewRevision, "New revision detected! Scaling up podinfo.test"))),
		},
		"TakesUnknownConfigsForUnchanged": {
			reason: "A config that could not be read is unknown, and unknown is never changed (I6).",
			in:     observe(rests, configs("1", "2"), func(in *Observation) { in.Configs = nil }),
			want:   decided(),
		},
		"WaitsForAPrimaryThatIsStarting": {
			reason: "A run needs a primary to go back to; a moment later there is one.",
			in:     observe(rests, pushed(revB), primaryStarting(1)),
			want:   decided(said(warning(ReasonNotReady, primaryWait))),
		},
		"LetsAFixPassAStuckPrimary": {
			reason: "A primary that will not heal by itself must not keep out what may heal it (I9, flaw A2).",
			in:     observe(rests, pushed(revB), primaryStuck(0)),
			want:   begun,
		},
		"MakesADeletedPrimaryAnew": {
			reason: "The target still carries what was promoted, so the copy can be made again.",
			in:     observe(rests, primaryGone()),
			want:   decided(did(SyncPrimary{Revision: revA})),
		},
		"AnalysesWhatMayBringADeletedPrimaryBack": {
			reason: "A primary made from an unanalysed revision would be a release past every check (flaw A11); a run makes it.",
			in:     observe(rests, primaryGone(), pushed(revB)),
			want:   begun,
		},
		"AsksTheGateFirst": {
			reason: "Confirm-rollout comes before any pod is started, and is told the phase that the canary rests in.",
			in:     observe(rests, pushed(revB), hooks(v1beta1.HookConfirmRollout)),
			want:   decided(asked(hookQuestion(0, phase))),
		},
		"GoesThroughAnOpenGate": {
			reason: "An open gate is told before what it let pass.",
			in: observe(rests, pushed(revB), hooks(v1beta1.HookConfirmRollout),
				told(0, phase, Pass, "")),
			want: decided(enters(v1beta1.PhaseProgressing), applied(revB), did(ScaleCanary{Direction: Up}),
				said(normal(ReasonGatePassed, "Confirm-rollout check confirm-rollout passed"),
					normal(ReasonNewRevision, "New revision detected! Scaling up podinfo.test"))),
		},
		"WaitsAtAClosedGate": {
			reason: "Nothing is recorded of a revision that has not begun; the gate is asked again in an interval.",
			in: observe(rests, pushed(revB), hooks(v1beta1.HookConfirmRollout),
				told(0, phase, Fail, "closed")),
			want: decided(enters(v1beta1.PhaseWaiting), wakes(observe().Plan.Interval),
				said(warning(ReasonGateClosed, "Halt podinfo.test advancement waiting for approval confirm-rollout"))),
		},
	}
}
