package controller

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/testkit"
)

// paused is the annotation that makes KEDA keep a workload at a number of pods.
const paused = "autoscaling.keda.sh/paused-replicas"

func TestHorizontalPodAutoscaler(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(testkit.HorizontalPodAutoscaler(3, 6))
	w.rollOut(testkit.Steps(50), testkit.ScaledBy("HorizontalPodAutoscaler"), func(c *v1beta1.Canary) {
		c.Spec.AutoscalerRef.PrimaryScalerReplicas = &v1beta1.ScalerReplicas{MinReplicas: new(int32(4))}
	})
	expect(t, "The primary has an autoscaler, with the bounds that the canary has for it.", "web-primary 4..6", w.bounds())

	w.most(8)
	w.rest()
	expect(t, "At rest the primary's follows the target's.", "web-primary 4..8", w.bounds())
	expect(t, "That is no release, and no news.", nil, w.said())
	expect(t, "Nor does any pod go for it.", 1, len(w.seen.rolls))

	w.push("app:2")
	w.most(10)
	w.untilWeight("50")
	expect(t, "Bounds that come with a release wait for its end.", "web-primary 4..8", w.bounds())
	expect(t, "The target starts with as many pods as its autoscaler allows at least.", "3", last(w.seen.replicas))
	w.until(v1beta1.PhaseSucceeded)
	w.rest()
	expect(t, "Then they apply.", "web-primary 4..10", w.bounds())
	expect(t, "The pods are exchanged once.", 2, len(w.seen.rolls))
	w.idles()
}

func TestHorizontalPodAutoscalerOfARevisionThatFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(testkit.HorizontalPodAutoscaler(1, 6))
	w.rollOut(testkit.Steps(50), testkit.ScaledBy("HorizontalPodAutoscaler"), testkit.Metric("errors"))
	w.checks.Script("errors", rollout.Answer{Verdict: rollout.Fail, Message: "Halt web.ns advancement errors 7.00 > 1", Value: new(7.0)})
	w.push("app:2")
	w.most(8)
	w.until(v1beta1.PhaseFailed)
	w.rest()
	expect(t, "Bounds that came with a revision that failed are not the primary's.", "web-primary 1..6", w.bounds())
	w.push("app:1")
	w.rest()
	expect(t, "The primary is as it was.", []string{"app:1"}, w.seen.primaries)
}

// most sets the most pods that the target's autoscaler allows.
func (w *world) most(replicas int) {
	w.Helper()
	w.edit(testkit.App, &autoscalingv2.HorizontalPodAutoscaler{}, fmt.Sprintf(`{"spec":{"maxReplicas":%d}}`, replicas))
}

// bounds are what the primary's HorizontalPodAutoscaler scales, and how far.
func (w *world) bounds() string {
	w.Helper()
	found := &autoscalingv2.HorizontalPodAutoscaler{}
	if !w.get("web-primary", found) {
		return ""
	}
	return fmt.Sprintf("%s %d..%d", found.Spec.ScaleTargetRef.Name, *found.Spec.MinReplicas, found.Spec.MaxReplicas)
}

// keda plays KEDA from now on, which acts ahead of every write of the operator: it keeps a Deployment at the least number
// of pods or above, or at the number that it is paused at.
func (w *world) keda() {
	w.Helper()
	crd := filepath.Join(testkit.Root(), "..", "shared", "crds", "keda_scaledobjects.yaml")
	if _, err := os.Stat(crd); err != nil {
		w.Skipf("KEDA's own CRD is not beside the checkout: %v", err)
	}
	testkit.StartAPIServer(w.T, crd)
	w.pipe.before = func(string) { w.scale() }
}

// scale is one look of KEDA.
func (w *world) scale() {
	w.Helper()
	for _, o := range w.scaledObjects() {
		name, _, _ := unstructured.NestedString(o.Object, "spec", "scaleTargetRef", "name")
		least, _, _ := unstructured.NestedInt64(o.Object, "spec", "minReplicaCount")
		d := &appsv1.Deployment{}
		if !w.get(name, d) {
			continue
		}
		wanted := max(least, int64(*d.Spec.Replicas))
		if count, isPaused := o.GetAnnotations()[paused]; isPaused {
			wanted = int64(number(count))
		}
		if wanted != int64(*d.Spec.Replicas) {
			patch := client.RawPatch(mergePatch, fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, wanted))
			must(w, w.direct.Patch(w.ctx, d, patch), "scale %s", name)
		}
	}
}

