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
	// Users may have been moved by a process that died before it could say so, so a primary that may come up is not
	// changed any more; what was pushed meanwhile starts a run.
	hopeless := in.Primary.Readiness == Stuck && (!routed || in.Primary.Available == 0)
	if !in.Primary.Exists || hopeless && !in.copied() {
		if in.Obstacle != "" {
			d.only(EnsureServices{})
			return d.obstructed().done()
		}
		d.only(EnsureServices{}, SyncPrimary(in.version()))
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
	if in.Status.Phase == "" {
		return d.done() // one thing after the other, though the primary was there before
	}
	d.do(ScaleCanary{Direction: Down})
	d.reviseAsCopied()
	d.enter(v1beta1.PhaseInitialized)
	d.say(ReasonInitialized, in.Plan.textInitialized())
	d.as(v1beta1.PhaseInitialized)
	d.alertInDetail(in.Plan.alertInitialized())
	return d.done()
}

// copied tells whether the primary is a copy of the target as it is now. Configs that it does not tell of may be any.
func (in Observation) copied() bool {
	configs := in.Primary.Configs
	return in.Primary.Revision == in.Target.Revision && (configs == "" || in.Configs == nil || configs == Fingerprint(in.Configs))
}

// reviseAsCopied records what the primary was copied from, so that a version that was pushed meanwhile starts a run.
func (d *draft) reviseAsCopied() {
	in := d.in
	d.revise()
	d.dec.Status.LastAppliedSpec = in.Primary.Revision
	if in.Primary.Configs != "" && in.Configs != nil && in.Primary.Configs != Fingerprint(in.Configs) {
		d.dec.Status.TrackedConfigs = &map[string]string{} // those of the copy are not known one by one any more
	}
}
