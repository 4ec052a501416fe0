package rollouttest

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/testkit/chance"
)

// tamper makes a decision a wrong one, as a defect of the core would. Whatever it is, the door must keep the cluster
// safe from it.
func tamper(c *chance.Chance, in rollout.Observation, dec *rollout.Decision) {
	if in.Status.Phase == v1beta1.PhaseFailed && in.Status.CanaryWeight > 0 && c.OneIn(2) {
		goBack(c, in, dec) // few stories come to a promotion that failed, and there it is the defect that matters
		return
	}
	defects[c.IntN(len(defects))](c, in, dec)
}

// defects are ways to be wrong, at least one for each invariant.
var defects = []func(*chance.Chance, rollout.Observation, *rollout.Decision){
	rush, jumpAhead, stopNow, promoteNow, copyNow, forgetTick, swallow, pretend, startOver, seize, blame, giveUp, goOn, goBack,
}

// reroute replaces the traffic that a decision asks for, or adds it.
func reroute(dec *rollout.Decision, t rollout.Traffic) {
	for i, action := range dec.Actions {
		if r, ok := action.(rollout.Route); ok {
			t.Affinity = r.Traffic.Affinity
			dec.Actions[i] = rollout.Route{Traffic: t}
			return
		}
	}
	dec.Actions = append(dec.Actions, rollout.Route{Traffic: t})
}

// rush takes the next step whether its pods are there or not, and at its time if need be.
func rush(c *chance.Chance, in rollout.Observation, dec *rollout.Decision) {
	if len(in.Plan.Steps) == 0 || in.Status.Phase != v1beta1.PhaseProgressing {
		return
	}
	for _, step := range in.Plan.Steps {
		if int(step) > in.Status.CanaryWeight {
			dec.Status.CanaryWeight, dec.Analysed = int(step), true
			dec.Status.LastAnalysisTime = &metav1.MicroTime{Time: in.Now}
			reroute(dec, rollout.Split(step))
			return
		}
	}
}

// jumpAhead sends users where the plan does not.
func jumpAhead(c *chance.Chance, in rollout.Observation, dec *rollout.Decision) {
	weight := rollout.Weight(c.IntN(101))
	t := rollout.Split(weight)
	if c.OneIn(3) {
		t.Primary = rollout.Weight(c.IntN(101))
	}
	if c.OneIn(2) {
		dec.Status.CanaryWeight = int(weight)
	}
	reroute(dec, t)
}

// stopNow stops the canary's pods.
func stopNow(_ *chance.Chance, _ rollout.Observation, dec *rollout.Decision) {
	dec.Actions = append(dec.Actions, rollout.ScaleCanary{Direction: rollout.Down})
}

// promoteNow copies what the target happens to carry.
func promoteNow(_ *chance.Chance, in rollout.Observation, dec *rollout.Decision) {
	dec.Actions = append(dec.Actions, rollout.Promote{Revision: in.Target.Revision, Configs: rollout.Fingerprint(in.Configs)})
}

// copyNow makes the primary what the target happens to carry.
func copyNow(_ *chance.Chance, in rollout.Observation, dec *rollout.Decision) {
	dec.Actions = append(dec.Actions, rollout.SyncPrimary{Revision: in.Target.Revision, Configs: rollout.Fingerprint(in.Configs)})
}

// forgetTick makes the next analysis due at once.
func forgetTick(c *chance.Chance, in rollout.Observation, dec *rollout.Decision) {
	if c.OneIn(2) {
		dec.Status.LastAnalysisTime = nil
		return
	}
	dec.Status.LastAnalysisTime = &metav1.MicroTime{Time: in.Now.Add(-time.Hour)}
}

// swallow records a revision without a run.
func swallow(_ *chance.Chance, in rollout.Observation, dec *rollout.Decision) {
	dec.Status.LastAppliedSpec = in.Target.Revision
	if in.Configs != nil {
		dec.Status.TrackedConfigs = &in.Configs
	}
}

// pretend records a revision as promoted.
func pretend(_ *chance.Chance, in rollout.Observation, dec *rollout.Decision) {
	dec.Status.LastPromotedSpec = in.Target.Revision
}

// startOver begins a run.
func startOver(_ *chance.Chance, in rollout.Observation, dec *rollout.Decision) {
	dec.Status.Phase = v1beta1.PhaseProgressing
	dec.Actions = append(dec.Actions, rollout.ScaleCanary{Direction: rollout.Up})
}

// seize writes although somebody else has a claim.
func seize(c *chance.Chance, in rollout.Observation, dec *rollout.Decision) {
	if in.Claim == "" {
		return
	}
	dec.Actions = append(dec.Actions, chance.Pick[rollout.Action](c,
		rollout.ScaleCanary{Direction: rollout.Down}, rollout.ScaleCanary{Direction: rollout.Up}, rollout.EnsureApex{}))
}

// blame counts a failed check.
func blame(_ *chance.Chance, _ rollout.Observation, dec *rollout.Decision) { dec.Status.FailedChecks++ }

// giveUp ends a run as failed.
func giveUp(_ *chance.Chance, in rollout.Observation, dec *rollout.Decision) {
	if in.Status.Phase != v1beta1.PhaseProgressing {
		return
	}
	dec.Status.Phase, dec.Status.CanaryWeight, dec.Status.Iterations = v1beta1.PhaseFailed, 0, 0
}

// goOn takes what the providers did not answer for a pass.
func goOn(_ *chance.Chance, in rollout.Observation, dec *rollout.Decision) {
	if in.Status.Phase != v1beta1.PhaseProgressing || !dec.Analysed {
		return
	}
	if len(in.Plan.Steps) == 0 {
		dec.Status.Iterations = in.Status.Iterations + 1
		return
	}
	for _, step := range in.Plan.Steps {
		if int(step) > in.Status.CanaryWeight {
			dec.Status.CanaryWeight = int(step)
			return
		}
	}
}

// goBack brings users back to the primary.
func goBack(_ *chance.Chance, _ rollout.Observation, dec *rollout.Decision) {
	dec.Status.CanaryWeight = 0
	reroute(dec, rollout.ToPrimary())
}
