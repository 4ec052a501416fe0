package controller

import (
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/internal/testkit"
)

const mergePatch = types.MergePatchType

// settle plays what a cluster does by itself: Deployments and DaemonSets roll out and gateways answer. It notes what it
// sees, and reports whether it changed anything.
func (w *world) settle() bool {
	w.Helper()
	changed := false
	deployments := &appsv1.DeploymentList{}
	must(w, w.direct.List(w.ctx, deployments, client.InNamespace(w.namespace)), "list Deployments")
	for i := range deployments.Items {
		changed = w.roll(&deployments.Items[i]) || changed
	}
	changed = w.schedule() || changed
	routes := &gatewayv1.HTTPRouteList{}
	must(w, w.direct.List(w.ctx, routes, client.InNamespace(w.namespace)), "list HTTPRoutes")
	for i := range routes.Items {
		changed = w.accept(&routes.Items[i]) || changed
		if routes.Items[i].Name == testkit.App {
			w.noteWeights(&routes.Items[i])
		}
	}
	return changed
}

// roll makes the pods of a Deployment what it asks for, at once; where the image is broken, those that were there before
// go on serving and the deadline passes.
func (w *world) roll(d *appsv1.Deployment) bool {
	w.noteDeployment(d)
	if d.Name == w.frozen {
		return false
	}
	image, wanted := d.Spec.Template.Spec.Containers[0].Image, *d.Spec.Replicas
	status := appsv1.DeploymentStatus{
		ObservedGeneration: d.Generation,
		Replicas:           wanted,
		UpdatedReplicas:    wanted,
		ReadyReplicas:      wanted,
		AvailableReplicas:  wanted,
		Conditions: []appsv1.DeploymentCondition{
			deploymentCondition(appsv1.DeploymentAvailable, corev1.ConditionTrue, "MinimumReplicasAvailable"),
			deploymentCondition(appsv1.DeploymentProgressing, corev1.ConditionTrue, "NewReplicaSetAvailable"),
		},
	}
	if w.broken[image] {
		status.AvailableReplicas = min(d.Status.AvailableReplicas, wanted)
		status.ReadyReplicas = status.AvailableReplicas
		status.Conditions[1] = deploymentCondition(appsv1.DeploymentProgressing, corev1.ConditionFalse, "ProgressDeadlineExceeded")
	}
	if equality.Semantic.DeepEqual(d.Status, status) {
		return false
	}
	before := d.DeepCopy()
	d.Status = status
	must(w, w.direct.Status().Patch(w.ctx, d, client.MergeFrom(before)), "roll out %s", d.Name)
	return true
}

func deploymentCondition(kind appsv1.DeploymentConditionType, status corev1.ConditionStatus, reason string) appsv1.DeploymentCondition {
	then := metav1.Time{Time: dawn.Add(-time.Hour)}
	return appsv1.DeploymentCondition{Type: kind, Status: status, Reason: reason, LastUpdateTime: then, LastTransitionTime: then}
}

// accept answers for every gateway of the route.
func (w *world) accept(route *gatewayv1.HTTPRoute) bool {
	if w.silent {
		return false
	}
	verdict, reason := metav1.ConditionTrue, "Accepted"
	if w.strict {
		verdict, reason = metav1.ConditionFalse, "NotAllowedByListeners"
	}
	var parents []gatewayv1.RouteParentStatus
	for _, parent := range route.Spec.ParentRefs {
		parents = append(parents, gatewayv1.RouteParentStatus{
			ParentRef:      parent,
			ControllerName: "flagger.app/test",
			Conditions: []metav1.Condition{{
				Type: "Accepted", Status: verdict, Reason: reason,
				ObservedGeneration: route.Generation, LastTransitionTime: metav1.Time{Time: dawn},
			}},
		})
	}
	if equality.Semantic.DeepEqual(route.Status.Parents, parents) {
		return false
	}
	before := route.DeepCopy()
	route.Status.Parents = parents
	must(w, w.direct.Status().Patch(w.ctx, route, client.MergeFrom(before)), "accept the route")
	return true
}

func (w *world) noteDeployment(d *appsv1.Deployment) {
	image := d.Spec.Template.Spec.Containers[0].Image
	switch d.Name {
	case testkit.App:
		w.seen.replicas = noted(w.seen.replicas, fmt.Sprint(*d.Spec.Replicas))
	case testkit.App + "-primary":
		w.seen.primaries = noted(w.seen.primaries, image)
		w.seen.rolls = noted(w.seen.rolls, d.Spec.Template.Annotations["flagger-id"])
	}
}

// noteWeights notes the weight of the canary in the rule of those users who carry no cookie.
func (w *world) noteWeights(route *gatewayv1.HTTPRoute) {
	for _, rule := range route.Spec.Rules {
		if len(rule.BackendRefs) != 2 || hasCookie(rule) {
			continue
		}
		state := fmt.Sprint(*rule.BackendRefs[1].Weight)
		for _, filter := range rule.Filters {
			if filter.RequestMirror != nil {
				state += "*"
			}
		}
		if sum := *rule.BackendRefs[0].Weight + *rule.BackendRefs[1].Weight; sum != 100 {
			w.Errorf("the weights sum to %d", sum)
		}
		w.seen.weights = noted(w.seen.weights, state)
		return
	}
}

func hasCookie(rule gatewayv1.HTTPRouteRule) bool {
	for _, match := range rule.Matches {
		for _, header := range match.Headers {
			if header.Name == "Cookie" {
				return true
			}
		}
	}
	return false
}

func noted(list []string, state string) []string {
	if len(list) > 0 && list[len(list)-1] == state {
		return list
	}
	return append(list, state)
}

// collect plays the garbage collector: what nobody but an object that is gone owned goes as well.
func (w *world) collect(owner types.UID) {
	w.Helper()
	for _, list := range []client.ObjectList{
		&appsv1.DeploymentList{}, &appsv1.DaemonSetList{}, &autoscalingv2.HorizontalPodAutoscalerList{}, &corev1.ServiceList{},
		&corev1.ConfigMapList{}, &corev1.SecretList{}, &gatewayv1.HTTPRouteList{},
	} {
		must(w, w.direct.List(w.ctx, list, client.InNamespace(w.namespace)), "list")
		for _, object := range objectsOf(list) {
			w.disown(object, owner)
		}
	}
}

// disown deletes an object that has no other owner, and takes the owner off one that has.
func (w *world) disown(object client.Object, owner types.UID) {
	w.Helper()
	isOwner := func(o metav1.OwnerReference) bool { return o.UID == owner }
	owners := object.GetOwnerReferences()
	others := slices.DeleteFunc(slices.Clone(owners), isOwner)
	switch {
	case len(others) == len(owners):
	case len(others) == 0:
		must(w, w.direct.Delete(w.ctx, object), "collect %s", object.GetName())
	default:
		object.SetOwnerReferences(others)
		must(w, w.direct.Update(w.ctx, object), "disown %s", object.GetName())
	}
}

func objectsOf(list client.ObjectList) []client.Object {
	items, err := meta.ExtractList(list)
	if err != nil {
		panic(err) // no list of objects is without items
	}
	objects := make([]client.Object, len(items))
	for i, item := range items {
		objects[i] = item.(client.Object)
	}
	return objects
}
