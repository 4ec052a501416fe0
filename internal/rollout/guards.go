package rollout

import (
	"cmp"
	"fmt"
	"slices"

	"flagger.app/flagger/api/v1beta1"
)

// sparsePods is I1: no weight to a side without enough ready pods that the data plane knows.
func sparsePods(in Observation, dec Decision) string {
	found := in.found()
	for _, action := range dec.Actions {
		switch a := action.(type) {
		case Route:
			switch {
			case !in.Plan.Routes:
			case a.Traffic.Canary > found.Canary && in.Target.Readiness != Ready:
				return fmt.Sprintf("weight %d to a canary that is not ready", a.Traffic.Canary)
			case in.Routed && a.Traffic.Primary > found.Primary && in.Primary.Available == 0:
				return fmt.Sprintf("weight %d to a primary without an available pod", a.Traffic.Primary)
			}
		case EnsureApex:
			if in.beforeUsers() && in.Primary.Readiness != Ready {
				return "the first users to a primary that is not ready"
			}
		case Release:
			if in.Target.Exists && in.Target.Readiness != Ready {
				return "users back to a target that is not ready"
			}
		}
	}
	return ""
}

// earlyStop is I2: no scale-down of a side that has weight, or whose drain is not over.
func earlyStop(in Observation, dec Decision) string {
	for _, action := range dec.Actions {
		switch a := action.(type) {
		case ScaleCanary:
			switch {
			case a.Direction == Up:
			case slices.Contains(dec.Actions, Action(ScaleCanary{Direction: Up})):
				return "stop the canary that is started"
			case in.Target.Replicas == 0:
			case in.Routing.Traffic.Canary > 0 || in.sends(dec):
				return "stop the canary while it has weight"
			case in.beforeUsers():
				return "stop the target before users have left it"
			case in.untilDrained() > 0:
				return "stop the canary before its requests have ended"
			}
		case Forget:
			if in.Plan.RevertOnDeletion && in.Target.Exists && !in.handedBack() {
				return "let the primary go before its requests have ended"
			}
		}
	}
	return ""
}

// sends tells whether a decision gives the canary weight.
func (in Observation) sends(dec Decision) bool {
	return in.Plan.Routes && slices.ContainsFunc(dec.Actions, func(action Action) bool {
		route, routes := action.(Route)
		return routes && route.Traffic.Canary > 0
	})
}

// unanalysed is I3: what is promoted is what was analysed, and a primary is made from nothing else either.
func unanalysed(in Observation, dec Decision) string {
	if in.Target.Replicas > 0 && analysing(dec.Status) && in.keepsOutdated(dec) {
		return "analyse pods that may have read other configs"
	}
	if in.begins(dec) && in.inherits(dec) {
		return "begin a run with the agreement of hooks to another"
	}
	for _, action := range dec.Actions {
		switch a := action.(type) {
		case Promote:
			switch v := Version(a); {
			case v != in.version():
				return fmt.Sprintf("promote %v while the target carries %v", v, in.version())
			case v != in.applied():
				return fmt.Sprintf("promote %v while the run is about %v", v, in.applied())
			case !in.passed():
				return fmt.Sprintf("promote %v before its analysis is complete", v)
			}
		case SyncPrimary:
			switch v := Version(a); {
			case v != in.version():
				return fmt.Sprintf("copy %v while the target carries %v", v, in.version())
			case in.initial() && in.Primary.Readiness == Stuck && (in.beforeUsers() || in.Primary.Available == 0):
			case in.Primary.Exists && in.promoted() && in.isApplied():
			case in.Primary.Exists, !in.rebuildable():
				return fmt.Sprintf("copy %v, which was never promoted", v)
			}
		}
	}
	return ""
}

// inherits tells whether a decision keeps a pre-rollout hook for passed that was not asked in this round.
func (in Observation) inherits(dec Decision) bool {
	after := in
	after.Status = dec.Status
	return slices.ContainsFunc(in.Plan.hooks(v1beta1.HookPreRollout), func(hook Hook) bool {
		asked := in.Answers[Question{Kind: AskHook, Index: hook.Index, Phase: v1beta1.PhaseProgressing}]
		return after.verdict(string(hook.Type), hook.Name) == Pass && asked.Verdict != Pass
	})
}

