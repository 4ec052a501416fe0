package rollout

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/api/v1beta1"
)

// routeConfirmation is how long a data plane that never confirms is waited for before it counts as one that cannot.
const routeConfirmation = time.Minute

// draft is a decision in the making. It starts as "keep everything as the status says" and states change it.
type draft struct {
	in   Observation
	dec  Decision
	want Traffic
	// then are the actions that follow the baseline, which keeps Services and routing as they should be.
	then []Action
	// bare leaves the baseline out, for a canary that does not serve yet or no longer.
	bare bool
	// noted is set where the status has to tell first of what the next look may not find any more.
	noted bool
	// progress and stall are what the conditions Reconciling and Stalled will say; empty reasons leave them to the phase.
	progress, stall note
}

// note is the reason and message of a condition.
type note struct {
	reason  Reason
	message string
}

func (in Observation) keep() *draft {
	d := &draft{in: in, want: in.servable(in.planned())}
	d.dec.Status = *in.Status.DeepCopy()
	if in.resumed() && in.Status.LastRouteTime != nil {
		d.leave() // nobody watched where users went
	}
	d.noteOutdated()
	return d
}

// resumed tells whether this is the first decision after a suspension.
func (in Observation) resumed() bool {
	return !in.Plan.Suspended && in.condition(v1beta1.ReconcilingCondition).reason == ReasonSuspended
}

// planned is the traffic that the status stands for; the routing object is made to match it.
func (in Observation) planned() Traffic {
	t := ToPrimary()
	switch in.Status.Phase {
	case v1beta1.PhaseProgressing, v1beta1.PhaseWaitingPromotion, v1beta1.PhasePromoting:
		t = in.underAnalysis()
	case v1beta1.PhaseFailed, v1beta1.PhaseWaiting:
		t = Split(Weight(in.Status.CanaryWeight)) // parked on the canary after a failed promotion
	default: // users are on the primary
	}
	if !in.Plan.Routes {
		return ToPrimary()
	}
	t.Affinity = in.Plan.affinity(in.Status)
	return t
}

// servable keeps drift from being repaired towards a side that has nobody to answer, or a worse one than the other: the
// traffic stays as it is found.
func (in Observation) servable(want Traffic) Traffic {
	if found := in.found(); want.Primary > found.Primary && in.betterOffOnCanary() {
		want.Primary, want.Canary = found.Primary, found.Canary
	}
	return in.answerable(want)
}

// answerable leaves the traffic as it is found where it would go to a side that has nobody to answer.
func (in Observation) answerable(want Traffic) Traffic {
	found := in.found()
	towardsCanary := want.Canary > found.Canary && in.Target.Readiness != Ready
	towardsPrimary := want.Primary > found.Primary && in.Primary.Available == 0
	if towardsCanary || towardsPrimary {
		want.Primary, want.Canary = found.Primary, found.Canary
	}
	return want
}

func (in Observation) underAnalysis() Traffic {
	status, plan := in.Status, in.Plan
	switch {
	case status.CanaryWeight > 0:
		return Split(Weight(status.CanaryWeight))
	case plan.Strategy == ABTest && status.Iterations > 0,
		plan.Strategy == BlueGreen && status.Iterations > plan.Iterations:
		return ToCanary()
	case plan.Mirror && plan.Strategy == BlueGreen:
		return Traffic{Primary: whole, Mirrored: status.Iterations > 0}
	case plan.Mirror && plan.Strategy == Weighted:
		mirrored := in.Routing.Traffic.Mirrored || in.verdict(kindMirror, plan.Target) == Pass
		return Traffic{Primary: whole, Mirrored: mirrored && status.LastAnalysisTime != nil}
	}
	return ToPrimary()
}

// kindMirror is how the step that copies requests to the canary is kept in status.checks, under the target's name: no
// weight tells of it.
const kindMirror = "mirror"

// route changes the traffic, as far as there is somebody to answer, and with it the session cookies.
func (d *draft) route(t Traffic) {
	if !d.in.Plan.Routes {
		return
	}
	t = d.in.answerable(t)
	d.rotateCookies(t)
	t.Affinity = d.in.Plan.affinity(d.dec.Status)
	if t != d.want {
		d.dec.Status.LastRouteTime = &metav1.MicroTime{Time: d.in.Now}
	}
	d.want = t
}

