package rollout

import "flagger.app/flagger/api/v1beta1"

// initializing makes the primary, moves users to it, and only then stops the target's pods. While the primary cannot
// serve, the target does, whatever becomes of the primary.
func initializing(in Observation) Decision {
	d := in.keep()
	d.enter(v1beta1.PhaseInitializing)
	if d.probe() == unasked {
		return d.done()
	}
	routed := in.Status.LastRouteTime != nil
	if !in.Primary.Exists || !routed && in.Primary.Revision != in.Target.Revision {
		d.only(EnsureServices{}, SyncPrimary{Revision: in.Target.Revision})
		return d.done()
	}
	if in.Primary.Readiness != Ready {
		d.only(EnsureServices{}) // nobody is sent to a primary that cannot serve, and the target's pods stay
		return d.hold(in.Primary, reasonPrimaryNotReady)
	}
	if !routed {
		d.dec.Status.LastRouteTime = microTime(in.Now)
	}
	if in.Target.Replicas > 0 && (!routed || d.drain()) {
		d.progress = note{reason: reasonDraining, message: "Users move to the primary."}
		d.after(in.Plan.Drain)
		return d.done()
	}
	d.do(ScaleCanary{Direction: Down})
	d.revise()
	d.dec.Status.LastAppliedSpec = in.Primary.Revision // a revision that was pushed meanwhile starts a run
	d.enter(v1beta1.PhaseInitialized)
	d.say(ReasonInitialized, in.Plan.textInitialized())
	d.as(v1beta1.PhaseInitialized)
	return d.done()
}
