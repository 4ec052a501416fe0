package workload

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"flagger.app/flagger/internal/rollout"
)

const (
	reasonDeadline    = "ProgressDeadlineExceeded"
	reasonUnavailable = "MinimumReplicasUnavailable"

	whole = 100 // percent
)

// bar is how much of a workload must be available, in percent, and how long it may be short of that.
type bar struct {
	percent  int
	deadline time.Duration
}

// finding is the outcome of holding a Deployment against a bar.
type finding struct {
	readiness rollout.Readiness
	reason    string    // empty if Ready
	until     time.Time // when Waiting becomes Stuck; zero for never
}

// judge says how far the Deployment's own rollout has come.
func (b bar) judge(d *appsv1.Deployment) finding {
	if d.Generation > d.Status.ObservedGeneration {
		return finding{reason: "waiting for rollout to finish: observed deployment generation less than desired generation"}
	}
	if replicas(d) == 0 {
		return finding{reason: "waiting for rollout to finish: the deployment is scaled to zero replicas"}
	}
	progressing := conditionOf(d, appsv1.DeploymentProgressing)
	if progressing != nil && progressing.Reason == reasonDeadline {
		return finding{readiness: rollout.Stuck, reason: fmt.Sprintf("deployment %q exceeded its progress deadline", d.Name)}
	}
	reason := b.shortfall(d)
	if reason == "" {
		return finding{readiness: rollout.Ready}
	}
	short := finding{reason: reason}
	available := conditionOf(d, appsv1.DeploymentAvailable)
	if progressing != nil && available != nil &&
		available.Status == corev1.ConditionFalse && available.Reason == reasonUnavailable {
		short.until = available.LastUpdateTime.Add(b.deadline)
	}
	return short
}

// shortfall says in words what the Deployment lacks; it is empty if that is nothing.
func (b bar) shortfall(d *appsv1.Deployment) string {
	status, wanted := d.Status, replicas(d)
	needed := b.needed(status.UpdatedReplicas)
	switch {
	case status.UpdatedReplicas < wanted:
		return fmt.Sprintf("waiting for rollout to finish: %d out of %d new replicas have been updated",
			status.UpdatedReplicas, wanted)
	case status.Replicas > status.UpdatedReplicas:
		return fmt.Sprintf("waiting for rollout to finish: %d old replicas are pending termination",
			status.Replicas-status.UpdatedReplicas)
	case status.AvailableReplicas < needed:
		return fmt.Sprintf("waiting for rollout to finish: %d of %d (readyThreshold %d%%) updated replicas are available",
			status.AvailableReplicas, needed, b.percent)
	}
	return ""
}

// needed is the share of count that must be available, rounded up, and at least one: traffic needs somebody to serve it.
func (b bar) needed(count int32) int32 {
	share := (int64(count)*int64(b.percent) + whole - 1) / whole
	return int32(max(share, 1))
}

func conditionOf(d *appsv1.Deployment, kind appsv1.DeploymentConditionType) *appsv1.DeploymentCondition {
	for i := range d.Status.Conditions {
		if d.Status.Conditions[i].Type == kind {
			return &d.Status.Conditions[i]
		}
	}
	return nil
}