// keepsOutdated tells whether a run begins, or goes on, without the restart that it owes to edited configs.
func (in Observation) keepsOutdated(dec Decision) bool {
	after := in
	after.Status = dec.Status
	owed := in.debts()
	if in.begins(dec) {
		owed = in.owed()
	} else if in.replaced() {
		return false
	}
	return slices.ContainsFunc(owed, func(revision string) bool { return !slices.Contains(after.debts(), revision) })
}

// passed tells whether the run has gone past every step, check and gate, by the answers of this round.
func (in Observation) passed() bool {
	switch {
	case in.Plan.SkipAnalysis, in.Status.Phase == v1beta1.PhasePromoting:
		return true
	case !analysing(in.Status), in.owesRestart() && !in.replaced():
		return false
	case in.Plan.Strategy == Weighted:
		if _, more := nextStep(in.Plan.Steps, Weight(in.Status.CanaryWeight)); more {
			return false
		}
	case in.Status.Iterations < in.Plan.Iterations:
		return false
	}
	for i := range in.Plan.Metrics {
		if in.Answers[Question{Kind: AskMetric, Index: i}].Verdict != Pass {
			return false
		}
	}
	return !slices.ContainsFunc(in.Plan.Hooks, in.closedBy)
}

// closedBy tells whether a hook keeps the promotion from going on: pre-rollout hooks agree once in a run, the others in
// this round.
func (in Observation) closedBy(hook Hook) bool {
	answer := in.Answers[Question{Kind: AskHook, Index: hook.Index, Phase: v1beta1.PhaseProgressing}]
	switch hook.Type {
	case v1beta1.HookRollout, v1beta1.HookConfirmPromotion:
		return answer.Verdict != Pass
	case v1beta1.HookPreRollout:
		return cmp.Or(answer.Verdict, in.verdict(string(hook.Type), hook.Name)) != Pass
	default: // says nothing about a promotion
	}
	return false
}

// leap is I4: weights sum to 100, and go up one step of the plan at most in an interval.
func leap(in Observation, dec Decision) string {
	after := in
	after.Status = dec.Status
	planned, next := in.planned(), after.planned()
	for _, action := range dec.Actions {
		route, routes := action.(Route)
		switch t := route.Traffic; {
		case !routes || !in.Plan.Routes:
		case t.Primary+t.Canary != whole || t.Canary < 0 || t.Primary < 0:
			return fmt.Sprintf("weights %d and %d do not sum to 100", t.Primary, t.Canary)
		case t.Canary > max(next.Canary, in.found().Canary):
			return fmt.Sprintf("weight %d where the status plans %d", t.Canary, next.Canary)
		}
	}
	up := next.Canary > planned.Canary || dec.Status.Iterations > in.Status.Iterations
	switch {
	case in.parks(dec):
		return ""
	case in.begins(dec):
		return in.headStart(dec, next)
	case dec.Status.CanaryWeight > in.Status.CanaryWeight && !analysing(dec.Status) && !past(dec.Status.Phase):
		return fmt.Sprintf("weight %d without a run", dec.Status.CanaryWeight)
	case up && (in.untilTick() > 0 || !dec.Analysed || !in.looks(dec)):
		return "a step up before its time"
	case dec.Status.Iterations > in.Status.Iterations+1:
		return "two iterations at once"
	case in.Plan.Strategy != Weighted && analysing(dec.Status) && dec.Status.CanaryWeight > in.Status.CanaryWeight:
		return "a weight where iterations say who is on the canary"
	case up && in.Plan.Strategy == Weighted:
		if step, _ := nextStep(in.Plan.Steps, Weight(in.Status.CanaryWeight)); next.Canary > step {
			return fmt.Sprintf("weight %d where the next step is %d", next.Canary, step)
		}
	}
	return ""
}

// headStart says in words how a run begins further than at zero. Where nobody else can serve users it begins with those
// that the canary has, and is looked at after an interval.
func (in Observation) headStart(dec Decision, next Traffic) string {
	inPlace := next.Canary <= in.found().Canary && in.looks(dec)
	if (next.Canary > 0 || dec.Status.Iterations > 0) && !inPlace {
		return fmt.Sprintf("a run that begins with weight %d and %d iterations", next.Canary, dec.Status.Iterations)
	}
	return ""
}

