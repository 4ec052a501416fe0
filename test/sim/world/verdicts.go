package world

import (
	"slices"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

// route judges a write of the HTTPRoute: I1, I4 and I9.
func (r *referee) route(before, after tree) {
	to, found := divided(after)
	if !found {
		if at(r.seen(canaryKind, r.operator.working), "metadata", "deletionTimestamp") == nil {
			r.forbid("I4: the route has no weights")
		}
		return
	}
	for _, entry := range list(after, "spec", "rules") {
		rule, _ := entry.(tree)
		if weights, both := backends(rule); both && weights.primary+weights.canary != 100 {
			r.forbid("I4: weights %d and %d do not sum to 100", weights.primary, weights.canary)
		}
	}
	from, routed := divided(before)
	if shown, found := divided(r.seen(routeKind, app)); found { // what the operator cannot know of is not its fault
		from = split{primary: max(from.primary, shown.primary), canary: max(from.canary, shown.canary)}
	}
	switch {
	case to.canary > from.canary && !r.enough(app):
		r.forbid("I1: weight %d to a canary that is not ready", to.canary)
	case !routed && !inUse(r.phase()) && !r.enough(primary):
		r.forbid("I1: the first users to a primary that is not ready")
	case routed && to.primary > from.primary && !r.serves(primary):
		r.forbid("I9: weight %d to a primary without a pod", to.primary)
	}
	if most := r.mostWeight(); to.canary > max(most, from.canary) {
		r.forbid("I4: weight %d where the next step is %d", to.canary, most)
	}
}

// mostWeight is the most that the route may give to the canary now.
func (r *referee) mostWeight() int {
	canary := r.seen(canaryKind, r.operator.working)
	status := number(canary, "status", "canaryWeight")
	steps := list(canary, "spec", "analysis", "stepWeights")
	weighted := number(canary, "spec", "analysis", "iterations") == 0 && len(steps) > 0
	if !weighted || !inRun(r.phase()) {
		return 100
	}
	for _, step := range steps {
		if weight, _ := step.(int64); int(weight) > status {
			return int(weight)
		}
	}
	return status
}

// phase is that of the canary in work, as the operator sees it.
func (r *referee) phase() string {
	return text(r.seen(canaryKind, r.operator.working), "status", "phase")
}

func inRun(phase string) bool {
	return phase == string(v1beta1.PhaseProgressing) || phase == string(v1beta1.PhaseWaitingPromotion)
}

// inUse tells whether the operator has sent users to the primary already; who finds neither route nor pods loses nothing
// by a route to pods that are starting.
func inUse(phase string) bool { return phase != "" && phase != string(v1beta1.PhaseInitializing) }

// apex judges a write of the Service that users call: I1. The operator does not look where it leads once it has moved
// it, so what users do to it later is repaired at once, whoever serves.
func (r *referee) apex(before, after tree) {
	from, to := text(before, "spec", "selector", "app"), text(after, "spec", "selector", "app")
	first := at(r.seen(canaryKind, r.operator.working), "status", "lastRouteTime") == nil
	switch {
	case to == primary && from != primary && first:
		r.apexed = r.clock.moment()
		if !r.serves(primary) {
			r.forbid("I1: the apex to a primary without a pod")
		}
	case to == app && from == primary && !r.enough(app) && r.seen(deploymentKind, app) != nil:
		r.forbid("I1: the apex back to a target that is not ready")
	}
}

// target judges a write of the user's Deployment: I2 and I6.
func (r *referee) target(before, after tree) {
	if !same(at(before, "spec", "template"), at(after, "spec", "template")) {
		r.forbid("I6: the target's own template is written")
	}
	if before == nil || number(before, "spec", "replicas") == 0 || number(after, "spec", "replicas") > 0 {
		return
	}
	weights, _ := divided(r.seen(routeKind, app))
	running := number(r.seen(deploymentKind, app), "status", "availableReplicas") > 0
	switch {
	case r.scenario.routed && weights.canary > 0:
		r.forbid("I2: the target is stopped at weight %d", weights.canary)
	case r.scenario.routed && refused(r.seen(routeKind, app)):
		r.forbid("I2: the target is stopped while the gateway refuses the route")
	case running && r.clock.since(r.weighted) < drain:
		r.forbid("I2: the target is stopped too soon after users left it, %v", r.clock.since(r.weighted))
	case running && r.clock.since(r.apexed) < drain:
		r.forbid("I2: the target is stopped too soon after the apex left it, %v", r.clock.since(r.apexed))
	}
}

// refused tells whether the gateway has said no to the present generation of a route.
func refused(route tree) bool {
	return slices.ContainsFunc(list(route, "status", "parents"), func(entry any) bool {
		parent, _ := entry.(tree)
		accepted := condition(list(parent, "conditions"), "Accepted")
		return accepted["status"] == "False" && number(accepted, "observedGeneration") == number(route, "metadata", "generation")
	})
}

// copy judges a write of the primary: I2, I3 and I6.
func (r *referee) copy(before, after tree) {
	if before != nil && number(before, "spec", "replicas") > 0 && number(after, "spec", "replicas") == 0 {
		r.forbid("I2: the primary is stopped")
	}
	if before != nil && same(at(before, "spec", "template"), at(after, "spec", "template")) {
		return
	}
	now := r.versionOf(primary, "-primary")
	if !slices.Contains(r.recent, now) {
		r.forbid("I3: the primary becomes %v, the target was %v", now, r.recent)
	}
	if before != nil && now == r.copied {
		r.forbid("I6: the primary rolls and remains %v", now)
	}
	if before != nil && !r.analysed(now) {
		r.forbid("I3: the primary becomes %v, which has not passed: %v", now, r.answers)
	}
	r.copied = now
}

// analysed tells whether every metric passed when it was last asked, about this very version.
func (r *referee) analysed(v version) bool {
	canary := r.seen(canaryKind, r.operator.working)
	if skip, _ := at(canary, "spec", "skipAnalysis").(bool); skip {
		return true
	}
	if !inUse(r.phase()) {
		return true
	}
	for _, entry := range list(canary, "spec", "analysis", "metrics") {
		check, _ := entry.(tree)
		last := r.answers[text(check, "name")]
		if last.verdict != rollout.Pass || !slices.Contains(last.about, v) {
			return false
		}
	}
	return true
}

// status judges a write of the status: I4, I5, I6 and I8.
func (r *referee) status(before, after tree) {
	from, to := text(before, "status", "phase"), text(after, "status", "phase")
	applied, was := text(after, "status", "lastAppliedSpec"), text(before, "status", "lastAppliedSpec")
	anew := at(before, "status", "lastAnalysisTime") != nil && at(after, "status", "lastAnalysisTime") == nil
	begins := inRun(to) && (!inRun(from) || applied != was || anew ||
		!same(at(before, "status", "trackedConfigs"), at(after, "status", "trackedConfigs")))
	if begins {
		r.begins(to)
	}
	switch {
	case applied != was && !begins && applied != text(before, "status", "lastPromotedSpec") && (from == to || !recordsEnd(to)):
		r.forbid("I5: %s is recorded in phase %s without a run", applied, to)
	case inRun(from) && to == string(v1beta1.PhaseFailed) && !r.blamed && r.enough(app):
		r.forbid("I8: a run fails without a cause")
	}
	up := number(after, "status", "canaryWeight") > number(before, "status", "canaryWeight") ||
		number(after, "status", "iterations") > number(before, "status", "iterations")
	if !inRun(to) || begins || !up {
		return
	}
	if since := r.clock.since(r.stepped); since < interval {
		r.forbid("I4: two steps within %v", since)
	}
	r.stepped = r.clock.moment()
}

// recordsEnd tells whether a phase may record a version without beginning a run: where nobody uses the canary yet, and
// where the run of the version has just failed.
func recordsEnd(phase string) bool {
	switch v1beta1.CanaryPhase(phase) {
	case v1beta1.PhaseInitialized, v1beta1.PhaseFailed:
		return true
	default: // a run ends with what it began with
	}
	return false
}

// begins judges the start of a run: I6. A primary whose configs were about to be overwritten may carry anything.
func (r *referee) begins(phase string) {
	changed := func(v version) bool { return v != r.copied }
	marks, _ := at(r.seen(deploymentKind, primary), "metadata", "annotations").(tree)
	if marks["flagger.app/configs"] != nil && !slices.ContainsFunc(r.recent, changed) {
		r.forbid("I6: a run of %v, which the primary carries, in phase %s", r.copied, phase)
	}
	clear(r.answers)
	r.blamed, r.stepped = false, moment{}
}
