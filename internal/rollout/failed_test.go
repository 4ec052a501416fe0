package rollout

import (
	"testing"
	"time"

	"flagger.app/flagger/api/v1beta1"
)

func TestFailed(t *testing.T) {
	begun := func(revision string) []expectation {
		return decided(enters(inRun), applied(revision), did(ScaleCanary{Direction: Up}),
			said(normal(ReasonNewRevision, "New revision detected! Scaling up podinfo.test")))
	}
	runRows(t, map[string]row{
		"LetsRequestsEnd": {
			reason: "Users left the canary with the rollback; its pods go when their requests have ended.",
			in:     observe(failedSince(4 * time.Second)),
			want:   decided(wakes(6 * time.Second)),
		},
		"StopsThePods": {
			reason: "Drained.",
			in:     observe(failedSince(10 * time.Second)),
			want:   decided(did(ScaleCanary{Direction: Down})),
		},
		"StopsThemThoughSomethingCameBetween": {
			reason: "A revision that was held back for a moment and withdrawn must not leave pods behind.",
			in: observe(failedSince(time.Hour), func(in *Observation) {
				in.Status.Conditions = nil
			}, condition(v1beta1.ReconcilingCondition, reasonPrimaryNotReady)),
			want: decided(did(ScaleCanary{Direction: Down})),
		},
		"LeavesPodsThatTheUserStarts": {
			reason: "A failed revision that somebody scales up to look at it stays up.",
			in:     observe(failedFlat(), func(in *Observation) { in.Target.Replicas = 1 }),
			want:   decided(),
		},
		"Rests": {
			reason: "A failed revision is never run again by itself.",
			in:     observe(failedFlat()),
			want:   decided(),
		},
		"ForgetsAFailureThatWasReverted": {
			reason: "Back at A the failed B is gone, so that pushing B again is news.",
			in:     observe(failedFlat(), pushed(revA)),
			want:   decided(applied(revA)),
		},
		"TakesWhatServesForPromoted": {
			reason: "B was promoted by a process that died before it could say so; the target is back at it after C failed.",
			in:     observe(failedFlat(), runOf(revC), primaryAt(revB)),
			want:   decided(applied(revB), promoted(revB)),
		},
		"RunsWhatIsPushedAgain": {
			reason: "The same revision after a revert is a new try.",
			in:     observe(failedFlat(), func(in *Observation) { in.Status.LastAppliedSpec = revA }),
			want:   begun(revB),
		},
		"RunsAFix": {
			reason: "The fix is recorded in the write that starts its run (flaw A1).",
			in:     observe(failedFlat(), pushed(revC)),
			want:   begun(revC),
		},
		"RunsARevertWithAnEditedConfig": {
			reason: "The promoted template with an edited config has never been analysed.",
			in:     observe(failedFlat(), pushed(revA), configs("1", "2")),
			want:   begun(revA),
		},
		"KeepsUsersOnTheCanary": {
			reason: "Parked by a failed promotion, users stay as long as the primary cannot serve.",
			in:     observe(parkedOnCanary()),
			want:   decided(),
		},
		"BringsUsersBackWhenThePrimaryHeals": {
			reason: "The primary runs B now, so B is what is promoted, if late; the canary drains.",
			in:     observe(parkedOnCanary(), func(in *Observation) { in.Primary.Readiness, in.Primary.Available = Ready, 2 }),
			want:   decided(counts(0, 0, 0), promoted(revB), did(Route{Traffic: ToPrimary()}), wakes(10*time.Second)),
		},
		"RunsAFixUnderTheUsersItHas": {
			reason: "The primary is broken, so the fix takes over where users are and is looked at after an interval of them (I9, flaw A3).",
			in:     observe(parkedOnCanary(), pushed(revC), hooks(v1beta1.HookPreRollout)),
			want: decided(enters(inRun), applied(revC), counts(100, 0, 0), wakes(30*time.Second), did(ScaleCanary{Direction: Up}),
				said(normal(ReasonNewRevision, "New revision detected! Scaling up podinfo.test"),
					normal(ReasonAnalysisStarted, "Starting canary analysis for podinfo.test"))),
		},
		"RunsTheOldRevisionAsAFix": {
			reason: "With B broken on the primary, pushing A is no manual rollback that the primary already serves.",
			in:     observe(parkedOnCanary(), pushed(revA)),
			want: decided(enters(inRun), applied(revA), counts(100, 0, 0), wakes(30*time.Second), did(ScaleCanary{Direction: Up}),
				said(normal(ReasonNewRevision, "New revision detected! Scaling up podinfo.test"),
					normal(ReasonAnalysisStarted, "Starting canary analysis for podinfo.test"))),
		},
		"BringsUsersBackBeforeTheNextRun": {
			reason: "The primary healed first: the next run starts at zero, not at 100 (flaw A4).",
			in: observe(parkedOnCanary(), pushed(revC), func(in *Observation) {
				in.Primary.Readiness, in.Primary.Available = Ready, 2
			}),
			want: decided(enters(inRun), applied(revC), counts(0, 0, 0), did(Route{Traffic: ToPrimary()}, ScaleCanary{Direction: Up}),
				said(normal(ReasonNewRevision, "New revision detected! Scaling up podinfo.test"))),
		},
		"RebuildsOnlyWhatWasPromoted": {
			reason: "The primary is gone and the target carries what failed.",
			in:     observe(failedFlat(), primaryGone()),
			want: decided(said(warning(ReasonRefused,
				"podinfo-primary.test is gone, and podinfo.test carries a revision that was never promoted"))),
		},
		"RepairsDrift": {
			reason: "Nobody is sent to the pods of a revision that failed.",
			in:     observe(failedSince(10*time.Second), drifted(Split(50))),
			want:   decided(did(Route{Traffic: ToPrimary()}), wakes(10*time.Second)),
		},
	})
}