// looks tells whether a decision counts the next interval from now.
func (in Observation) looks(dec Decision) bool {
	last := dec.Status.LastAnalysisTime
	return last != nil && last.Time.Equal(in.Now)
}

// parks tells whether a decision sends everybody to the canary because the primary cannot serve what was promoted.
func (in Observation) parks(dec Decision) bool {
	before, after := in.Status.Phase, dec.Status.Phase
	return after == v1beta1.PhaseFailed && (before == v1beta1.PhasePromoting || before == v1beta1.PhaseFinalising) &&
		in.Primary.Readiness == Stuck
}

// begins tells whether a decision begins a run, or begins it again.
func (in Observation) begins(dec Decision) bool {
	after := in
	after.Status = dec.Status
	anew := in.forgetsTick(dec) || after.applied() != in.applied()
	return analysing(dec.Status) && (!analysing(in.Status) || anew)
}

// forgetsTick tells whether a decision would let the next analysis come earlier than it is due.
func (in Observation) forgetsTick(dec Decision) bool {
	before, after := in.Status.LastAnalysisTime, dec.Status.LastAnalysisTime
	if before == nil || !analysing(in.Status) {
		return false
	}
	return after == nil || after.Before(before) && !after.Time.Equal(in.Now)
}

// lostRevision is I5: what the target carries is recorded only by the write that starts its run or after it was
// promoted, and nothing counts as promoted that the primary does not carry.
func lostRevision(in Observation, dec Decision) string {
	before, after := in.Status, dec.Status
	ends := before.Phase != after.Phase && (after.Phase == v1beta1.PhaseInitialized || after.Phase == v1beta1.PhaseSucceeded)
	switch serves := in.Primary.Revision; {
	case in.Deleting:
		return ""
	case ends && serves != "" && after.LastPromotedSpec != serves:
		return fmt.Sprintf("end with %s as promoted while the primary carries %s", after.LastPromotedSpec, serves)
	case after.LastPromotedSpec != before.LastPromotedSpec && !in.Primary.Exists:
		return fmt.Sprintf("record %s as promoted without a primary", after.LastPromotedSpec)
	case after.LastPromotedSpec != before.LastPromotedSpec && serves != "" && after.LastPromotedSpec != serves:
		return fmt.Sprintf("record %s as promoted while the primary carries %s", after.LastPromotedSpec, serves)
	case analysing(before) && after.Phase == v1beta1.PhaseSucceeded:
		return "end a run before its revision is promoted"
	}
	return in.swallows(dec)
}

// swallows says in words what a decision records without reason.
func (in Observation) swallows(dec Decision) string {
	before, after := in.Status, dec.Status
	then := in
	then.Status = after
	fromPrimary := after.LastAppliedSpec == in.Primary.Revision && (in.copied() || !then.isApplied())
	switch {
	case past(after.Phase) && then.applied() != in.applied():
		return fmt.Sprintf("go on with %v after the analysis of %v", then.applied(), in.applied())
	case in.begins(dec) && then.applied() != in.version():
		return fmt.Sprintf("begin a run of %v and record %v", in.version(), then.applied())
	case after.LastAppliedSpec == before.LastAppliedSpec && then.applied() == in.applied():
		return ""
	case in.initial() && fromPrimary:
		return ""
	case in.changed() && then.isApplied() && !analysing(after) && !in.condemns(dec):
		return fmt.Sprintf("record %s without a run", after.LastAppliedSpec)
	case !slices.Contains([]string{in.Target.Revision, in.Primary.Revision, before.LastPromotedSpec, before.LastAppliedSpec}, after.LastAppliedSpec):
		return fmt.Sprintf("record %s, which nothing carries", after.LastAppliedSpec)
	}
	return ""
}

// past tells whether a run in a phase has its analysis behind it.
func past(phase v1beta1.CanaryPhase) bool {
	return phase == v1beta1.PhaseWaitingPromotion || phase == v1beta1.PhasePromoting
}

