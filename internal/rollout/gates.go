package rollout

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/api/v1beta1"
)

// kindMetric is how metric checks are named in status.checks; hooks go by their type.
const kindMetric = "metric"

// gateResult is the state of a list of hooks of one type.
type gateResult int

const (
	// unasked: a question was put into the draft.
	unasked gateResult = iota
	// open: every hook agreed.
	open
	// closed: one did not, and those after it were not called.
	closed
)

// gate goes through the hooks of one type in order and stops at the first that does not agree.
func (d *draft) gate(kind v1beta1.HookType, phase v1beta1.CanaryPhase) (Hook, gateResult) {
	said := len(d.dec.Events)
	for _, hook := range d.in.Plan.hooks(kind) {
		if kind == v1beta1.HookPreRollout && d.in.verdict(string(kind), hook.Name) == Pass {
			continue // once in a run is enough
		}
		q := Question{Kind: AskHook, Index: hook.Index, Phase: phase}
		answer, answered := d.in.Answers[q]
		if !answered {
			d.dec.Ask = []Question{q}
			return hook, unasked
		}
		d.record(string(kind), hook.Name, answer)
		if answer.Verdict != Pass {
			if before := d.in.verdict(string(kind), hook.Name); before != "" && before != Pass {
				d.dec.Events = d.dec.Events[:said] // the gates before it have been told already
			}
			return hook, closed
		}
		if title, told := passTitles[kind]; told {
			d.event(corev1.EventTypeNormal, ReasonGatePassed, title+" check "+hook.Name+" passed")
		}
	}
	return Hook{}, open
}

var passTitles = map[v1beta1.HookType]string{
	v1beta1.HookConfirmRollout:         "Confirm-rollout",
	v1beta1.HookPreRollout:             "Pre-rollout",
	v1beta1.HookConfirmTrafficIncrease: "Confirm-traffic-increase",
	v1beta1.HookConfirmPromotion:       "Confirm-promotion",
}

// warnOfGate says that a gate keeps the run waiting.
func (d *draft) warnOfGate(what string, hook Hook, alert string) {
	d.warn(ReasonGateClosed, d.in.Plan.textHalt(what, hook.Name))
	if !hook.Muted {
		d.alert(v1beta1.SeverityWarn, alert)
	}
}

// cause is what a hook answered.
func (d *draft) cause(hook Hook, phase v1beta1.CanaryPhase) string {
	return d.in.Answers[Question{Kind: AskHook, Index: hook.Index, Phase: phase}].Message
}

// manualRollback asks the rollback hooks, the first agreement counts. It returns true with a decision if a question
// is open or the run ends.
func (d *draft) manualRollback() (bool, Decision) {
	const kind = v1beta1.HookRollback
	phase := d.in.phase()
	for _, hook := range d.in.Plan.hooks(kind) {
		q := Question{Kind: AskHook, Index: hook.Index, Phase: phase}
		answer, answered := d.in.Answers[q]
		if !answered {
			return true, d.ask(q)
		}
		before := d.in.verdict(string(kind), hook.Name)
		d.record(string(kind), hook.Name, answer)
		if answer.Verdict == Pass {
			alert := Alert{Severity: v1beta1.SeverityWarn, Message: alertManualRollback}
			return true, d.rollBack(alert, "Rollback check "+hook.Name+" passed", d.in.Plan.textManualRollback())
		}
		if before == "" {
			d.say(ReasonGateClosed, "Rollback hook "+hook.Name+" not signaling a rollback")
		}
	}
	return false, Decision{}
}

func microTime(t time.Time) *metav1.MicroTime { return &metav1.MicroTime{Time: t} }