// enter changes the phase. Only phases that a run passes through keep its counters. Where a run ends the drain begins
// anew, whatever the status says of the traffic: a crash may have lost what happened last.
func (d *draft) enter(phase v1beta1.CanaryPhase) {
	status := &d.dec.Status
	status.Phase = phase
	switch phase {
	case v1beta1.PhaseInitialized, v1beta1.PhaseSucceeded:
		status.CanaryWeight, status.Iterations = 0, 0
		d.recordPromoted(status.LastAppliedSpec)
	case v1beta1.PhaseFinalising:
		status.CanaryWeight, status.Iterations = 0, 0
		d.progress = note{reason: reasonDraining, message: messageDraining}
		d.leave()
	case v1beta1.PhaseFailed:
		d.leave()
	case v1beta1.PhaseTerminating:
		status.CanaryWeight, status.Iterations = 0, 0
	default: // a run goes on
	}
}

// recordPromoted records what a primary that somebody deletes is made anew as. One that is gone already tells nothing more.
func (d *draft) recordPromoted(revision string) {
	status := &d.dec.Status
	if d.in.Primary.Exists || revision != status.LastPromotedSpec {
		status.LastPromotedConfigs = d.in.Primary.Configs
	}
	status.LastPromotedSpec = revision
	d.recordSize(d.in.Primary.Replicas)
}

// recordSize records the primary's size, where nobody but its user decides about that.
func (d *draft) recordSize(replicas int) {
	if d.in.sized() && replicas > 0 {
		d.dec.Status.LastPromotedReplicas = int32(replicas) //nolint:gosec // it was one
	}
}

// sized tells whether the primary has the size that the user gives the target.
func (in Observation) sized() bool { return in.Plan.Kind == "Deployment" && !in.Plan.Autoscaled }

// reset makes the counters those of a run that has not begun.
func (d *draft) reset() {
	status := &d.dec.Status
	status.FailedChecks, status.Iterations, status.CanaryWeight = 0, 0, 0
	status.LastAnalysisTime = nil
	status.Checks = slices.DeleteFunc(status.Checks, func(c v1beta1.CheckResult) bool { return c.Kind != kindProviders })
}

// revise records the target's present version as the one of the run that starts. Configs that cannot be told now are
// recorded as none, so that they are found changed, or to be the primary's, once they can.
func (d *draft) revise() {
	d.dec.Status.LastAppliedSpec = d.in.Target.Revision
	switch configs := d.in.Configs; {
	case configs != nil:
		d.dec.Status.TrackedConfigs = &configs
	case d.in.Obstacle != "" && d.in.Status.TrackedConfigs != nil:
		d.dec.Status.TrackedConfigs = &map[string]string{}
	}
}

// tick uses up the analysis that was due.
func (d *draft) tick() *draft {
	d.dec.Status.LastAnalysisTime = &metav1.MicroTime{Time: d.in.Now}
	d.dec.Analysed = true
	return d.after(d.in.Plan.Interval)
}

func (d *draft) do(a ...Action) { d.then = append(d.then, a...) }

func (d *draft) say(reason Reason, text string)  { d.event(corev1.EventTypeNormal, reason, text) }
func (d *draft) warn(reason Reason, text string) { d.event(corev1.EventTypeWarning, reason, text) }

// as makes phase what the last event tells event hooks, where that is not the phase the canary was found in.
func (d *draft) as(phase v1beta1.CanaryPhase) { d.dec.Events[len(d.dec.Events)-1].Phase = phase }

// alert tells chats with the last event.
func (d *draft) alert(severity v1beta1.AlertSeverity, message string) {
	d.dec.Events[len(d.dec.Events)-1].Alert = Alert{Severity: severity, Message: message}
}

// alertInDetail tells chats with the last event, and how the canary is analysed.
func (d *draft) alertInDetail(message string) {
	d.dec.Events[len(d.dec.Events)-1].Alert = Alert{Severity: v1beta1.SeverityInfo, Message: message, Detailed: true}
}

func (d *draft) event(kind string, reason Reason, text string) {
	d.dec.Events = append(d.dec.Events, Event{Type: kind, Reason: reason, Message: text, Phase: d.in.phase()})
}

// after asks to be woken in pause at the latest; the shortest pause wins, and a pause that is over is none.
func (d *draft) after(pause time.Duration) *draft {
	pause = max(pause, time.Millisecond)
	if d.dec.After == 0 || pause < d.dec.After {
		d.dec.After = pause
	}
	return d
}

// only makes a the whole of the decision's actions.
func (d *draft) only(a ...Action) { d.bare, d.then = true, a }

