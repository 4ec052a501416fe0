package controller

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
)

// shop is a second Deployment of the ConfigMap settings, with a canary of its own.
const shop = "shop"

// sharing is a world in which the canaries web and shop are at rest, and their targets share a ConfigMap.
func sharing(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.apply(settings("settings"))
	for _, name := range []string{testkit.App, shop} {
		target := referring("settings", "")
		target.Name = name
		target.Spec.Selector.MatchLabels["app"], target.Spec.Template.Labels["app"] = name, name
		c := testkit.Canary(testkit.Named(name), testkit.Steps(50), testkit.Metric("errors"))
		c.Spec.TargetRef.Name = name
		w.apply(target, c)
	}
	w.settle()
	w.restOf(testkit.App, shop)
	return w
}

// restOf reconciles canaries, in turns, until nothing is left to do.
func (w *world) restOf(names ...string) {
	w.Helper()
	for range mostSteps {
		before, next := w.pipe.written(), time.Duration(0)
		for _, name := range names {
			result, err := w.reconcile(name)
			must(w, err, "reconcile %s", name)
			if after := result.RequeueAfter; after > 0 && (next == 0 || after < next) {
				next = after
			}
		}
		switch {
		case w.settle() || w.pipe.written() > before:
		case next == 0:
			return
		default:
			w.pass(next)
		}
	}
	w.Fatal("the operator does not come to rest")
}

// of is the canary of that name.
func (w *world) of(name string) *v1beta1.Canary {
	w.Helper()
	c := &v1beta1.Canary{}
	if !w.get(name, c) {
		w.Fatalf("there is no canary %s", name)
	}
	return c
}

// ids are the flagger-id annotations of both primaries.
func (w *world) ids() []string {
	w.Helper()
	var ids []string
	for _, name := range []string{testkit.App, shop} {
		ids = append(ids, w.deployment(name + "-primary").Spec.Template.Annotations["flagger-id"])
	}
	return ids
}

func TestSharedConfig(t *testing.T) {
	t.Parallel()
	w := sharing(t)
	before := w.ids()
	w.said()
	w.setting(blue)
	w.restOf(testkit.App, shop)
	for i, id := range w.ids() {
		if id == before[i] {
			t.Errorf("the pods of primary %d run with a config that they have not read", i)
		}
	}
	expect(t, "Each canary has one run for it.", 2, count(w.events.Events(), w.plain, "Normal Promoted Promotion completed! Scaling down web.ns")+
		count(w.events.Events(), w.plain, "Normal Promoted Promotion completed! Scaling down shop.ns"))
	expect(t, "Both end well.", []v1beta1.CanaryPhase{v1beta1.PhaseSucceeded, v1beta1.PhaseSucceeded},
		[]v1beta1.CanaryPhase{w.of(testkit.App).Status.Phase, w.of(shop).Status.Phase})
	expect(t, "There is one copy.", []string{"color=blue"}, w.contents())
}

func TestSharedConfigOutlivesOneCanary(t *testing.T) {
	t.Parallel()
	for name, leaving := range map[string]string{"First": testkit.App, "Second": shop} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sharing(t)
			stays := map[string]string{testkit.App: shop, shop: testkit.App}[leaving]
			gone := w.of(leaving)
			w.remove(testkit.Canary(testkit.Named(leaving)))
			w.collect(gone.UID)
			copied := &corev1.ConfigMap{}
			if !w.get("settings-primary", copied) {
				t.Fatal("pods of the other canary still need the copy")
			}
			w.pipe.sent()
			_, err := w.reconcile(stays)
			must(t, err, "reconcile")
			expect(t, "That is no release.", nil, writesOf(w.pipe.sent()))

			w.setting(blue)
			w.restOf(stays)
			w.get("settings-primary", copied)
			expect(t, "An edit is released by the one that is left.", "blue", copied.Data["color"])
			expect(t, "Who owns the copy now.", w.of(stays).UID, metav1.GetControllerOf(copied).UID)
		})
	}
}
