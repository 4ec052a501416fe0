package rollout

import "flagger.app/flagger/api/v1beta1"

// promoting waits for the primary to run what was analysed, then takes users back to it, at once or in steps.
func promoting(in Observation) Decision {
	d := in.keep()
	switch {
	case !in.promoted() && in.reverted():
		return d.cancel()
	case !in.promoted() && in.changed():
		return d.restart() // neither workload carries what was analysed any more
	case !in.promoted() && in.Obstacle != "":
		return d.obstructed().done()
	case !in.promoted():
		d.do(Promote(in.applied()))
		return d.done()
	case in.Primary.Readiness == Stuck && in.changed():
		return d.restart() // the new revision may heal the primary, and nobody is sent to it unanalysed
	case in.Primary.Readiness == Stuck:
		return d.failPromotion()
	case in.Primary.Readiness == Waiting && (!in.changed() || !in.primarySuffices()):
		return d.hold(in.Primary, reasonPrimaryNotReady)
	case d.want.Canary == 0:
		d.enter(v1beta1.PhaseFinalising)
		d.route(ToPrimary())
		return d.done()
	case in.Plan.PromotionStep == 0, in.changed():
		// A revision pushed meanwhile already runs on the canary, unanalysed: its users leave at once.
		d.say(ReasonTrafficSwitched, textToPrimary)
		d.enter(v1beta1.PhaseFinalising)
		d.route(ToPrimary())
		return d.after(in.Plan.Drain).done()
	}
	return d.shiftToPrimary()
}

// primarySuffices tells whether a primary that is rolling has as many pods as users need. All of them run what was
// promoted before or what was analysed.
func (in Observation) primarySuffices() bool {
	return in.Primary.Available > 0 && in.Primary.Available*int(whole) >= in.Primary.Replicas*in.Plan.PrimaryReady
}

// shiftToPrimary moves one promotion step per interval.
func (d *draft) shiftToPrimary() Decision {
	in := d.in
	if last := in.Status.LastRouteTime; last != nil {
		if left := last.Add(in.Plan.Interval).Sub(in.Now); left > 0 {
			return d.after(left).done()
		}
	}
	next := Split(d.want.Canary - in.Plan.PromotionStep)
	d.say(ReasonWeightAdvanced, in.Plan.textPrimaryWeight(next.Primary))
	d.dec.Status.CanaryWeight = int(next.Canary)
	d.route(next)
	if next.Canary == 0 {
		d.enter(v1beta1.PhaseFinalising)
		return d.after(in.Plan.Drain).done()
	}
	return d.after(in.Plan.Interval).done()
}

// failPromotion parks users on the canary, which is healthy and runs what they were to get anyway.
func (d *draft) failPromotion() Decision {
	in := d.in
	if in.Target.Readiness != Ready || !in.Plan.Routes {
		return d.parkNobody()
	}
	d.warnOfPromotion()
	d.reset()
	d.dec.Status.CanaryWeight = int(whole)
	d.route(ToCanary())
	d.end(v1beta1.PhaseFailed, RolledBack)
	d.stall = note{reason: ReasonPromotionFailed, message: "Users stay on the canary until the primary is ready."}
	return d.done()
}

// parkNobody is a failed promotion with no healthy side to go to: the traffic stays where it is.
func (d *draft) parkNobody() Decision {
	in := d.in
	if in.Plan.Routes {
		return d.hold(in.Primary, reasonPrimaryNotReady)
	}
	d.warnOfPromotion()
	d.reset()
	d.end(v1beta1.PhaseFailed, RolledBack)
	return d.done()
}

// undone tells whether the primary carries something else than what the run was about: somebody deleted it after the
// promotion, and it was made anew from what was promoted before.
func (in Observation) undone() bool {
	return in.Primary.Revision != "" && in.Primary.Revision != in.Status.LastAppliedSpec
}

func (d *draft) warnOfPromotion() {
	cause := d.in.Primary.Reason
	d.warn(ReasonNotReady, cause)
	d.warn(ReasonPromotionFailed, d.in.Plan.textPromotionFailed(cause))
	d.alert(v1beta1.SeverityError, alertPromotionFailed(cause))
}

// finalising stops the canary's pods once nobody can be waiting for them any more.
func finalising(in Observation) Decision {
	d := in.keep()
	// A run for nothing but configs is one of the promoted revision too, but it has been analysed.
	cancelled := in.Status.LastAppliedSpec == in.Status.LastPromotedSpec && in.Status.LastAnalysisTime == nil
	switch {
	case !in.promoted() && in.reverted():
		return d.cancel()
	case !in.Primary.Exists && !in.changed():
		return d.rebuild()
	case in.undone() && in.changed():
		return d.restart()
	case in.undone():
		d.enter(v1beta1.PhasePromoting)
		return d.done()
	case in.Primary.Readiness == Stuck && in.changed():
		return d.restart() // only the new revision can heal the primary
	case in.Primary.Readiness == Stuck && !cancelled && in.Target.Readiness == Ready:
		return d.failPromotion()
	case in.Primary.Readiness != Ready:
		return d.hold(in.Primary, reasonPrimaryNotReady)
	case d.drain():
		return d.done()
	}
	d.do(ScaleCanary{Direction: Down})
	if cancelled {
		d.enter(v1beta1.PhaseSucceeded)
		return d.done()
	}
	if in.Configs != nil {
		d.do(PruneConfigs{})
	}
	outcome := Promoted
	if in.Plan.SkipAnalysis {
		outcome = Skipped
	}
	d.end(v1beta1.PhaseSucceeded, outcome)
	return d.done()
}
