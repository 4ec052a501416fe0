package rollout

import (
	"slices"

	"flagger.app/flagger/api/v1beta1"
)

// Pods read most of their configs when they start, and nobody restarts them for an edit. A run for configs that were
// edited under running pods therefore begins by stopping these, or it would analyse what was there before.

// kindConfigs is how a stop that is owed to edited configs is kept in status.checks, so that a crash does not lose it.
// Its name is the revision whose pods may have read what was there before.
const kindConfigs = "configs"

const (
	messageOutdated = "The pods of the canary still run with the configs of before; they are restarted first."
	messageServing  = "The pods of the canary still run with the configs of before, and nobody else serves users: " +
		"they are restarted once the primary is ready, or give way to those of a new template."
)

// outdated tells whether pods of the target may have read configs that are not those of the run that starts: all that
// run while the configs are others than those of the last run. Pods of a new template may have read the right ones, but
// nobody can tell what they found when they started.
func (in Observation) outdated() bool { return in.Target.Replicas > 0 && in.configsChanged() }

// debts are the revisions whose pods have to be gone before the run looks at any.
func (in Observation) debts() []string {
	var revisions []string
	for _, check := range in.Status.Checks {
		if check.Kind == kindConfigs && Verdict(check.Verdict) == Fail {
			revisions = append(revisions, check.Name)
		}
	}
	return revisions
}

// owesRestart tells whether the run has to restart its pods before it looks at them.
func (in Observation) owesRestart() bool { return len(in.debts()) > 0 }

// replaced tells whether all pods of the target are of a template that was pushed after the configs of the run had been
// recorded, and so have read these.
func (in Observation) replaced() bool {
	return in.Target.Readiness == Ready && !in.configsChanged() && !slices.Contains(in.debts(), in.Target.Revision)
}

// owe records what a run that starts owes, with what the one before it has left unpaid.
func (d *draft) owe(debts []string) {
	for _, revision := range debts {
		d.record(kindConfigs, revision, Answer{Verdict: Fail, Message: messageOutdated})
	}
}

// noteOutdated records that pods run, while no run goes on, beside configs that are not those of the last run, or that
// cannot be told: when a run can begin or go on, the configs may be what they were, and the pods have read others.
func (d *draft) noteOutdated() {
	in := d.in
	switch in.Status.Phase {
	case v1beta1.PhaseInitialized, v1beta1.PhaseSucceeded, v1beta1.PhaseFailed, v1beta1.PhaseWaiting:
	case v1beta1.PhaseProgressing, v1beta1.PhaseWaitingPromotion:
		if !in.frozen() {
			return // a run begins anew with other configs, and starts no pods beside any that cannot be told
		}
	default:
		return
	}
	untold := in.Configs == nil && in.Obstacle != "" && (in.Status.TrackedConfigs != nil || in.promotedConfigs() != "")
	if in.Target.Replicas > 0 && (untold || in.configsChanged()) && !slices.Contains(in.debts(), in.Target.Revision) {
		d.owe([]string{in.Target.Revision})
		d.noted = true
	}
}

// settle drops what is owed no longer.
func (d *draft) settle() {
	status := &d.dec.Status
	status.Checks = slices.DeleteFunc(status.Checks, func(c v1beta1.CheckResult) bool { return c.Kind == kindConfigs })
}

// owed are the debts that a run would start with.
func (in Observation) owed() []string {
	if in.Target.Replicas == 0 {
		return nil
	}
	debts := in.debts()
	if in.outdated() && !slices.Contains(debts, in.Target.Revision) {
		debts = append(debts, in.Target.Revision)
	}
	return debts
}

// renew stops the target's pods once nobody needs them, and starts new ones.
func (d *draft) renew() Decision {
	in := d.in
	switch {
	case in.Target.Replicas == 0 && in.Obstacle != "":
		return d.obstructed().done()
	case in.Target.Replicas == 0, in.replaced():
		d.settle()
		d.do(ScaleCanary{Direction: Up})
		return d.done()
	case d.want.Canary > 0 && in.Primary.Readiness == Ready:
		d.dec.Status.CanaryWeight, d.dec.Status.Iterations = 0, 0
		d.route(ToPrimary())
		return d.after(in.Plan.Drain).done()
	case d.want.Canary > 0 && !in.Primary.Exists:
		return d.rebuild()
	case d.want.Canary > 0:
		return d.hold(in.Primary, reasonPrimaryNotReady) // nobody else serves its users
	case d.drain():
		return d.done()
	}
	d.do(ScaleCanary{Direction: Down})
	return d.done()
}
