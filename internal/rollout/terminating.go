package rollout

import (
	"flagger.app/flagger/api/v1beta1"
)

// terminating hands everything back before the canary goes: the target serves again, then users come to it, then the
// primary may be collected. Without spec.revertOnDeletion owned objects are collected, and nothing is asked of us but to
// take away what is not.
func terminating(in Observation) Decision {
	d := in.keep()
	switch {
	case !in.Plan.RevertOnDeletion && in.Plan.Uncollected:
		d.only(Unroute{}, Forget{})
		return d.done()
	case !in.Plan.RevertOnDeletion:
		d.only(Forget{})
		return d.done()
	}
	if in.Status.Phase != v1beta1.PhaseTerminating {
		d.say(ReasonTerminating, in.Plan.textTerminating())
		d.dec.Status.LastRouteTime = nil
		d.enter(v1beta1.PhaseTerminating)
	}
	released := d.dec.Status.LastRouteTime != nil
	switch {
	case !in.Target.Exists:
		d.only(Release{}, Forget{})
		d.say(ReasonTerminating, in.Plan.textTerminated())
	case !released && in.Target.Readiness != Ready:
		d.only(ScaleCanary{Direction: Up})
		return d.awaitTarget()
	case !released:
		d.only(Release{})
		d.dec.Status.LastRouteTime = microTime(in.Now)
		d.after(in.Plan.Drain)
	case in.Now.Before(in.Status.LastRouteTime.Add(in.Plan.Drain)):
		d.only()
		d.after(in.Status.LastRouteTime.Add(in.Plan.Drain).Sub(in.Now))
	default:
		d.only(Forget{})
		d.say(ReasonTerminating, in.Plan.textTerminated())
	}
	return d.done()
}
