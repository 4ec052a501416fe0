package rollout

import "flagger.app/flagger/api/v1beta1"

// stepWeight is the weighted strategy: one step up, or the promotion after the last.
func (d *draft) stepWeight() Decision {
	in := d.in
	mirrored := in.planned().Mirrored
	if !mirrored && in.Status.Phase != v1beta1.PhaseWaitingPromotion {
		if held, dec := d.confirmIncrease(); held {
			return dec
		}
	}
	next, more := nextStep(in.Plan.Steps, Weight(in.Status.CanaryWeight))
	switch {
	case !more:
		return d.promote()
	case in.Plan.Mirror && in.Status.CanaryWeight == 0 && !mirrored:
		d.route(in.servable(Traffic{Primary: whole, Mirrored: true}))
		d.record(kindMirror, in.Plan.Target, Answer{Verdict: Pass})
		d.say(ReasonWeightAdvanced, in.Plan.textWeight(0))
	default:
		d.dec.Status.CanaryWeight = int(next)
		d.enter(v1beta1.PhaseProgressing)
		d.route(in.servable(Split(next)))
		d.say(ReasonWeightAdvanced, in.Plan.textWeight(next))
	}
	return d.tick().done()
}

// confirmIncrease asks the gates before each step and once more before the promotion. It returns true with a decision
// if a question is open or a gate is closed; that is said once and counts nothing.
func (d *draft) confirmIncrease() (bool, Decision) {
	const kind = v1beta1.HookConfirmTrafficIncrease
	hook, result := d.gate(kind, v1beta1.PhaseProgressing)
	switch result {
	case unasked:
		return true, d.done()
	case closed:
		if before := d.in.verdict(string(kind), hook.Name); before == "" || before == Pass {
			d.warnOfGate("waiting for traffic increase approval", hook, alertWaitingIncrease)
		}
		return true, d.tick().done()
	case open:
	}
	return false, Decision{}
}
