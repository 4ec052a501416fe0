package rollout

import (
	"slices"

	"flagger.app/flagger/api/v1beta1"
)

// strategies holds what a passed analysis leads to.
var strategies = map[Strategy]func(*draft) Decision{
	Weighted:  (*draft).stepWeight,
	ABTest:    (*draft).iterateAB,
	BlueGreen: (*draft).iterateBlueGreen,
}

// progressing takes a revision through its analysis. What concerns users' requests is decided at once; only the next
// look at the checks waits for its tick.
func progressing(in Observation) Decision {
	d := in.keep()
	switch {
	case in.reverted():
		return d.cancel()
	case in.changed():
		return d.restart()
	case in.owesRestart():
		return d.renew()
	case in.Target.Readiness == Stuck:
		return d.rollBack(Alert{Severity: v1beta1.SeverityError, Message: alertDeadline(in.Target.Reason)}, in.Target.Reason)
	case in.Status.FailedChecks >= in.Plan.Threshold:
		return d.rollBack(Alert{Severity: v1beta1.SeverityError, Message: alertThreshold(in.Status.FailedChecks)},
			in.Plan.textThreshold(in.Status.FailedChecks))
	case in.Target.Replicas == 0 && in.Obstacle != "":
		return d.obstructed().done() // pods that start now may read what nobody can tell
	case in.Target.Readiness == Waiting:
		d.do(ScaleCanary{Direction: Up})
		return d.awaitTarget()
	case in.Primary.Readiness == Waiting:
		return d.hold(in.Primary, reasonPrimaryNotReady)
	case in.Plan.SkipAnalysis:
		return d.skip()
	case in.untilTick() > 0:
		return d.awaitTick()
	case in.untilSettled() > 0:
		return d.awaitRoute()
	}
	if ended, dec := d.manualRollback(); ended {
		return dec
	}
	return d.analyse()
}

// awaitTick leaves what the last tick had to say standing until the next.
func (d *draft) awaitTick() Decision {
	if said := d.in.condition(v1beta1.ReconcilingCondition); said.reason == ReasonMetricFailed || said.reason == ReasonProviderUnavailable {
		d.progress = said
	}
	if said := d.in.condition(v1beta1.StalledCondition); said.reason == ReasonMetricFailed {
		d.stall = said
	}
	return d.after(d.in.untilTick()).done()
}

// awaitRoute leaves the analysis that is due until the data plane has the weights. Those of the next step, where they are
// found, were set by a process that died before it could say so: the analysis decides about them.
func (d *draft) awaitRoute() Decision {
	d.complainOfRoute()
	found := d.in.found()
	if next, more := nextStep(d.in.Plan.Steps, Weight(d.in.Status.CanaryWeight)); more && found.Canary == next {
		d.want.Primary, d.want.Canary = found.Primary, found.Canary
	}
	return d.after(d.in.untilSettled()).done()
}

// analyse is one tick: the first of a run calls the pre-rollout hooks, every other looks at the checks.
func (d *draft) analyse() Decision {
	untouched := d.in.untouched()
	if untouched || d.in.owing() {
		if passed, dec := d.open(); !passed {
			return dec
		}
	}
	if !untouched {
		if passed, dec := d.check(); !passed {
			return dec
		}
	}
	return strategies[d.in.Plan.Strategy](d)
}

// open announces the analysis and calls the pre-rollout hooks.
func (d *draft) open() (bool, Decision) {
	if d.in.Status.LastAnalysisTime == nil {
		d.say(ReasonAnalysisStarted, d.in.Plan.textStarting())
	}
	const phase = v1beta1.PhaseProgressing
	switch hook, result := d.gate(v1beta1.HookPreRollout, phase); result {
	case unasked:
		return false, d.done()
	case closed:
		d.warn(ReasonHookFailed, d.in.Plan.textHaltCause("pre-rollout check", hook.Name, d.cause(hook, phase)))
		return false, d.halt()
	case open:
	}
	for _, notice := range d.in.Plan.Notices {
		d.warn(ReasonProviderLimits, notice)
	}
	return true, Decision{}
}

// untouched tells whether no request, copied ones included, has been sent to the canary in this run yet.
func (in Observation) untouched() bool {
	return in.Status.CanaryWeight == 0 && in.Status.Iterations == 0 && !in.planned().Mirrored
}

// owing tells whether a run that has users still owes a pre-rollout hook its call: it had them from its first moment, or
// the hook is new.
func (in Observation) owing() bool {
	return slices.ContainsFunc(in.Plan.hooks(v1beta1.HookPreRollout), func(hook Hook) bool {
		return in.verdict(string(hook.Type), hook.Name) != Pass
	})
}

// check runs the rollout hooks, one by one, and then all metrics at once. The first that fails speaks for the tick; a
// provider that does not answer never hides a metric that is out of bounds.
func (d *draft) check() (bool, Decision) {
	const phase = v1beta1.PhaseProgressing
	switch hook, result := d.gate(v1beta1.HookRollout, phase); result {
	case unasked:
		return false, d.done()
	case closed:
		d.warn(ReasonHookFailed, d.in.Plan.textHaltCause("external check", hook.Name, d.cause(hook, phase)))
		return false, d.halt()
	case open:
	}
	if asked, dec := d.askMetrics(); asked {
		return false, dec
	}
	var failed, lost []int
	for i, name := range d.in.Plan.Metrics {
		answer := d.in.Answers[Question{Kind: AskMetric, Index: i}]
		d.record(kindMetric, name, answer)
		switch {
		case answer.Verdict == Pass:
		case answer.Verdict == ProviderError && !d.in.Plan.CountProviderErrors:
			lost = append(lost, i)
		default:
			failed = append(failed, i)
		}
	}
	switch {
	case len(failed) > 0:
		d.complainOfMetric(failed[0])
		return false, d.halt()
	case len(lost) > 0:
		return false, d.pause(lost[0])
	}
	return true, Decision{}
}

