package rollout

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"flagger.app/flagger/api/v1beta1"
)

// A run is over when its end is stored. The post-rollout hooks, and the event that comes last, follow that write, so the
// write says that they are owed: whoever comes after a crash calls them.

const messageUncalled = "not called yet"

// end closes a run: the post-rollout hooks are called once the phase is stored.
func (d *draft) end(phase v1beta1.CanaryPhase, outcome Outcome) {
	d.enter(phase)
	d.dec.Outcome = outcome
	for _, hook := range d.in.Plan.hooks(v1beta1.HookPostRollout) {
		d.record(string(hook.Type), hook.Name, Answer{Verdict: NoData, Message: messageUncalled})
		d.dec.Closing = append(d.dec.Closing, Question{Kind: AskHook, Index: hook.Index, Phase: phase})
	}
	d.dec.Final = d.in.Plan.farewell(phase)
}

// farewell is the event that ends a run, after all others; a run that failed has none.
func (p Plan) farewell(phase v1beta1.CanaryPhase) []Event {
	if phase != v1beta1.PhaseSucceeded {
		return nil
	}
	text, told := p.textPromoted(), alertPromoted
	if p.SkipAnalysis {
		text, told = p.textSkipped(), alertSkipped
	}
	return []Event{{
		Type: corev1.EventTypeNormal, Reason: ReasonPromoted, Message: text, Phase: phase,
		Alert: Alert{Severity: v1beta1.SeverityInfo, Message: told},
	}}
}

// uncalled are the post-rollout hooks that the last run still owes their call.
func (in Observation) uncalled() []Question {
	phase := in.Status.Phase
	if phase != v1beta1.PhaseSucceeded && phase != v1beta1.PhaseFailed {
		return nil
	}
	var owed []Question
	for _, hook := range in.Plan.hooks(v1beta1.HookPostRollout) {
		if in.verdict(string(hook.Type), hook.Name) == NoData {
			owed = append(owed, Question{Kind: AskHook, Index: hook.Index, Phase: phase})
		}
	}
	return owed
}

// catchUp calls the hooks of a run whose end was stored by a process that died before it could.
func catchUp(in Observation) Decision {
	return Decision{
		Status: *in.Status.DeepCopy(), Closing: in.uncalled(), Final: in.Plan.farewell(in.Status.Phase), After: time.Millisecond,
	}
}

// Close turns the answers of a decision's Closing questions into the events that follow it, the final one last.
func Close(in Observation, dec Decision, answers Answers) []Event {
	var events []Event
	for _, q := range dec.Closing {
		events = append(events, in.closing(q, answers[q]))
	}
	return append(events, dec.Final...)
}

// Closed is the stored status with the answers of a decision's Closing questions, which are owed no longer.
func Closed(in Observation, stored v1beta1.CanaryStatus, answers Answers) v1beta1.CanaryStatus {
	status := *stored.DeepCopy()
	for i, check := range status.Checks {
		if check.Kind != string(v1beta1.HookPostRollout) || Verdict(check.Verdict) != NoData {
			continue
		}
		for q, answer := range answers {
			if in.Plan.hookName(q.Index) == check.Name {
				status.Checks[i].Verdict, status.Checks[i].Message = string(answer.Verdict), answer.Message
			}
		}
	}
	return status
}

// closing is the event about one post-rollout hook. Event hooks are told the phase that a failed run ended in.
func (in Observation) closing(q Question, answer Answer) Event {
	name := in.Plan.hookName(q.Index)
	event := Event{Type: corev1.EventTypeNormal, Reason: ReasonGatePassed, Message: "Post-rollout check " + name + " passed", Phase: q.Phase}
	if q.Phase == v1beta1.PhaseFailed {
		event.Phase = in.phase()
	}
	if answer.Verdict != Pass {
		event.Type, event.Reason = corev1.EventTypeWarning, ReasonHookFailed
		event.Message = "Post-rollout hook " + name + " failed " + answer.Message
	}
	return event
}

func (p Plan) hookName(index int) string {
	i := slices.IndexFunc(p.Hooks, func(hook Hook) bool { return hook.Index == index })
	if i < 0 {
		return ""
	}
	return p.Hooks[i].Name
}
