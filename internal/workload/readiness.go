package workload

import (
	"fmt"
	"time"

	"flagger.app/flagger/internal/rollout"
)

const whole = 100 // percent

// bar is how much of a workload must be available, in percent, and how long it may be short of that.
type bar struct {
	percent  int
	deadline time.Duration
}

// share is the part of count that must be available, rounded up, and at least one: traffic needs somebody to serve it.
func (b bar) share(count int32) int32 {
	part := (int64(count)*int64(b.percent) + whole - 1) / whole
	return int32(max(part, 1))
}

// finding is the outcome of holding a workload against a bar.
type finding struct {
	readiness rollout.Readiness
	reason    string    // empty if Ready
	until     time.Time // when Waiting becomes Stuck; zero for never, or where the workload does not tell
	overdue   string    // the reason once Waiting has become Stuck, where the workload does not tell when; else empty
}

// seen is all of a Workload but its version.
func seen(k kind, v view, needs bar, says notReady) rollout.Workload {
	found := k.judge(v.Object, needs)
	workload := rollout.Workload{
		Exists:    true,
		Readiness: found.readiness,
		Replicas:  int(v.replicas),
		Available: int(v.available),
		Deadline:  found.until,
		Serving:   v.serving,
	}
	switch found.readiness {
	case rollout.Waiting:
		workload.Reason = fmt.Sprintf(says.waiting, v.GetName(), v.GetNamespace(), found.reason)
	case rollout.Stuck:
		workload.Reason = fmt.Sprintf(says.stuck, v.GetName(), v.GetNamespace(), found.reason)
	case rollout.Ready:
	}
	if found.overdue != "" {
		workload.Limit = needs.deadline
		workload.StuckReason = fmt.Sprintf(says.stuck, v.GetName(), v.GetNamespace(), found.overdue)
	}
	return workload
}
