package rollout

// Pods read most of their configs when they start, and nobody restarts them for an edit. A run for configs that were
// edited under running pods therefore begins by stopping these, or it would analyse what was there before.

// kindConfigs is how a stop that is owed to edited configs is kept in status.checks, under the target's name, so that a
// crash does not lose it.
const kindConfigs = "configs"

const messageOutdated = "The pods of the canary still run with the configs of before; they are restarted first."

// outdated tells whether pods of the target may have read configs that are not those of the run that starts: all that
// run while the configs are others than those of the last run. Pods of a new template may have read the right ones, but
// nobody can tell what they found when they started.
func (in Observation) outdated() bool { return in.Target.Replicas > 0 && in.configsChanged() }

// owesRestart tells whether the run has to restart its pods before it looks at them.
func (in Observation) owesRestart() bool { return in.verdict(kindConfigs, in.Plan.Target) == Fail }

// renew stops the target's pods once nobody needs them, and starts new ones.
func (d *draft) renew() Decision {
	in := d.in
	switch {
	case d.want.Canary > 0 && in.Primary.Readiness == Ready:
		d.dec.Status.CanaryWeight, d.dec.Status.Iterations = 0, 0
		d.route(ToPrimary())
		return d.after(in.Plan.Drain).done()
	case d.want.Canary > 0:
		return d.hold(in.Primary, reasonPrimaryNotReady) // nobody else serves its users
	case in.Target.Replicas == 0:
		d.record(kindConfigs, in.Plan.Target, Answer{Verdict: Pass})
		d.do(ScaleCanary{Direction: Up})
		return d.done()
	case d.drain():
		return d.done()
	}
	d.do(ScaleCanary{Direction: Down})
	return d.done()
}