// condemns tells whether a decision fails what the target carries, and has a cause to. What fails a run is no cause to fail
// the version that came meanwhile.
func (in Observation) condemns(dec Decision) bool {
	before := in.Status
	return before.Phase != v1beta1.PhaseFailed && !analysing(before) && dec.Status.Phase == v1beta1.PhaseFailed && in.lost()
}

// idleRun is I6: an unchanged workload never rolls.
func idleRun(in Observation, dec Decision) string {
	if in.begins(dec) && (in.initial() || !in.changed()) {
		return "a run of a revision that has not changed"
	}
	starts := slices.Contains(dec.Actions, Action(ScaleCanary{Direction: Up}))
	if starts && !in.Deleting && !analysing(dec.Status) {
		return "start pods of a target without a run"
	}
	return ""
}

// trespass is I7: nobody else's object is overwritten.
func trespass(in Observation, dec Decision) string {
	if in.Claim == "" || in.Deleting {
		return ""
	}
	if len(dec.Actions) > 0 {
		return "write what somebody else has a claim to: " + in.Claim
	}
	return ""
}

// blamedOutage is I8: the outage of a metrics provider alone never rolls back and never promotes.
func blamedOutage(in Observation, dec Decision) string {
	before, after := in.Status, dec.Status
	climbs := after.CanaryWeight > before.CanaryWeight && analysing(after) && !in.begins(dec) || after.Iterations > before.Iterations ||
		analysing(before) && after.Phase == v1beta1.PhasePromoting
	switch {
	case after.FailedChecks > before.FailedChecks && !in.failing():
		return "count a check that did not fail"
	case analysing(before) && after.Phase == v1beta1.PhaseFailed && !in.lost():
		return "roll back without a cause"
	case climbs && in.doubtful():
		return "go on although a metric did not pass"
	}
	return ""
}

// failing tells whether some answer of this round counts as a failed check.
func (in Observation) failing() bool {
	for q, answer := range in.Answers {
		switch {
		case q.Kind == AskProviders || answer.Verdict == Pass:
		case answer.Verdict != ProviderError || q.Kind == AskHook || in.Plan.CountProviderErrors:
			return true
		}
	}
	return false
}

// doubtful tells whether some metric did not pass in this round, be it that its provider was out of reach.
func (in Observation) doubtful() bool {
	for q, answer := range in.Answers {
		if q.Kind == AskMetric && answer.Verdict != Pass {
			return true
		}
	}
	return false
}

// lost tells whether there is a cause to roll back.
func (in Observation) lost() bool {
	if in.Target.Readiness == Stuck || in.Status.FailedChecks >= in.Plan.Threshold {
		return true
	}
	return slices.ContainsFunc(in.Plan.hooks(v1beta1.HookRollback), func(hook Hook) bool {
		return in.Answers[Question{Kind: AskHook, Index: hook.Index, Phase: in.phase()}].Verdict == Pass
	})
}

// sickPrimary is I9: an unhealthy primary never receives traffic back from a healthy canary.
func sickPrimary(in Observation, dec Decision) string {
	for _, action := range dec.Actions {
		route, routes := action.(Route)
		back := routes && in.Routed && in.Plan.Routes && route.Traffic.Primary > in.found().Primary
		condemned := dec.Outcome == RolledBack && analysing(in.Status)
		if back && !condemned && in.betterOffOnCanary() {
			return fmt.Sprintf("weight %d to a primary that is not healthy", route.Traffic.Primary)
		}
	}
	return ""
}

// betterOffOnCanary tells whether the canary serves and the primary is in no state to take its users back. After a
// promotion that failed the primary has to be ready for that.
func (in Observation) betterOffOnCanary() bool {
	serves := in.Target.Readiness == Ready && (in.Status.Phase != v1beta1.PhaseFailed || in.Status.CanaryWeight > 0)
	return serves && (in.Primary.Readiness == Stuck || in.parked() && in.Primary.Readiness != Ready)
}

// parked tells whether a promotion that failed has left users on the canary.
func (in Observation) parked() bool {
	resting := in.Status.Phase == v1beta1.PhaseFailed || in.Status.Phase == v1beta1.PhaseWaiting
	return resting && in.Status.CanaryWeight > 0
}
