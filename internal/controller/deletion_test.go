package controller

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
)

// farewell is what is said of a canary that was handed back: the reason and the text begin with the same word.
var farewell = []string{
	"Normal Terminating Terminating canary web.ns", //nolint:dupword // reason and text
	"Normal Terminating Terminated canary web.ns",
}

func TestDeletionRestoresWhatWasThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(testkit.Service(), testkit.HTTPRoute())
	service, route := &corev1.Service{}, &gatewayv1.HTTPRoute{}
	w.get("web", service)
	w.get("web", route)
	w.rollOut(testkit.RevertOnDeletion(), testkit.Steps(50))
	if !controllerutil.ContainsFinalizer(w.canary(), Finalizer) {
		t.Fatal("a canary that is to be reverted must not vanish before it is")
	}
	adopted := &corev1.Service{}
	w.get("web", adopted)
	expect(t, "While there is a canary, the user's Service leads to the primary.", "web-primary", adopted.Spec.Selector["app"])

	w.push("app:2")
	w.untilWeight("50")
	w.said()
	w.remove(testkit.Canary())
	w.untilSo("the canary is gone", w.gone)
	restored, rerouted := &corev1.Service{}, &gatewayv1.HTTPRoute{}
	w.get("web", restored)
	w.get("web", rerouted)
	expect(t, "The Service is the user's again.", service.Spec.Selector, restored.Spec.Selector)
	expect(t, "The HTTPRoute is as the user wrote it.", route.Spec, rerouted.Spec)
	expect(t, "Nothing of ours stays on it.", []any{route.Labels, route.Annotations}, []any{rerouted.Labels, rerouted.Annotations})
	expect(t, "The target serves, with as many pods as the primary.", "2", last(w.seen.replicas))
	expect(t, "Users of event exporters know these texts.", farewell, w.said())
}

func TestDeletionAtRestStartsTheTargetFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(testkit.Service())
	w.rollOut(testkit.RevertOnDeletion())
	w.broken["app:1"] = true // new pods do not come up
	w.remove(testkit.Canary())
	for range 3 {
		w.step()
	}
	service := &corev1.Service{}
	w.get("web", service)
	expect(t, "Users are not sent to a target that cannot answer.", "web-primary", service.Spec.Selector["app"])
	expect(t, "What is waited for can be read.", v1beta1.PhaseTerminating, w.canary().Status.Phase)
	delete(w.broken, "app:1")
	w.untilSo("the canary is gone", w.gone)
	w.get("web", service)
	expect(t, "Then they are.", "web", service.Spec.Selector["app"])
}

func TestDeletionWithoutRevert(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(testkit.Service())
	w.rollOut()
	canary := w.canary()
	w.remove(testkit.Canary())
	if !w.gone() {
		t.Fatal("nobody asked for a finalizer")
	}
	w.pipe.sent()
	for range 2 {
		if _, err := w.reconcile("web"); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, "The garbage collector does the rest, without us.", nil, w.pipe.sent())
	expect(t, "The series go with the canary.", nil, w.metric("flagger_canary_status"))
	w.collect(canary.UID)
	service := &corev1.Service{}
	w.get("web", service)
	expect(t, "The user's Service stays as it was adopted, as documented.", "web-primary", service.Spec.Selector["app"])
}

func TestRevertIsSwitchedOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.RevertOnDeletion())
	w.revise(`{"spec":{"revertOnDeletion":false}}`)
	w.rest()
	if controllerutil.ContainsFinalizer(w.canary(), Finalizer) {
		t.Error("a canary that is not to be reverted needs no finalizer")
	}
}

func TestDeletionOfWhatCannotBeHandedBack(t *testing.T) {
	tests := map[string]struct {
		reason string
		spoil  func(w *world)
		said   []string
	}{
		"TargetGone": {
			reason: "Without a target there is nobody to hand back to.",
			spoil:  func(w *world) { w.remove(testkit.Deployment("app:1")) },
			said:   farewell,
		},
		"SpecBroken": {
			reason: "A spec that was refused must not keep the canary for ever.",
			spoil:  func(w *world) { w.revise(`{"spec":{"provider":"istio"}}`) },
			said: []string{"Warning Refused Terminated canary web.ns without handing back: invalid canary spec: spec.provider: " +
				`unknown provider "istio", known are gatewayapi:v1, gatewayapi:v1beta1, kubernetes, nginx`},
		},
		"AnalysisBroken": {
			reason: "Handing back needs no analysis, so a mistake there is in nobody's way.",
			spoil:  func(w *world) { w.revise(`{"spec":{"analysis":{"interval":"10sx"}}}`) },
			said:   farewell,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.rollOut(testkit.RevertOnDeletion())
			test.spoil(w)
			w.remove(testkit.Canary())
			w.untilSo("the canary is gone", w.gone)
			expect(t, test.reason, test.said, w.said())
		})
	}
}
