//go:build linux

package rbac

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// nodes are how many run the pods of a DaemonSet.
const nodes = 2

// populate plays every controller of the namespace until the test ends: whatever appears or changes works at once.
func (w *world) populate() {
	w.Helper()
	w.answer(&appsv1.DeploymentList{}, func(o client.Object) { w.roll(o.(*appsv1.Deployment)) })
	w.answer(&appsv1.DaemonSetList{}, func(o client.Object) { w.schedule(o.(*appsv1.DaemonSet)) })
	for entry, status := range map[string]func(*unstructured.Unstructured) map[string]any{
		"appmesh.k8s.aws/v1beta2/VirtualRouter":  active,
		"gateway.networking.k8s.io/v1/HTTPRoute": accepted,
		"metrics.keptn.sh/v1beta1/Analysis":      passed,
		"metrics.keptn.sh/v1beta1/KeptnMetric":   counted,
		"projectcontour.io/v1/HTTPProxy":         valid,
		"serving.knative.dev/v1/Revision":        ready,
		"serving.knative.dev/v1/Service":         served,
	} {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(kindOf(entry))
		w.answer(list, func(o client.Object) {
			object := o.(*unstructured.Unstructured)
			w.report(object, status(object))
		})
	}
}

// answer calls react for every object of the list's kind that is there, and again whenever one appears or changes.
func (w *world) answer(list client.ObjectList, react func(client.Object)) {
	w.Helper()
	changes, err := w.Watch(w.ctx, list, client.InNamespace(w.namespace))
	must(w.T, err)
	ended := make(chan struct{})
	w.Cleanup(func() {
		changes.Stop()
		<-ended
	})
	go func() {
		defer close(ended)
		for change := range changes.ResultChan() {
			if object, ok := change.Object.(client.Object); ok && (change.Type == watch.Added || change.Type == watch.Modified) {
				react(object)
			}
		}
	}()
}

// report makes status the object's, unless it is.
func (w *world) report(object *unstructured.Unstructured, status map[string]any) {
	if equality.Semantic.DeepEqual(object.Object["status"], any(status)) {
		return
	}
	before := object.DeepCopy()
	object.Object["status"] = status
	w.patchStatus(object, before)
}

func (w *world) patchStatus(object, before client.Object) {
	err := w.Status().Patch(w.ctx, object, client.MergeFrom(before))
	if client.IgnoreNotFound(err) != nil && w.ctx.Err() == nil {
		w.Errorf("report the status of %s: %v", object.GetName(), err)
	}
}

func (w *world) roll(d *appsv1.Deployment) {
	before, wanted := d.DeepCopy(), *d.Spec.Replicas
	d.Status = appsv1.DeploymentStatus{
		ObservedGeneration: d.Generation,
		Replicas:           wanted, UpdatedReplicas: wanted, ReadyReplicas: wanted, AvailableReplicas: wanted,
		Conditions: []appsv1.DeploymentCondition{
			{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue, Reason: "MinimumReplicasAvailable"},
			{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable"},
		},
	}
	if !equality.Semantic.DeepEqual(before.Status, d.Status) {
		w.patchStatus(d, before)
	}
}

func (w *world) schedule(d *appsv1.DaemonSet) {
	before, wanted := d.DeepCopy(), int32(nodes)
	if len(d.Spec.Template.Spec.NodeSelector) > 0 {
		wanted = 0
	}
	d.Status = appsv1.DaemonSetStatus{
		ObservedGeneration:     d.Generation,
		DesiredNumberScheduled: wanted, CurrentNumberScheduled: wanted, UpdatedNumberScheduled: wanted,
		NumberReady: wanted, NumberAvailable: wanted,
	}
	if !equality.Semantic.DeepEqual(before.Status, d.Status) {
		w.patchStatus(d, before)
	}
}

// condition is one that is true.
func condition(kind string, object *unstructured.Unstructured) any {
	return map[string]any{
		"type": kind, "status": "True", "reason": kind, "message": "", "observedGeneration": object.GetGeneration(),
		"lastTransitionTime": "2026-01-01T00:00:00Z",
	}
}

// accepted is the status of a route that its gateways have taken.
func accepted(route *unstructured.Unstructured) map[string]any {
	parents, _, _ := unstructured.NestedSlice(route.Object, "spec", "parentRefs") // written by the operator
	statuses := []any{}
	for _, parent := range parents {
		statuses = append(statuses, map[string]any{
			"parentRef": parent, "controllerName": "example.com/gateway", "conditions": []any{condition("Accepted", route)},
		})
	}
	return map[string]any{"parents": statuses}
}

// valid is the status of an HTTPProxy that Contour serves.
func valid(proxy *unstructured.Unstructured) map[string]any {
	return map[string]any{"currentStatus": "valid", "conditions": []any{condition("Valid", proxy)}}
}

// active is the status of a VirtualRouter that App Mesh has made.
func active(mesh *unstructured.Unstructured) map[string]any {
	return map[string]any{"observedGeneration": mesh.GetGeneration(), "conditions": []any{condition("VirtualRouterActive", mesh)}}
}

// counted is the status of a metric of Keptn.
func counted(*unstructured.Unstructured) map[string]any { return map[string]any{"value": "1"} }

// passed is the status of an analysis of Keptn that is over.
func passed(*unstructured.Unstructured) map[string]any {
	return map[string]any{"state": "Completed", "pass": true}
}

// ready is the status of a revision of Knative that works.
func ready(revision *unstructured.Unstructured) map[string]any {
	return map[string]any{"conditions": []any{condition("Ready", revision)}}
}

// served is the status of a Knative Service whose revisions all work. They are named after the tag of their image.
func served(service *unstructured.Unstructured) map[string]any {
	template, _, _ := unstructured.NestedSlice(service.Object, "spec", "template", "spec", "containers") // written by the test
	image, _ := template[0].(map[string]any)["image"].(string)
	latest := service.GetName() + "-0000" + strings.TrimPrefix(image, "app:")
	traffic, _, _ := unstructured.NestedSlice(service.Object, "spec", "traffic") // written by the operator
	if len(traffic) == 0 {
		traffic = []any{map[string]any{"latestRevision": true, "percent": int64(100)}}
	}
	for i, entry := range traffic {
		if share := entry.(map[string]any); share["latestRevision"] == true {
			share["revisionName"] = latest
			traffic[i] = share
		}
	}
	return map[string]any{
		"observedGeneration":        service.GetGeneration(),
		"latestCreatedRevisionName": latest,
		"latestReadyRevisionName":   latest,
		"traffic":                   traffic,
		"conditions":                []any{condition("Ready", service), condition("ConfigurationsReady", service), condition("RoutesReady", service)},
	}
}
