package rollout

import (
	"maps"
	"strings"

	"flagger.app/flagger/api/v1beta1"
)

// revisionPrefix marks the identities that we have written; a stored one without it is Flagger's.
const revisionPrefix = "h1:"

// adopt takes over a status that Flagger wrote: its identities mean nothing here, so the present revision takes their
// place wherever Flagger has no run to start either, and a run in progress goes on from the weight that users see.
func (in Observation) adopt() Observation {
	if in.Target.Revision == "" || !foreign(in.Status.LastAppliedSpec) && !foreign(in.Status.LastPromotedSpec) {
		return in
	}
	stored := in.Status
	in.Status = *in.Status.DeepCopy()
	status := &in.Status
	in.adoptPromoted()
	if !foreign(status.LastAppliedSpec) {
		return in
	}
	in.adoptTimes()
	switch status.Phase {
	case v1beta1.PhaseWaiting:
		return in // a revision waits for its gate; its run records it
	case v1beta1.PhaseInitialized, v1beta1.PhaseSucceeded:
		if in.Primary.Revision != in.Target.Revision {
			return in // pushed while nobody watched
		}
		status.LastPromotedSpec = in.Target.Revision
	case v1beta1.PhasePromoting, v1beta1.PhaseFinalising:
		if in.Primary.Revision != in.Target.Revision {
			return in // the primary has what was analysed, so the target has something newer
		}
		if status.Phase == v1beta1.PhasePromoting {
			in.adoptTraffic(stored)
		}
	case v1beta1.PhaseProgressing, v1beta1.PhaseWaitingPromotion:
		in.adoptTraffic(stored)
		in.adoptHooks()
	default: // nothing is under way
	}
	status.LastAppliedSpec = in.Target.Revision
	in.adoptConfigs()
	return in
}

// adoptConfigs takes over the checksums that Flagger recorded. Ours begin with the same text, so those that still hold
// are told from configs that were edited while nobody watched; the latter stay, and are found changed.
func (in *Observation) adoptConfigs() {
	if in.Configs == nil {
		return
	}
	configs := maps.Clone(in.Configs)
	if stored := in.Status.TrackedConfigs; stored != nil {
		configs = maps.Clone(*stored)
		for name, sum := range in.Configs {
			if was, tracked := configs[name]; tracked && (was == sum || strings.HasPrefix(sum, was+binarySeparator)) {
				configs[name] = sum
			}
		}
	}
	in.Status.TrackedConfigs = &configs
}

// binarySeparator follows, in a checksum, what Flagger takes into account: it never looked at binary data.
const binarySeparator = "+"

// foreign tells whether a stored identity was written by Flagger.
func foreign(revision string) bool {
	return revision != "" && !strings.HasPrefix(revision, revisionPrefix)
}

// adoptPromoted reads the promoted revision off the primary, which carries it whenever nothing is on its way there.
func (in *Observation) adoptPromoted() {
	status := &in.Status
	if !foreign(status.LastPromotedSpec) || in.Primary.Revision == "" {
		return
	}
	switch status.Phase {
	case v1beta1.PhaseProgressing, v1beta1.PhaseWaitingPromotion, v1beta1.PhaseWaiting:
		status.LastPromotedSpec = in.Primary.Revision
	case v1beta1.PhaseFailed:
		if status.CanaryWeight == 0 { // else its promotion failed
			status.LastPromotedSpec = in.Primary.Revision
		}
	default: // told when the phase is adopted
	}
}

// adoptTimes takes the last write of Flagger for its last look at the checks, and lets the drain begin now, as it may
// have moved users a moment ago.
func (in *Observation) adoptTimes() {
	status := &in.Status
	switch status.Phase {
	case v1beta1.PhaseProgressing, v1beta1.PhaseWaitingPromotion, v1beta1.PhasePromoting, v1beta1.PhaseFinalising:
	default:
		return
	}
	if status.LastRouteTime == nil {
		status.LastRouteTime = microTime(in.Now)
	}
	routed := in.Routed && in.Routing.Traffic.Canary > 0 // Flagger may have died before it wrote that down
	begun := routed || status.CanaryWeight > 0 || status.Iterations > 0 || status.FailedChecks > 0
	if status.LastAnalysisTime == nil && (begun || status.Phase == v1beta1.PhaseWaitingPromotion) {
		status.LastAnalysisTime = microTime(status.LastTransitionTime.Time)
	}
}

// adoptHooks takes the pre-rollout hooks of a run that has users for passed: Flagger sends nobody before.
func (in *Observation) adoptHooks() {
	if in.untouched() {
		return
	}
	for _, hook := range in.Plan.hooks(v1beta1.HookPreRollout) {
		in.Status.Checks = append(in.Status.Checks, v1beta1.CheckResult{
			Name: hook.Name, Kind: string(hook.Type), Verdict: v1beta1.VerdictPass, Time: in.Status.LastTransitionTime,
		})
	}
}

// adoptTraffic reads from the routing object what Flagger keeps there alone.
func (in *Observation) adoptTraffic(stored v1beta1.CanaryStatus) {
	status := &in.Status
	switch {
	case in.Plan.Strategy == Weighted:
		status.Iterations = 0
		if in.Routed {
			status.CanaryWeight = int(in.Routing.Traffic.Canary)
		}
	case stored.Phase == v1beta1.PhaseWaitingPromotion:
		status.Iterations = in.Plan.Iterations
		if in.Plan.Strategy == BlueGreen && in.Routing.Traffic.Canary == whole {
			status.Iterations++
		}
	}
}
