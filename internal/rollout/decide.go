package rollout

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"flagger.app/flagger/api/v1beta1"
)

// states holds one function per phase. A phase that is absent rests.
var states = map[v1beta1.CanaryPhase]func(Observation) Decision{
	"":                            initializing,
	v1beta1.PhaseInitializing:     initializing,
	v1beta1.PhaseWaiting:          waiting,
	v1beta1.PhaseProgressing:      progressing,
	v1beta1.PhaseWaitingPromotion: progressing,
	v1beta1.PhasePromoting:        promoting,
	v1beta1.PhaseFinalising:       finalising,
	v1beta1.PhaseFailed:           failed,
}

// Decide says what is next for a canary. It is pure: equal observations give equal decisions. A decision that asks
// wants to be called again with the answers added.
func Decide(in Observation) Decision {
	in = in.normal()
	switch {
	case in.Deleting:
		return terminating(in)
	case in.Claim != "":
		return Refuse(in, ReasonRefused, in.Claim, 0)
	case in.Plan.Suspended:
		return suspended(in)
	case in.Missing != "":
		return missing(in)
	case len(in.uncalled()) > 0:
		return catchUp(in)
	}
	if state, ok := states[in.Status.Phase]; ok {
		return state(in)
	}
	return resting(in)
}

// normal is the observation as decisions see it: at its time, and in our own words.
func (in Observation) normal() Observation {
	in.Target = in.known(in.limited(in.Target, in.Plan.Target).at(in.Now))
	in.Primary = in.known(in.limited(in.Primary, in.Plan.primary()).at(in.Now))
	if !in.Primary.Exists { // nothing but making it will have it serve
		in.Primary.Readiness = Stuck
		in.Primary.Reason = fmt.Sprintf("%s.%s not ready: it does not exist", in.Plan.primary(), in.Plan.Namespace)
	}
	if in.Deleting || in.Plan.Suspended {
		return in
	}
	in = in.adopt()
	if in.Status.TrackedConfigs == nil && in.Configs != nil && in.isApplied() {
		in.Status.TrackedConfigs = &in.Configs // tracking begins: they are as they were, as far as can be told
	}
	return in
}

// frozen tells whether nothing may be done at all, whatever is seen.
func (in Observation) frozen() bool { return in.Plan.Suspended || in.Claim != "" }

// found is how users are divided as far as can be told.
func (in Observation) found() Traffic {
	if !in.Routed {
		return ToPrimary()
	}
	return in.Routing.Traffic
}

// beforeUsers tells whether the canary has not moved its first users yet.
func (in Observation) beforeUsers() bool {
	return in.initial() && in.Status.LastRouteTime == nil
}

// initial tells whether the canary is being initialised.
func (in Observation) initial() bool {
	return in.Status.Phase == "" || in.Status.Phase == v1beta1.PhaseInitializing
}

// handedBack tells whether users have left for the target, and their last requests have ended.
func (in Observation) handedBack() bool {
	released := in.Status.LastRouteTime
	return in.Status.Phase == v1beta1.PhaseTerminating && released != nil && !in.Now.Before(released.Add(in.Plan.Drain))
}

// analysing tells whether a status is that of a run under analysis.
func analysing(s v1beta1.CanaryStatus) bool {
	return s.Phase == v1beta1.PhaseProgressing || s.Phase == v1beta1.PhaseWaitingPromotion
}

// suspended freezes everything and says so once.
func suspended(in Observation) Decision {
	d := in.keep()
	d.only()
	d.progress = note{reason: ReasonSuspended, message: textSuspended}
	if in.condition(v1beta1.ReconcilingCondition).reason != ReasonSuspended {
		d.say(ReasonSuspended, textSuspended)
	}
	return d.done()
}

// patience is how long a workload may be on its way before that is worth a word: pods start in seconds.
const patience = 10 * time.Second

