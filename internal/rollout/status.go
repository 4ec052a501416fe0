package rollout

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/api/v1beta1"
)

// mostChecks bounds status.checks.
const mostChecks = 32

// record keeps the last result of a check under its kind and name.
func (d *draft) record(kind, name string, a Answer) {
	status := &d.dec.Status
	result := v1beta1.CheckResult{
		Name: name, Kind: kind, Verdict: string(a.Verdict), Message: a.Message,
		Value: a.Value, Min: a.Min, Max: a.Max, Time: metav1.Time{Time: d.in.Now},
	}
	if i := d.in.lastCheck(status.Checks, kind, name); i >= 0 {
		status.Checks[i] = result
		return
	}
	if len(status.Checks) < mostChecks {
		status.Checks = append(status.Checks, result)
	}
}

func (Observation) lastCheck(checks []v1beta1.CheckResult, kind, name string) int {
	return slices.IndexFunc(checks, func(c v1beta1.CheckResult) bool { return c.Kind == kind && c.Name == name })
}

// verdict is the last verdict of a check in this run, or "".
func (in Observation) verdict(kind, name string) Verdict {
	if i := in.lastCheck(in.Status.Checks, kind, name); i >= 0 {
		return Verdict(in.Status.Checks[i].Verdict)
	}
	return ""
}

// conditions derives all conditions from the phase and from what holds it up.
func (d *draft) conditions() {
	status := &d.dec.Status
	if status.Phase == "" { // frozen before it began
		d.setOrDrop(v1beta1.ReconcilingCondition, d.progress)
		d.setOrDrop(v1beta1.StalledCondition, d.stall)
		return
	}
	d.promotedCondition()
	ready, message := corev1.ConditionUnknown, promotedMessages[status.Phase].text(d.in.Plan.Kind)
	moving := true
	switch status.Phase {
	case v1beta1.PhaseInitialized, v1beta1.PhaseSucceeded:
		ready, moving = corev1.ConditionTrue, false
	case v1beta1.PhaseFailed:
		ready, moving = corev1.ConditionFalse, false
		if d.stall.reason == "" {
			d.stall = note{reason: ReasonRolledBack, message: message}
		}
	default: // under way
	}
	if d.progress.reason == "" && moving {
		d.progress = note{reason: Reason(status.Phase), message: message}
	}
	summary := note{reason: Reason(status.Phase), message: message}
	if ready == corev1.ConditionTrue && d.stall.reason != "" {
		ready, summary = corev1.ConditionFalse, d.stall // it serves, but could not release anything
	}
	d.set(v1beta1.ReadyCondition, ready, summary)
	d.setOrDrop(v1beta1.ReconcilingCondition, d.progress)
	d.setOrDrop(v1beta1.StalledCondition, d.stall)
}

// promotedText is the status and the message of the condition Promoted in one phase.
type promotedText struct {
	status  corev1.ConditionStatus
	message string
}

func (p promotedText) text(kind string) string { return strings.ReplaceAll(p.message, "<kind>", kind) }

var promotedMessages = map[v1beta1.CanaryPhase]promotedText{
	v1beta1.PhaseInitializing:     {corev1.ConditionUnknown, "New <kind> detected, starting initialization."},
	v1beta1.PhaseInitialized:      {corev1.ConditionTrue, "<kind> initialization completed."},
	v1beta1.PhaseWaiting:          {corev1.ConditionUnknown, "Waiting for approval."},
	v1beta1.PhaseProgressing:      {corev1.ConditionUnknown, "New revision detected, progressing canary analysis."},
	v1beta1.PhaseWaitingPromotion: {corev1.ConditionUnknown, "Waiting for approval."},
	v1beta1.PhasePromoting:        {corev1.ConditionUnknown, "Canary analysis completed, starting primary rolling update."},
	v1beta1.PhaseFinalising:       {corev1.ConditionUnknown, "Canary analysis completed, routing all traffic to primary."},
	v1beta1.PhaseSucceeded:        {corev1.ConditionTrue, "Canary analysis completed successfully, promotion finished."},
	v1beta1.PhaseFailed:           {corev1.ConditionFalse, "Canary analysis failed, <kind> scaled to zero."},
	v1beta1.PhaseTerminating:      {corev1.ConditionUnknown, "Terminating, handing traffic back to the <kind>."},
}

// promotedCondition follows the rule that users of the condition know: as long as its status and reason stand, it is
// not touched at all.
func (d *draft) promotedCondition() {
	status := &d.dec.Status
	entry := promotedMessages[status.Phase]
	if i := conditionIndex(status.Conditions, v1beta1.PromotedCondition); i >= 0 {
		now := status.Conditions[i]
		if now.Status == entry.status && now.Reason == string(status.Phase) {
			return
		}
	}
	d.set(v1beta1.PromotedCondition, entry.status, note{reason: Reason(status.Phase), message: entry.text(d.in.Plan.Kind)})
}

func conditionIndex(conditions []v1beta1.CanaryCondition, kind string) int {
	return slices.IndexFunc(conditions, func(c v1beta1.CanaryCondition) bool { return c.Type == kind })
}

// set writes one condition and leaves it alone if it says the same already.
func (d *draft) set(kind string, value corev1.ConditionStatus, n note) {
	status := &d.dec.Status
	now := metav1.Time{Time: d.in.Now}
	next := v1beta1.CanaryCondition{
		Type: kind, Status: value, Reason: string(n.reason), Message: n.message,
		LastUpdateTime: now, LastTransitionTime: now,
	}
	if kind != v1beta1.PromotedCondition {
		next.ObservedGeneration = d.in.Generation
	}
	i := conditionIndex(status.Conditions, kind)
	if i < 0 {
		status.Conditions = append(status.Conditions, next)
		return
	}
	old := status.Conditions[i]
	if old.Status == next.Status {
		next.LastTransitionTime = old.LastTransitionTime
	}
	same := old.Status == next.Status && old.Reason == next.Reason && old.Message == next.Message
	if same && old.ObservedGeneration == next.ObservedGeneration {
		return
	}
	status.Conditions[i] = next
}

// setOrDrop keeps a condition only while it is true, as kstatus expects of Reconciling and Stalled.
func (d *draft) setOrDrop(kind string, n note) {
	if n.reason != "" {
		d.set(kind, corev1.ConditionTrue, n)
		return
	}
	d.dec.Status.Conditions = slices.DeleteFunc(d.dec.Status.Conditions, func(c v1beta1.CanaryCondition) bool {
		return c.Type == kind
	})
}

// condition returns a stored condition's note, or the zero note.
func (in Observation) condition(kind string) note {
	if i := conditionIndex(in.Status.Conditions, kind); i >= 0 {
		stored := in.Status.Conditions[i]
		return note{reason: Reason(stored.Reason), message: stored.Message}
	}
	return note{}
}
