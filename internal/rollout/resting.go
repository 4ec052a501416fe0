package rollout

import (
	"fmt"

	"flagger.app/flagger/api/v1beta1"
)

// resting keeps a canary that has nothing to do: it costs nothing, and starts a run when the target changes.
func resting(in Observation) Decision {
	d := in.keep()
	switch {
	case in.changed():
		return d.begin()
	case !in.Primary.Exists:
		return d.rebuild()
	case in.Obstacle != "":
		return d.obstructed().done()
	}
	d.forgetFailure()
	if in.resized() {
		d.do(SyncPrimary(in.version()))
		d.recordSize(in.Target.Replicas)
	} else if in.Status.LastPromotedReplicas == 0 {
		d.recordSize(in.Primary.Replicas)
	}
	if in.doubted() {
		d.probe()
	}
	return d.done()
}

// resized tells whether the user gave the target at rest another size, which is meant for what serves.
func (in Observation) resized() bool {
	return in.sized() && in.promoted() &&
		in.Target.Replicas > 0 && in.Primary.Replicas > 0 && in.Target.Replicas != in.Primary.Replicas
}

// rebuild makes a primary that somebody deleted anew, but only from what it was.
func (d *draft) rebuild() Decision {
	in := d.in
	switch {
	case in.Obstacle != "":
		return d.obstructed().done()
	case in.rebuildable():
		d.do(SyncPrimary(in.version()))
		return d.done()
	}
	return Refuse(in, ReasonRefused, fmt.Sprintf("%s-primary.%s is gone, and %s.%s carries a revision that was never promoted",
		in.Plan.Target, in.Plan.Namespace, in.Plan.Target, in.Plan.Namespace), 0)
}

// rebuildable tells whether the target is what a primary that is gone was, or was about to be.
func (in Observation) rebuildable() bool {
	switch in.Status.Phase {
	case "", v1beta1.PhaseInitializing:
		return true
	case v1beta1.PhasePromoting, v1beta1.PhaseFinalising:
		if in.isApplied() {
			return true
		}
	default: // what was promoted last
	}
	return in.Target.Revision == in.Status.LastPromotedSpec && !in.configsEdited()
}

// forgetFailure notes that a failed version is gone from the target, so that pushing it again is news. What the target is
// back at has been promoted, even if the process that did so died before it could say so.
func (d *draft) forgetFailure() {
	if d.in.isApplied() {
		return
	}
	d.revise()
	if serves := d.in.Primary.Revision; serves != "" && serves != d.dec.Status.LastPromotedSpec {
		d.recordPromoted(serves)
	}
}

// failed rests too, after it has stopped the pods of the revision that failed. Traffic that a failed promotion has
// parked on the canary comes back as soon as the primary can serve.
func failed(in Observation) Decision {
	d := in.keep()
	switch {
	case in.changed():
		return d.begin()
	case !in.Primary.Exists:
		return d.rebuild()
	}
	d.forgetFailure()
	if in.Obstacle != "" {
		d.obstructed()
	}
	parked := in.Status.CanaryWeight > 0
	unfinished := in.condition(v1beta1.ReconcilingCondition).reason != ""
	switch {
	case parked && in.Primary.Readiness == Ready:
		d.dec.Status.CanaryWeight = 0
		if in.promoted() {
			// Late, but users are served by it now.
			d.recordPromoted(in.Primary.Revision)
		}
		d.route(ToPrimary())
		d.leave()
		d.progress = note{reason: reasonDraining, message: "The primary can serve again: users move back to it."}
		d.after(in.Plan.Drain)
	case parked:
		d.stall = note{reason: ReasonPromotionFailed, message: "Users stay on the canary until the primary is ready."}
	case unfinished && !d.drain():
		d.do(ScaleCanary{Direction: Down})
	}
	return d.done()
}

// waiting polls the gate that holds a new revision back.
func waiting(in Observation) Decision {
	d := in.keep()
	if !in.changed() {
		return d.withdraw()
	}
	if left := in.untilTick(); left > 0 {
		return d.after(left).done()
	}
	return d.begin()
}

// withdraw ends the waiting of a revision that is no longer there, and stops the pods that it may have.
func (d *draft) withdraw() Decision {
	started := d.in.Target.Replicas > 0
	switch {
	case !d.in.atPromoted(), d.in.configsEdited():
		d.enter(v1beta1.PhaseFailed)
		if started {
			d.progress = note{reason: reasonDraining, message: messageDraining}
		}
	case started:
		d.reset()
		d.revise()
		d.enter(v1beta1.PhaseFinalising)
	default:
		d.revise()
		d.enter(v1beta1.PhaseSucceeded)
	}
	return d.done()
}

// begin takes up a new revision, once its gates are open. A primary that is only starting is waited for, but one that
// will never be ready must not keep out the revision that may heal it.
func (d *draft) begin() Decision {
	in := d.in
	if in.Obstacle != "" {
		return d.obstructed().done()
	}
	if in.Primary.Readiness == Waiting {
		return d.hold(in.Primary, reasonPrimaryNotReady)
	}
	if in.Status.Phase == v1beta1.PhaseWaiting {
		if done, dec := d.manualRollback(); done {
			return dec
		}
	}
	switch hook, result := d.gate(v1beta1.HookConfirmRollout, in.phase()); result {
	case unasked:
		return d.done()
	case closed:
		return d.wait(hook)
	case open:
	}
	d.say(ReasonNewRevision, in.Plan.textScalingUp())
	d.as(v1beta1.PhaseProgressing)
	d.alertInDetail(alertProgressing)
	d.start()
	return d.done()
}

// wait keeps a revision out until somebody approves it.
func (d *draft) wait(hook Hook) Decision {
	if d.in.Status.Phase != v1beta1.PhaseWaiting {
		d.warnOfGate("waiting for approval", hook, alertWaiting)
	}
	d.enter(v1beta1.PhaseWaiting)
	d.dec.Status.LastAnalysisTime = microTime(d.in.Now)
	return d.after(d.in.Plan.Interval).done()
}

// start begins a run of the target's present revision from nothing. Traffic starts on the primary, unless that cannot
// serve and the canary does.
func (d *draft) start() {
	d.reset()
	d.revise()
	d.enter(v1beta1.PhaseProgressing)
	if debts := d.in.owed(); len(debts) > 0 {
		d.owe(debts)
	} else {
		d.do(ScaleCanary{Direction: Up})
	}
	if held := min(d.want.Canary, d.in.found().Canary); held > 0 && d.in.Primary.Readiness != Ready {
		d.want.Primary, d.want.Canary = whole-held, held
		d.park()
		return
	}
	d.route(ToPrimary())
}

// park begins a run whose revision has users from its first moment, as nobody else can serve them. It is analysed
// after an interval under their traffic, and still owes the pre-rollout hooks their call.
func (d *draft) park() {
	d.say(ReasonAnalysisStarted, d.in.Plan.textStarting())
	d.dec.Status.CanaryWeight = int(d.want.Canary)
	d.dec.Status.LastAnalysisTime = microTime(d.in.Now)
	d.after(d.in.Plan.Interval)
	for _, hook := range d.in.Plan.hooks(v1beta1.HookPreRollout) {
		d.record(string(hook.Type), hook.Name, Answer{Verdict: NoData, Message: messageUncalled})
	}
}