// hold waits for a workload, and says what for once the waiting lasts and when it becomes hopeless.
func (d *draft) hold(w Workload, reason Reason) Decision {
	if d.in.untilKnown(w) > 0 {
		return d.done() // it wakes then
	}
	begun := d.in.condition(v1beta1.ReconcilingCondition).reason == reason
	if quiet := d.in.Status.LastTransitionTime.Add(patience).Sub(d.in.Now); quiet > 0 && !begun && w.Readiness == Waiting {
		return d.after(quiet).done()
	}
	d.progress = note{reason: reason, message: d.waitingFor(reason)}
	if w.Readiness == Stuck {
		d.stall = note{reason: ReasonNotReady, message: w.Reason}
	}
	known := d.in.condition(v1beta1.StalledCondition).reason == ReasonNotReady
	if w.Reason != "" && (!begun || w.Readiness == Stuck && !known) {
		d.warn(ReasonNotReady, w.Reason)
		d.record(kindReadiness, d.in.Plan.subject(reason), Answer{Verdict: Fail, Message: w.Reason})
	}
	switch {
	case w.Readiness != Waiting: // no time will change that
	case !w.Deadline.IsZero():
		d.after(w.Deadline.Sub(d.in.Now))
	case w.Limit > 0:
		d.after(w.Limit)
	}
	return d.done()
}

const messageDraining = "Waiting for requests that are under way to end."

// awaitTarget waits for pods of the target. That there are none when they have only been asked for is no news.
func (d *draft) awaitTarget() Decision {
	if d.in.Target.Replicas == 0 {
		return d.done()
	}
	return d.hold(d.in.Target, reasonCanaryNotReady)
}

var holdMessages = map[Reason]string{
	reasonCanaryNotReady:  "Waiting for the pods of the canary to be ready.",
	reasonPrimaryNotReady: "Waiting for the pods of the primary to be ready.",
}

// waitingFor says in words what is waited for.
func (d *draft) waitingFor(reason Reason) string {
	if reason == reasonPrimaryNotReady && d.in.owesRestart() && d.want.Canary > 0 {
		return messageServing
	}
	return holdMessages[reason]
}

// ask turns the draft into a question.
func (d *draft) ask(q ...Question) Decision {
	d.dec.Ask = q
	return d.done()
}

// drain waits until the pods that traffic has left may go; it returns false when they may.
func (d *draft) drain() bool {
	left := d.in.untilDrained()
	if d.in.resumed() {
		left = max(left, d.in.Plan.Drain)
	}
	if left <= 0 {
		return false
	}
	d.after(left)
	d.progress = note{reason: reasonDraining, message: messageDraining}
	d.complainOfRoute()
	return true
}

// complainOfRoute says once that the data plane does not take the routing object.
func (d *draft) complainOfRoute() {
	routing := d.in.Routing
	if routing.Acceptance == Taken || routing.Message == "" {
		return
	}
	if routing.Acceptance == Refused {
		d.stall = note{reason: ReasonRouteNotTaken, message: routing.Message}
		if d.in.condition(v1beta1.StalledCondition).reason != ReasonRouteNotTaken {
			d.warn(ReasonRouteNotTaken, routing.Message)
		}
	}
}

// Refuse is the decision about a canary that cannot be carried out at all: nothing is done, the condition Stalled and
// one Warning event say why. message names the object, the field and the cause. retry is how soon to look again if
// nothing wakes the canary, 0 for never.
func Refuse(in Observation, reason Reason, message string, retry time.Duration) Decision {
	return in.keep().refuse(reason, message, retry)
}

// missing takes users to the primary when the target has gone, whose pods go with it.
func missing(in Observation) Decision {
	d := in.keep()
	if found := in.found(); !in.initial() && (found.Canary > 0 || found.Mirrored) {
		d.dec.Status.CanaryWeight, d.dec.Status.Iterations = 0, 0
		d.route(ToPrimary())
		d.dec.Actions = []Action{Route{Traffic: d.want}}
	}
	return d.refuse(ReasonRefused, in.Missing, 0)
}

func (d *draft) refuse(reason Reason, message string, retry time.Duration) Decision {
	d.stall = note{reason: reason, message: message}
	if stored := d.in.condition(v1beta1.StalledCondition); stored != d.stall {
		d.warn(reason, message)
	}
	d.dec.Status.ObservedGeneration = d.in.Generation
	d.set(v1beta1.ReadyCondition, corev1.ConditionFalse, d.stall)
	d.setOrDrop(v1beta1.StalledCondition, d.stall)
	d.stamp()
	d.dec.After = retry
	return d.dec
}
