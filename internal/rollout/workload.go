package rollout

import (
	"cmp"
	"time"
)

// Readiness is how far a workload's own rollout has come.
type Readiness int

const (
	// Waiting is under way: pods are starting, or old ones are leaving.
	Waiting Readiness = iota
	// Ready has enough pods of the present revision available. A workload scaled to zero is never Ready.
	Ready
	// Stuck is past its progress deadline and will not become Ready by waiting.
	Stuck
)

// Workload is what can be seen of the target or of its primary.
type Workload struct {
	Exists bool
	// Revision identifies the pod template that it carries ("h1:" and 16 hex digits); on the primary it
	// is the revision of the target that it was copied from, and empty when that cannot be told.
	Revision string
	// Configs is, on the primary, the Fingerprint of the configs that it was copied with, and empty when that cannot
	// be told. Those of the target are in the Observation.
	Configs   string
	Readiness Readiness
	// Reason is the event text for a workload that is not Ready, complete with its name.
	Reason string
	// Replicas are the pods asked for, Available those that can serve.
	Replicas, Available int
	// Deadline is when Waiting turns into Stuck without any further change of the object; zero for never.
	Deadline time.Time
	// Limit is how long it may be Waiting where the object does not tell since when it is; 0 where Deadline tells.
	Limit time.Duration
	// StuckReason is the event text once Limit has passed; empty for Reason.
	StuckReason string
	// Serving is since when there was no moment without an available pod; zero where that was long ago.
	Serving time.Time
}

// untilKnown is the time until the data plane may be taken to know pods that have come where there were none.
func (in Observation) untilKnown(w Workload) time.Duration {
	if w.Serving.IsZero() {
		return 0
	}
	return min(w.Serving.Add(in.Plan.Settle).Sub(in.Now), in.Plan.Settle)
}

// known is a workload as its users meet it: pods that the data plane may not know yet serve nobody.
func (in Observation) known(w Workload) Workload {
	if in.untilKnown(w) > 0 {
		w.Available = 0
		if w.Readiness == Ready {
			w.Readiness = Waiting
		}
	}
	return w
}

// at is the workload at a time: one that has been Waiting past its Deadline is Stuck.
func (w Workload) at(now time.Time) Workload {
	if w.Readiness == Waiting && !w.Deadline.IsZero() && !now.Before(w.Deadline) {
		w.Readiness, w.Reason = Stuck, cmp.Or(w.StuckReason, w.Reason)
	}
	return w
}
