package rollout

import (
	"testing"

	"flagger.app/flagger/api/v1beta1"
)

// TestMissing is about a target that somebody deletes: its pods go with it.
func TestMissing(t *testing.T) {
	const cause = "deployment podinfo.test not found"
	said := said(warning(ReasonRefused, cause))
	runRows(t, map[string]row{
		"TakesItsUsersAway": {
			reason: "The primary can serve them.", in: observe(progressingAt(40), targetGone()),
			want: decided(counts(0, 0, 0), did(Route{Traffic: ToPrimary()}), said),
		},
		"TakesCopiesAway": {
			reason: "There is nobody to send copies to.",
			in:     observe(progressingAt(0), drifted(Traffic{Primary: 100, Mirrored: true}), targetGone()),
			want:   decided(did(Route{Traffic: ToPrimary()}), said),
		},
		"TakesParkedUsersAway": {
			reason: "A primary that was not ready is better than none.", in: observe(parkedOnCanary(), primaryStuck(1), targetGone()),
			want: decided(counts(0, 0, 0), did(Route{Traffic: ToPrimary()}), said),
		},
		"LeavesThemWhereNobodyServes": {
			reason: "Both sides are gone; nothing is better than anything else.",
			in:     observe(progressingAt(40), primaryStuck(0), targetGone()),
			want:   decided(counts(0, 0, 0), said),
		},
		"TouchesNothingAtRest": {
			reason: "Nobody is on it.", in: observe(targetGone()), want: decided(said),
		},
		"TouchesNothingBeforeTheFirstUsers": {
			reason: "They are where they were.", in: observe(status(""), targetGone(), drifted(Split(40))), want: decided(said),
		},
	})
	first := Decide(observe(progressingAt(40), targetGone()))
	again := observe(targetGone())
	again.Status = first.Status
	if dec := Decide(again); len(dec.Events) > 0 || !SameStatus(dec.Status, first.Status) {
		t.Errorf("it is said once: got %v", dec.Events)
	}
	back := observe(progressingAt(0))
	back.Status = first.Status
	if dec := Decide(back); dec.Status.Phase != v1beta1.PhaseProgressing || len(dec.Ask) > 0 && dec.Ask[0].Kind != AskMetric {
		t.Errorf("the run goes on when the target is back, from the start: got %+v", dec)
	}
}
