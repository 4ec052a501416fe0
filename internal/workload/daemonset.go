package workload

import (
	"fmt"
	"maps"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/internal/rollout"
)

// idleKey is the key of the node selector, which no node has, that stops a DaemonSet's pods.
const idleKey = "flagger.app/scale-to-zero"

// NewDaemonSet returns the Target for DaemonSets.
func NewDaemonSet(options Options) *PodTarget {
	return &PodTarget{options: options, kind: daemonSets{}}
}

// daemonSets is the kind DaemonSet.
type daemonSets struct{}

func (daemonSets) traits() traits {
	return traits{
		name:    "DaemonSet",
		word:    "daemonset",
		idleKey: idleKey,
		copied:  []string{"minReadySeconds", "revisionHistoryLimit", "updateStrategy"},
		canary: notReady{
			waiting: "canary damonset %s.%s not ready with retryable true: %s", // users match on the spelling
			stuck:   "canary damonset %s.%s not ready with retryable false: %s",
		},
		primary: notReady{
			waiting: "primary daemonset %s.%s not ready: %s",
			stuck:   "primary daemonset %s.%s not ready: %s",
		},
	}
}

func (daemonSets) empty() client.Object { return &appsv1.DaemonSet{} }

// view counts a DaemonSet that is not stopped as asking for one pod at least: how many nodes there are for it is known
// only when its controller has seen it. Pods that are told to stop count as misscheduled until they are gone.
func (k daemonSets) view(o client.Object) view {
	d := o.(*appsv1.DaemonSet)
	v := view{
		Object:    d,
		word:      k.traits().word,
		template:  withoutIdleKey(&d.Spec.Template),
		selector:  d.Spec.Selector,
		replicas:  max(d.Status.DesiredNumberScheduled, 1),
		available: d.Status.NumberAvailable,
	}
	if isIdle(d) {
		v.replicas = 0
		v.stopping = d.Status.CurrentNumberScheduled > 0 || d.Status.NumberMisscheduled > 0
	}
	if strategy := d.Spec.UpdateStrategy.Type; strategy != "" && strategy != appsv1.RollingUpdateDaemonSetStrategyType {
		v.invalid = fmt.Errorf("daemonset %s.%s must have RollingUpdate strategy but have %s", d.Name, d.Namespace, strategy)
	}
	return v
}

// isIdle says whether a DaemonSet is stopped.
func isIdle(d *appsv1.DaemonSet) bool {
	_, idle := d.Spec.Template.Spec.NodeSelector[idleKey]
	return idle
}

// withoutIdleKey is the template as the user wrote it: that its pods are stopped is no revision. It leaves its argument
// as it is.
func withoutIdleKey(template *corev1.PodTemplateSpec) *corev1.PodTemplateSpec {
	written := *template
	written.Spec.NodeSelector = maps.Clone(template.Spec.NodeSelector)
	delete(written.Spec.NodeSelector, idleKey)
	return &written
}

// resize starts or stops all pods by a key of the node selector, and leaves the user's keys alone. It insists on the
// DaemonSet that was looked at.
func (daemonSets) resize(o client.Object, count int32) resizing {
	d := o.(*appsv1.DaemonSet)
	value, failure := "null", "scaling up daemonset %s.%s failed"
	if count == 0 {
		value, failure = `"true"`, "updating daemonset %s.%s failed"
	}
	if isIdle(d) == (count == 0) {
		return resizing{}
	}
	return resizing{
		patch: fmt.Appendf(nil, `{"metadata":{"resourceVersion":%q},"spec":{"template":{"spec":{"nodeSelector":{%q:%s}}}}}`,
			d.ResourceVersion, idleKey, value),
		failure: fmt.Sprintf(failure, d.Name, d.Namespace),
	}
}

// judge never finds a DaemonSet ready that runs nowhere. Its status does not tell since when pods are missing.
func (daemonSets) judge(o client.Object, needs bar) finding {
	d := o.(*appsv1.DaemonSet)
	status := d.Status
	if d.Generation > status.ObservedGeneration {
		return finding{reason: "waiting for rollout to finish: observed daemonset generation less than desired generation"}
	}
	if isIdle(d) {
		return finding{reason: "waiting for rollout to finish: the daemonset is scaled to zero"}
	}
	short := finding{overdue: fmt.Sprintf("exceeded its progressDeadlineSeconds: %d", needs.deadline/time.Second)}
	needed := needs.share(status.DesiredNumberScheduled)
	switch {
	case status.UpdatedNumberScheduled < status.DesiredNumberScheduled:
		short.reason = fmt.Sprintf("waiting for rollout to finish: %d out of %d new pods have been updated",
			status.UpdatedNumberScheduled, status.DesiredNumberScheduled)
	case status.NumberAvailable < needed:
		short.reason = fmt.Sprintf("waiting for rollout to finish: %d of %d (readyThreshold %d%%) updated pods are available",
			status.NumberAvailable, needed, needs.percent)
	default:
		return finding{readiness: rollout.Ready}
	}
	return short
}
