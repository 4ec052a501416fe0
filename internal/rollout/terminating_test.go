package rollout

import (
	"testing"
	"time"

	"flagger.app/flagger/api/v1beta1"
)

// deleted is a canary with a deletion time stamp that is to hand everything back.
func deleted() option {
	return func(in *Observation) { in.Deleting, in.Plan.RevertOnDeletion = true, true }
}

// terminating is one that has begun to, with the target started.
func terminatingNow(in *Observation) {
	deleted()(in)
	in.Status.Phase, in.Status.LastRouteTime = v1beta1.PhaseTerminating, nil
	in.Target.Readiness, in.Target.Replicas, in.Target.Available = Ready, 2, 2
}

func TestTerminating(t *testing.T) {
	terminated := said(normal(ReasonTerminating, "Terminated canary podinfo.test"))
	released := func(d time.Duration) option {
		return func(in *Observation) { in.Status.LastRouteTime = ago(d) }
	}
	runRows(t, map[string]row{
		"JustGoes": {
			reason: "Without revertOnDeletion nothing is asked of us.",
			in:     observe(func(in *Observation) { in.Deleting = true }),
			want:   decided(did(Forget{})),
		},
		"TakesAwayWhatNobodyCollects": {
			reason: "A route that is left would go on leading to Services that are gone.",
			in:     observe(func(in *Observation) { in.Deleting, in.Plan.Uncollected = true, true }),
			want:   decided(did(Unroute{}, Forget{})),
		},
		"StartsTheTargetFirst": {
			reason: "Users can be handed back only to pods that run.",
			in:     observe(deleted()),
			want: decided(enters(v1beta1.PhaseTerminating), did(ScaleCanary{Direction: Up}),
				said(normal(ReasonTerminating, "Terminating canary podinfo.test"))),
		},
		"WaitsForTheTarget": {
			reason: "The rollout's own branch no longer runs, so nothing flips users back meanwhile (flaw A12).",
			in:     observe(terminatingNow, starting(), condition(v1beta1.ReconcilingCondition, reasonCanaryNotReady)),
			want:   decided(did(ScaleCanary{Direction: Up}), wakes(40*time.Second)),
		},
		"SaysThatTheTargetIsStuck": {
			reason: "The canary stays until somebody mends the target, and says why.",
			in:     observe(terminatingNow, stuck(), condition(v1beta1.ReconcilingCondition, reasonCanaryNotReady)),
			want:   decided(did(ScaleCanary{Direction: Up}), said(warning(ReasonNotReady, observe(stuck()).Target.Reason))),
		},
		"HandsUsersBack": {
			reason: "The target is ready: Service and routing object become what they were.",
			in:     observe(terminatingNow),
			want:   decided(did(Release{}), wakes(10*time.Second)),
		},
		"LetsThePrimaryDrain": {
			reason: "The primary is collected with the canary, so its requests end first.",
			in:     observe(terminatingNow, released(4*time.Second)),
			want:   decided(wakes(6 * time.Second)),
		},
		"DrainsNoLongerThanThat": {
			reason: "A routing object of our own is not rewritten but collected; its weights must not hold the canary back for ever.",
			in:     observe(terminatingNow, released(10*time.Second), drifted(Split(40))),
			want:   decided(did(Forget{}), terminated),
		},
		"Goes": {
			reason: "Everything is handed back.",
			in:     observe(terminatingNow, released(10*time.Second)),
			want:   decided(did(Forget{}), terminated),
		},
		"GoesWithoutATarget": {
			reason: "With the target deleted too there is nobody to hand users to.",
			in:     observe(terminatingNow, func(in *Observation) { in.Target = Workload{} }),
			want:   decided(did(Release{}, Forget{}), terminated),
		},
		"IsNotStoppedBySuspension": {
			reason: "Suspending holds rollouts; a deleted canary must be able to go.",
			in:     observe(terminatingNow, released(10*time.Second), plan(func(p *Plan) { p.Suspended = true })),
			want:   decided(did(Forget{}), terminated),
		},
	})
}

func TestSuspended(t *testing.T) {
	suspend := plan(func(p *Plan) { p.Suspended = true })
	skipping := said(normal(ReasonSuspended, "skipping canary run as object is suspended"))
	runRows(t, map[string]row{
		"SaysSo": {
			reason: "Nothing moves, and the user reads why.",
			in:     observe(progressingAt(40), suspend, stuck(), drifted(ToPrimary())),
			want:   decided(skipping),
		},
		"SaysSoOnce": {
			reason: "Not once an interval (flaw E1).",
			in:     observe(progressingAt(40), suspend, condition(v1beta1.ReconcilingCondition, ReasonSuspended)),
			want:   decided(),
		},
		"HoldsANewCanary": {
			reason: "Not even the primary is made.",
			in:     observe(func(in *Observation) { in.Status = v1beta1.CanaryStatus{} }, suspend),
			want:   decided(skipping),
		},
	})
}
