package rollout

import (
	"slices"
	"testing"
	"time"

	"flagger.app/flagger/api/v1beta1"
)

// TestRenew: pods that have read what was there before are stopped before their successors are analysed.
func TestRenew(t *testing.T) {
	owing := checked(kindConfigs, revB, Fail)
	leftAgo := func(d time.Duration) option {
		return func(in *Observation) {
			beginning()(in)
			in.Status.LastRouteTime = ago(d)
		}
	}
	runRows(t, map[string]row{
		"DrainsThem": {
			reason: "Users have only just left.", in: observe(leftAgo(4*time.Second), owing), want: decided(wakes(6 * time.Second)),
		},
		"StopsThem": {
			reason: "Nobody is left.", in: observe(leftAgo(drainTime), owing), want: decided(did(ScaleCanary{Direction: Down})),
		},
		"StartsNoneBesideConfigsThatHide": {
			reason: "Nobody could tell what they read.", in: observe(leftAgo(time.Minute), owing, scaledToZero(), configs("1", "1"), obstacle),
			want: decided(said(warning(ReasonObstructed, "configmap app.test is missing")), wakes(obstacleRetry)),
		},
		"StartsTheirSuccessors": {
			reason: "These read what is there now.", in: observe(leftAgo(time.Minute), owing, scaledToZero()),
			want: decided(did(ScaleCanary{Direction: Up})),
		},
		"TakesTheirUsersAway": {
			reason: "The primary can serve again.", in: observe(progressingAt(40), owing),
			want: decided(counts(0, 0, 0), did(Route{Traffic: ToPrimary()}), wakes(drainTime)),
		},
		"KeepsThemWhileNobodyElseServes": {
			reason: "Users on old configs are better off than users without an answer.",
			in:     observe(progressingAt(40), owing, primaryStuck(0)),
			want:   decided(said(warning(ReasonNotReady, primaryEnd))),
		},
		"RebuildsWhoElseMayServe": {
			reason: "The primary is gone, and the target carries what it was.",
			in:     observe(progressingAt(40), runOf(revA), pushed(revA), checked(kindConfigs, revA, Fail), primaryGone()),
			want:   decided(did(SyncPrimary{Revision: revA})),
		},
		"RebuildsNobodyFromWhatItAnalyses": {
			reason: "The primary is gone, and had none of the configs that the run is about.",
			in: observe(progressingAt(40), runOf(revA), pushed(revA), checked(kindConfigs, revA, Fail), configs("1", "1"),
				primaryGone()),
			want: decided(said(warning(ReasonRefused,
				"podinfo-primary.test is gone, and podinfo.test carries a revision that was never promoted"))),
		},
		"LooksAtTheirSuccessors": {
			reason: "The template of C was pushed after the configs had been recorded, and none but its pods are left.",
			in:     observe(progressingAt(40), runOf(revC), pushed(revC), owing, primaryStuck(0)),
			want:   decided(did(ScaleCanary{Direction: Up})),
		},
		"WaitsForTheirSuccessors": {
			reason: "Some pods are still of before.",
			in:     observe(progressingAt(40), runOf(revC), pushed(revC), owing, starting(), primaryStuck(0)),
			want:   decided(said(warning(ReasonNotReady, primaryEnd))),
		},
	})
	again := Decide(observe(progressingAt(40), owing, pushed(revC), starting()))
	if debts := (Observation{Status: again.Status}).debts(); !slices.Equal(debts, []string{revB}) {
		t.Errorf("a newer template may be taken back to one whose pods are still there: got debts %v", debts)
	}
	claimed := func(in *Observation) { in.Claim = "deployment podinfo-primary.test belongs to somebody else" }
	frozen := plan(func(p *Plan) { p.Suspended = true })
	for name, in := range map[string]Observation{
		"other configs, suspended,": observe(progressingAt(40), configs("1", "2"), frozen),
		"other configs, and a gate": observe(waitingSince(time.Minute), running(v1beta1.PhaseWaiting), configs("1", "2")),
		"other configs":             observe(failedSince(time.Second), configs("1", "2"), claimed),
		"configs that hide":         observe(failedSince(time.Second), configs("1", "1"), obstacle, claimed),
	} {
		kept := Observation{Plan: in.Plan, Status: Decide(in).Status}
		if debts := kept.debts(); !slices.Equal(debts, []string{revB}) {
			t.Errorf("pods that run beside %s while no run can begin may have read them: got debts %v", name, debts)
		}
		again := in
		again.Status = kept.Status
		if next := Decide(again); len(next.Ask) == 0 && !SameStatus(next.Status, kept.Status) {
			t.Errorf("%s are noted once", name)
		}
	}
	begun := Decide(observe(progressingAt(40), configs("1", "2")))
	if !(Observation{Plan: observe().Plan, Status: begun.Status}).owesRestart() {
		t.Error("the write that begins the run records what it owes, or a crash would lose it")
	}
	renewed := Decide(observe(beginning(), owing, scaledToZero()))
	if (Observation{Plan: observe().Plan, Status: renewed.Status}).owesRestart() {
		t.Error("what was done is owed no more")
	}
}
