package workload

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/internal/rollout"
)

const (
	reasonDeadline    = "ProgressDeadlineExceeded"
	reasonUnavailable = "MinimumReplicasUnavailable"
)

// NewDeployment returns the Target for Deployments.
func NewDeployment(options Options) *PodTarget {
	return &PodTarget{options: options, kind: deployments{}}
}

// deployments is the kind Deployment.
type deployments struct{}

func (deployments) traits() traits {
	const canary, primary = "canary deployment %s.%s not ready: %s", "%s.%s not ready: %s"
	return traits{
		name:        "Deployment",
		word:        "deployment",
		hasReplicas: true,
		copied:      []string{"progressDeadlineSeconds", "minReadySeconds", "revisionHistoryLimit", "strategy"},
		apart:       apart,
		canary:      notReady{waiting: canary, stuck: canary},
		primary:     notReady{waiting: primary, stuck: primary},
	}
}

func (deployments) empty() client.Object { return &appsv1.Deployment{} }

// view counts as stopping a Deployment that was scaled to zero and still has pods. Scaled up at once, it would report
// those as available until its ReplicaSet has seen both changes, while they are told to stop: traffic would be sent to
// nobody.
func (k deployments) view(o client.Object) view {
	d := o.(*appsv1.Deployment)
	return view{
		Object:    d,
		word:      k.traits().word,
		template:  &d.Spec.Template,
		selector:  d.Spec.Selector,
		replicas:  replicas(d),
		available: d.Status.AvailableReplicas,
		serving:   servingSince(d),
		stopping:  replicas(d) == 0 && d.Status.Replicas > 0,
	}
}

// servingSince is since when enough pods are available; zero where they are not, or it cannot be told. The time in the
// status is cut to seconds.
func servingSince(d *appsv1.Deployment) time.Time {
	available := conditionOf(d, appsv1.DeploymentAvailable)
	if available == nil || available.Status != corev1.ConditionTrue || available.LastTransitionTime.IsZero() {
		return time.Time{}
	}
	return available.LastTransitionTime.Add(time.Second)
}

// resize writes the number of replicas alone.
func (deployments) resize(o client.Object, count int32) resizing {
	d := o.(*appsv1.Deployment)
	if replicas(d) == count {
		return resizing{}
	}
	change := resizing{
		patch:   fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, count),
		failure: fmt.Sprintf("scaling up %s.%s to %d failed", d.Name, d.Namespace, count),
	}
	if count == 0 {
		change.failure = fmt.Sprintf("deployment %s.%s patch query error", d.Name, d.Namespace)
	}
	return change
}

// replicas are the pods that a Deployment asks for; the API server's default is one.
func replicas(d *appsv1.Deployment) int32 {
	if d.Spec.Replicas == nil {
		return 1
	}
	return *d.Spec.Replicas
}

func (deployments) judge(o client.Object, needs bar) finding {
	d := o.(*appsv1.Deployment)
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
	reason := missingReplicas(d, needs)
	if reason == "" {
		return finding{readiness: rollout.Ready}
	}
	short := finding{reason: reason}
	available := conditionOf(d, appsv1.DeploymentAvailable)
	if progressing != nil && available != nil &&
		available.Status == corev1.ConditionFalse && available.Reason == reasonUnavailable {
		since := available.LastUpdateTime
		if progressing.LastUpdateTime.After(since.Time) {
			since = progressing.LastUpdateTime // its pods were unavailable before: those of a new template get their time
		}
		short.until = since.Add(needs.deadline)
	}
	return short
}

// missingReplicas says in words what the Deployment lacks; it is empty if that is nothing.
func missingReplicas(d *appsv1.Deployment, needs bar) string {
	status, wanted := d.Status, replicas(d)
	needed := needs.share(status.UpdatedReplicas)
	switch {
	case status.UpdatedReplicas < wanted:
		return fmt.Sprintf("waiting for rollout to finish: %d out of %d new replicas have been updated",
			status.UpdatedReplicas, wanted)
	case status.Replicas > status.UpdatedReplicas:
		return fmt.Sprintf("waiting for rollout to finish: %d old replicas are pending termination",
			status.Replicas-status.UpdatedReplicas)
	case status.AvailableReplicas < needed:
		return fmt.Sprintf("waiting for rollout to finish: %d of %d (readyThreshold %d%%) updated replicas are available",
			status.AvailableReplicas, needed, needs.percent)
	}
	return ""
}

func conditionOf(d *appsv1.Deployment, kind appsv1.DeploymentConditionType) *appsv1.DeploymentCondition {
	for i := range d.Status.Conditions {
		if d.Status.Conditions[i].Type == kind {
			return &d.Status.Conditions[i]
		}
	}
	return nil
}