// complainOfMetric says that a check has failed. One that could not even be measured is a mistake in its spec or its
// template: it stalls the canary until that is mended, and is said once.
func (d *draft) complainOfMetric(metric int) {
	name := d.in.Plan.Metrics[metric]
	answer := d.in.Answers[Question{Kind: AskMetric, Index: metric}]
	if answer.Verdict == Fail && answer.Value == nil {
		d.stall = note{reason: ReasonMetricFailed, message: answer.Message}
		if d.in.condition(v1beta1.StalledCondition) == d.stall {
			return
		}
	} else {
		d.progress = note{reason: ReasonMetricFailed, message: "The check " + name + " failed; status.checks says how."}
	}
	d.warn(ReasonMetricFailed, answer.Message)
}

// askMetrics asks for every metric that has no answer yet.
func (d *draft) askMetrics() (bool, Decision) {
	var missing []Question
	for i := range d.in.Plan.Metrics {
		q := Question{Kind: AskMetric, Index: i}
		if _, answered := d.in.Answers[q]; !answered {
			missing = append(missing, q)
		}
	}
	if len(missing) == 0 {
		return false, Decision{}
	}
	return true, d.ask(missing...)
}

// halt counts one failed check and leaves the traffic as it is.
func (d *draft) halt() Decision {
	d.dec.Status.FailedChecks++
	return d.tick().done()
}

// pause holds the weight while a metrics provider does not answer: nothing is counted, and it is said once.
func (d *draft) pause(metric int) Decision {
	message := d.in.Answers[Question{Kind: AskMetric, Index: metric}].Message
	d.progress = note{reason: ReasonProviderUnavailable, message: message}
	if before := d.in.verdict(kindMetric, d.in.Plan.Metrics[metric]); before != ProviderError {
		d.warn(ReasonProviderUnavailable, message)
	}
	return d.tick().done()
}

// restart begins the analysis anew for the revision that has come meanwhile.
func (d *draft) restart() Decision {
	if d.in.Primary.Readiness == Waiting && d.want.Canary > 0 {
		return d.hold(d.in.Primary, reasonPrimaryNotReady) // users leave as soon as there is where to go
	}
	d.say(ReasonRestarted, d.in.Plan.textRestarting())
	d.start()
	return d.done()
}

// cancel ends a run whose revision is gone, because the target went back to what the primary serves.
func (d *draft) cancel() Decision {
	if !d.in.Primary.Exists {
		return d.rebuild()
	}
	if d.in.Primary.Readiness != Ready && d.want.Canary > 0 {
		return d.hold(d.in.Primary, reasonPrimaryNotReady)
	}
	d.say(ReasonCancelled, d.in.Plan.textCancelled())
	d.reset()
	d.revise()
	d.route(ToPrimary())
	d.enter(v1beta1.PhaseFinalising)
	return d.after(d.in.Plan.Drain).done()
}

// rollBack takes users back to the primary at once; the pods go when the requests under way have ended. A primary
// without a pod to answer gets nobody. causes are the warnings to give first; chats are told with the last of them.
func (d *draft) rollBack(alert Alert, causes ...string) Decision {
	in := d.in
	if in.Primary.Available == 0 && d.want.Canary > 0 {
		return d.hold(in.Primary, reasonPrimaryNotReady)
	}
	for _, cause := range causes {
		d.warn(ReasonRolledBack, cause)
	}
	d.alert(alert.Severity, alert.Message)
	d.warn(ReasonRolledBack, in.Plan.textFailed())
	d.as(v1beta1.PhaseFailed)
	checks := slices.Clone(d.dec.Status.Checks)
	d.reset()
	d.revise()
	d.route(ToPrimary())
	d.dec.Status.Checks = checks
	d.end(v1beta1.PhaseFailed, RolledBack)
	d.progress = note{reason: reasonDraining, message: messageDraining}
	return d.after(in.Plan.Drain).done()
}

// promote copies what was analysed to the primary, once its gates are open.
func (d *draft) promote() Decision {
	if d.in.Obstacle != "" {
		return d.obstructed().tick().done()
	}
	if held, dec := d.confirmPromotion(); held {
		return dec
	}
	return d.copy()
}

// confirmPromotion asks the last gates. It returns true with a decision if a question is open or a gate is closed.
func (d *draft) confirmPromotion() (bool, Decision) {
	switch hook, result := d.gate(v1beta1.HookConfirmPromotion, v1beta1.PhaseProgressing); result {
	case unasked:
		return true, d.done()
	case closed:
		if d.in.Status.Phase != v1beta1.PhaseWaitingPromotion {
			d.warnOfGate("waiting for promotion approval", hook, alertWaitingPromotion)
		}
		d.enter(v1beta1.PhaseWaitingPromotion)
		return true, d.tick().done()
	case open:
	}
	return false, Decision{}
}

func (d *draft) copy() Decision {
	d.say(ReasonPromoting, d.in.Plan.textCopying())
	d.do(Promote(d.in.applied()))
	d.enter(v1beta1.PhasePromoting)
	return d.tick().done()
}

// skip promotes without looking; users wait on the primary meanwhile, if it can serve.
func (d *draft) skip() Decision {
	if d.in.Obstacle != "" {
		return d.obstructed().done()
	}
	if d.in.Primary.Readiness == Ready {
		d.dec.Status.CanaryWeight, d.dec.Status.Iterations = 0, 0
		d.route(ToPrimary())
	}
	return d.copy()
}