func (w *world) scaledObjects() []unstructured.Unstructured {
	w.Helper()
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(testkit.ScaledObject(1, 1).GroupVersionKind())
	must(w, w.direct.List(w.ctx, list, client.InNamespace(w.namespace)), "list ScaledObjects")
	return list.Items
}

// pauses are the ScaledObjects of the namespace, and the number of pods that each is paused at.
func (w *world) pauses() []string {
	w.Helper()
	var found []string
	for _, o := range w.scaledObjects() {
		line := o.GetName() + " works"
		if count, isPaused := o.GetAnnotations()[paused]; isPaused {
			line = o.GetName() + " paused at " + count
		}
		found = append(found, line)
	}
	return found
}

func TestScaledObject(t *testing.T) {
	t.Parallel()
	resting, running := []string{"web paused at 0", "web-primary works"}, []string{"web works", "web-primary works"}
	w := newWorld(t)
	w.keda()
	w.apply(testkit.ScaledObject(2, 6))
	w.rollOut(testkit.Steps(25, 50), testkit.ScaledBy("ScaledObject"), testkit.Metric("errors"), testkit.RevertOnDeletion())
	expect(t, "KEDA would start a target that rests, and stop a primary that is paused with it.", resting, w.pauses())

	w.push("app:2")
	w.untilWeight("25")
	expect(t, "In a run KEDA scales both.", running, w.pauses())
	w.until(v1beta1.PhaseSucceeded)
	w.rest()
	w.scale()
	w.settle()
	expect(t, "At rest it leaves the target alone.", resting, w.pauses())
	expect(t, "Pods start once and stop once.", []string{"0", "2", "0"}, w.seen.replicas)
	expect(t, "The pods of the primary are exchanged once.", 2, len(w.seen.rolls))
	w.idles()

	w.forgetPast()
	w.checks.Script("errors", rollout.Answer{Verdict: rollout.Fail, Message: "Halt web.ns advancement errors 7.00 > 1", Value: new(7.0)})
	w.push("app:3")
	w.until(v1beta1.PhaseFailed)
	w.rest()
	w.scale()
	w.settle()
	expect(t, "After a rollback, too.", resting, w.pauses())
	expect(t, "Pods start once and stop once.", []string{"0", "2", "0"}, w.seen.replicas)

	w.remove(testkit.Canary())
	w.untilSo("the canary is gone", w.gone)
	expect(t, "A target that is handed back is scaled again.", running, w.pauses())
}

func TestScaledObjectAtRest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.keda()
	w.apply(testkit.ScaledObject(1, 6))
	w.rollOut(testkit.Steps(50), testkit.ScaledBy("ScaledObject"))
	for _, patch := range []string{
		`{"spec":{"maxReplicaCount":9}}`,
		`{"metadata":{"annotations":{"autoscaling.keda.sh/paused":"true"}}}`,
	} {
		w.edit(testkit.App, testkit.ScaledObject(1, 6), patch)
		w.rest()
	}
	primary := testkit.ScaledObject(1, 6)
	w.get("web-primary", primary)
	most, _, err := unstructured.NestedInt64(primary.Object, "spec", "maxReplicaCount")
	must(t, err, "read maxReplicaCount")
	expect(t, "The primary's follows the target's.", 9, most)
	for _, annotation := range []string{paused, "autoscaling.keda.sh/paused"} {
		if value, found := primary.GetAnnotations()[annotation]; found {
			t.Errorf("no pause of the target ever holds the primary: got %s = %s", annotation, value)
		}
	}
	expect(t, "That is no news.", nil, w.said())
	expect(t, "Nor are pods exchanged for it.", 1, len(w.seen.rolls))
}