// done closes the draft: baseline actions first, then what the state added; conditions last, as they tell the result.
func (d *draft) done() Decision {
	switch {
	case len(d.dec.Ask) > 0 && d.noted:
		return d.in.keep().done()
	case len(d.dec.Ask) > 0:
		return Decision{Ask: d.dec.Ask}
	}
	if !d.bare {
		d.dec.Actions = append(d.scaler(), EnsureServices{}, EnsureApex{}, Route{Traffic: d.want})
		d.dateRoute()
	}
	d.dec.Actions = append(d.dec.Actions, d.then...)
	for _, side := range [...]Workload{d.in.Target, d.in.Primary} {
		if left := d.in.untilKnown(side); left > 0 {
			d.after(left)
		}
	}
	d.dec.Status.ObservedGeneration = d.in.Generation
	d.recovered()
	d.conditions()
	d.stamp()
	return d.dec
}

// scaler keeps the primary's autoscaler. It follows the target's while nothing else is under way, and with a promotion.
func (d *draft) scaler() []Action {
	switch {
	case !d.in.Plan.Autoscaled || d.in.Obstacle != "":
		return nil
	case d.dec.Status.Phase == v1beta1.PhasePromoting:
		return []Action{SyncScaler{}}
	}
	atRest := d.dec.Status.Phase == v1beta1.PhaseInitialized || d.dec.Status.Phase == v1beta1.PhaseSucceeded
	if atRest && !d.in.changed() {
		return []Action{SyncScaler{}}
	}
	return []Action{EnsureScaler{}}
}

// leave begins the drain.
func (d *draft) leave() {
	if d.in.Plan.Routes {
		d.dec.Status.LastRouteTime = microTime(d.in.Now)
	}
}

// dateRoute makes the drain begin again for users whom somebody else sent to the canary, and who leave it now. Whoever
// deletes the routing object may have done that first.
func (d *draft) dateRoute() {
	if !d.in.Routed || d.in.Routing.Traffic.Canary > d.want.Canary {
		d.leave()
	}
}

// stamp dates the status, if anything else in it has changed.
func (d *draft) stamp() {
	if !SameStatus(d.dec.Status, d.in.Status) {
		d.dec.Status.LastTransitionTime = metav1.Time{Time: d.in.Now}
	}
}

// phase is the phase that events and hooks are told: a canary without one is being initialised.
func (in Observation) phase() v1beta1.CanaryPhase {
	if in.Status.Phase == "" {
		return v1beta1.PhaseInitializing
	}
	return in.Status.Phase
}

// untilTick is the time until the next analysis is due; none if there was no analysis in this run.
func (in Observation) untilTick() time.Duration {
	if in.Status.LastAnalysisTime == nil {
		return 0
	}
	return in.Status.LastAnalysisTime.Add(in.Plan.Interval).Sub(in.Now)
}

// untilDrained is the time that pods must still outlive the traffic that has left them; it counts from the moment
// the traffic was changed, as the status tells or as may have been lost, and never ends while the data plane refuses
// the change, or there is nothing that tells where users go.
func (in Observation) untilDrained() time.Duration {
	if !in.Routed || in.Routing.Traffic.Canary > 0 {
		return max(in.Plan.Drain, time.Millisecond)
	}
	if in.Status.LastRouteTime == nil {
		return 0
	}
	changed := in.Status.LastRouteTime.Time
	if in.Moved.After(changed) {
		changed = in.Moved
	}
	wait := in.Plan.Drain
	switch in.Routing.Acceptance {
	case Refused:
		return routeConfirmation
	case Unconfirmed:
		wait = max(wait, routeConfirmation)
	case Taken:
	}
	return changed.Add(wait).Sub(in.Now)
}

// untilSettled is the time until analysing makes sense: none once the data plane has the weights, or will never say.
func (in Observation) untilSettled() time.Duration {
	switch last := in.Status.LastRouteTime; in.Routing.Acceptance {
	case Refused:
		return routeConfirmation
	case Unconfirmed:
		if last != nil {
			return last.Add(routeConfirmation).Sub(in.Now)
		}
	case Taken:
	}
	return 0
}

// hooks are the hooks of one type, in the order of the spec.
func (p Plan) hooks(kind v1beta1.HookType) []Hook {
	var found []Hook
	for _, hook := range p.Hooks {
		if hook.Type == kind {
			found = append(found, hook)
		}
	}
	return found
}

// nextStep returns the first step above now, if there is one.
func nextStep(steps []Weight, now Weight) (Weight, bool) {
	i := slices.IndexFunc(steps, func(step Weight) bool { return step > now })
	if i < 0 {
		return 0, false
	}
	return steps[i], true
}
