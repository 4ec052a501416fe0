package world

import (
	"encoding/json"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// adopt makes a Deployment's spec what its pods are to be.
func (f *fleet) adopt(d tree, generation int, now time.Time) {
	encoded, err := json.Marshal(at(d, "spec", "template"))
	if err != nil {
		panic(err) // it came as JSON
	}
	f.generation, f.wanted, f.image = generation, number(d, "spec", "replicas"), image(d)
	f.deadline = time.Duration(number(d, "spec", "progressDeadlineSeconds")) * time.Second
	if f.deadline == 0 {
		f.deadline = 600 * time.Second
	}
	if f.template != string(encoded) {
		f.template, f.complete, f.progressed = string(encoded), false, now
	}
}

// replace is a rolling update with a surge of one pod and none unavailable, as fast as readiness lets it be.
func (f *fleet) replace(now time.Time, broken bool) {
	if f.wanted == 0 {
		f.pods = nil
		return
	}
	for {
		fresh, ready := f.count(now, broken)
		old := len(f.pods) - fresh
		switch {
		case old > 0 && len(f.pods) > f.wanted && f.drop(func(p pod) bool { return p.template != f.template && !f.serves(p, now, broken) }):
		case old > 0 && ready > f.wanted && f.drop(func(p pod) bool { return p.template != f.template }):
		case fresh > f.wanted && f.drop(func(p pod) bool { return p.template == f.template && !f.serves(p, now, broken) }):
		case fresh > f.wanted && f.drop(func(p pod) bool { return p.template == f.template }):
		case fresh < f.wanted && len(f.pods) < f.wanted+min(old, 1):
			f.pods = append(f.pods, pod{template: f.template, image: f.image, readyAt: now.Add(startup)})
		default:
			return
		}
	}
}

// drop stops one pod of those that may be, and tells whether there was one.
func (f *fleet) drop(may func(pod) bool) bool {
	for i, p := range f.pods {
		if may(p) {
			f.pods = append(f.pods[:i:i], f.pods[i+1:]...)
			return true
		}
	}
	return false
}

// serves tells whether a pod is ready; broken is what is to be said of the present image.
func (f *fleet) serves(p pod, now time.Time, broken bool) bool {
	return (p.image != f.image || !broken) && !now.Before(p.readyAt) && !now.Before(f.downUntil)
}

// count returns how many pods are of the present template, and how many are ready.
func (f *fleet) count(now time.Time, broken bool) (fresh, ready int) {
	for _, p := range f.pods {
		if p.template == f.template {
			fresh++
		}
		if f.serves(p, now, broken) {
			ready++
		}
	}
	return fresh, ready
}

// report is the status that the controller of Deployments gives.
func (f *fleet) report(now time.Time, broken bool) appsv1.DeploymentStatus {
	fresh, ready := f.count(now, broken)
	if sign := fmt.Sprint(fresh, len(f.pods), ready); sign != f.sign {
		f.sign, f.progressed = sign, now
	}
	if fresh == f.wanted && len(f.pods) == fresh && ready >= f.wanted {
		f.complete = true
	}
	if unavailable := ready < f.wanted; unavailable != f.unavailable {
		f.unavailable, f.short = unavailable, now
	}
	status := appsv1.DeploymentStatus{
		ObservedGeneration: int64(f.generation), Replicas: int32(len(f.pods)), UpdatedReplicas: int32(fresh),
		ReadyReplicas: int32(ready), AvailableReplicas: int32(ready),
		Conditions: []appsv1.DeploymentCondition{
			report(appsv1.DeploymentAvailable, corev1.ConditionTrue, "MinimumReplicasAvailable", f.short),
			report(appsv1.DeploymentProgressing, corev1.ConditionTrue, "ReplicaSetUpdated", f.progressed),
		},
	}
	if f.unavailable {
		status.Conditions[0] = report(appsv1.DeploymentAvailable, corev1.ConditionFalse, "MinimumReplicasUnavailable", f.short)
	}
	switch {
	case f.complete:
		status.Conditions[1].Reason = "NewReplicaSetAvailable"
	case !now.Before(f.progressed.Add(f.deadline)):
		status.Conditions[1] = report(appsv1.DeploymentProgressing, corev1.ConditionFalse, "ProgressDeadlineExceeded", f.progressed)
	}
	return status
}

// report is one condition, last updated at since.
func report(kind appsv1.DeploymentConditionType, status corev1.ConditionStatus, reason string, since time.Time) appsv1.DeploymentCondition {
	stamp := metav1.Time{Time: since}
	return appsv1.DeploymentCondition{Type: kind, Status: status, Reason: reason, LastUpdateTime: stamp, LastTransitionTime: stamp}
}

// plan adds when the pods change by themselves.
func (f *fleet) plan(due *agenda) {
	for _, p := range f.pods {
		due.add(p.readyAt)
	}
	due.add(f.downUntil)
	if !f.complete && f.wanted > 0 {
		due.add(f.progressed.Add(f.deadline))
	}
}
