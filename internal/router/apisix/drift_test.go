package apisix

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
)

func TestAnEditOfTheCanaryRouteIsRepaired(t *testing.T) {
	first := func(change func(rule)) func(*unstructured.Unstructured) {
		return func(object *unstructured.Unstructured) { change(rules(object)[0]) }
	}
	for name, test := range map[string]struct {
		reason string
		edit   func(*unstructured.Unstructured)
		found  rollout.Traffic
	}{
		"Weights": {
			reason: "One rule of two has half a say.",
			edit:   weights(25, 75), found: rollout.Split(50),
		},
		"NoWeight": {
			reason: "APISIX takes a missing weight for 100, which is 50 percent of this rule.",
			edit: first(func(one rule) {
				for _, b := range router.Objects(one, "backends") {
					delete(b, "weight")
				}
			}), found: rollout.Split(38),
		},
		"Priority": {
			reason: "The user's own rule would come first.",
			edit:   first(func(one rule) { one["priority"] = int64(-1) }), found: rollout.Split(25),
		},
		"AThirdBackend": {
			reason: "A part of the traffic would reach neither side.",
			edit: first(func(one rule) {
				one["backends"] = append(one["backends"].([]any), backend{"serviceName": "mine", "servicePort": int64(80)})
			}), found: rollout.Split(25),
		},
		"AnotherRule": {
			reason: "The spec is a copy and nothing else, whoever adds to it.",
			edit: func(object *unstructured.Unstructured) {
				spec := object.Object["spec"].(map[string]any)
				spec["http"] = append(spec["http"].([]any), lead("mine", "/mine", "mine"))
			}, found: rollout.Split(25),
		},
		"AnotherOrder": {
			reason: "The copy has the order of the user's rules.",
			edit: func(object *unstructured.Unstructured) {
				list := object.Object["spec"].(map[string]any)["http"].([]any)
				list[0], list[1] = list[1], list[0]
			}, found: rollout.Split(25),
		},
		"Elsewhere": {
			reason: "Nobody meets the canary on a route that does not lead there.",
			edit:   elsewhere, found: rollout.ToPrimary(),
		},
		"NoSpec": {
			reason: "Without rules the user's own are all there is.",
			edit:   func(object *unstructured.Unstructured) { delete(object.Object, "spec") }, found: rollout.ToPrimary(),
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider(t))
			b.Apply(rollout.Split(25), 1)
			before := b.Routing()
			b.Edit(kind, before.GetName(), func(object *unstructured.Unstructured) {
				test.edit(object)
				annotations := object.GetAnnotations()
				annotations["example.com/note"] = "kept"
				object.SetAnnotations(annotations)
			})
			if got := b.Observe().Traffic; got != test.found {
				t.Errorf("%s Found %+v, want %+v", test.reason, got, test.found)
			}
			if err := b.Router.Apply(t.Context(), b.Canary, rollout.Split(25)); err != nil {
				t.Fatal(err)
			}
			b.Apply(rollout.Split(25), 0)
			if diff := cmp.Diff(before.Object["spec"], b.Routing().Object["spec"]); diff != "" {
				t.Errorf("%s (-before +after):\n%s", test.reason, diff)
			}
			if note := b.Routing().GetAnnotations()["example.com/note"]; note != "kept" {
				t.Errorf("the note of somebody else became %q", note)
			}
		})
	}
}

// What the user changes of the first route comes to the second, in the middle of a run too, and moves nobody.
func TestTheCopyFollowsTheUsersRoute(t *testing.T) {
	b := routertest.NewBench(t, provider(t))
	b.Apply(rollout.Split(25), 1)
	b.Edit(kind, "shop", func(object *unstructured.Unstructured) {
		object.SetLabels(map[string]string{"app": "store"})
		object.SetAnnotations(map[string]string{"example.com/new": "yes"})
		object.Object["spec"].(map[string]any)["ingressClassName"] = "inner"
		list := rules(object)
		list[0]["websocket"] = true
		list[0]["priority"] = int64(7)
		list[0]["backends"].([]any)[0].(backend)["servicePort"] = "http"
		object.Object["spec"].(map[string]any)["http"] = []any{list[0], list[2]}
	})
	b.Apply(rollout.Split(25), 1)
	b.Apply(rollout.Split(25), 0)

	want := lead("all", "/*", "")
	want["priority"], want["websocket"] = int64(10007), true
	want["backends"] = []any{
		backend{"serviceName": "podinfo-primary", "servicePort": "http", "weight": int64(75)},
		backend{"serviceName": "podinfo-canary", "servicePort": "http", "weight": int64(25)},
	}
	copied := b.Routing()
	if diff := cmp.Diff(map[string]any{"ingressClassName": "inner", "http": []any{want}}, copied.Object["spec"]); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(kube.Guarded(map[string]string{"example.com/new": "yes"}), copied.GetAnnotations()); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"app": "store"}, copied.GetLabels()); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
}

// A run may end after the user's route did.
func TestUsersComeBackWithoutTheUsersRoute(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		spoil  func(*routertest.Bench)
	}{
		"Gone": {
			reason: "What is no longer there cannot be copied.",
			spoil: func(b *routertest.Bench) {
				if err := b.Direct.Delete(b.Context(), b.Object(kind, "shop")); err != nil {
					b.Fatal(err)
				}
			},
		},
		"LeadsElsewhere": {
			reason: "A copy without rules would be of no use.",
			spoil:  func(b *routertest.Bench) { b.Edit(kind, "shop", elsewhere) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider(t))
			b.Apply(rollout.Split(25), 1)
			sent := b.Routing()
			test.spoil(b)
			for _, want := range []rollout.Traffic{rollout.Split(25), rollout.ToCanary()} {
				if err := b.Router.Apply(t.Context(), b.Canary, want); !errors.Is(err, router.ErrInvalidSpec) {
					t.Errorf("%s apply %+v: got error %v", test.reason, want, err)
				}
			}
			if diff := cmp.Diff(sent.Object, b.Routing().Object); diff != "" {
				t.Errorf("the refused calls wrote (-before +after):\n%s", diff)
			}
			b.Apply(rollout.ToPrimary(), 1)
			for _, one := range rules(sent) {
				one["backends"] = sides(b.Canary, find(one, "podinfo-canary"), rollout.ToPrimary())
			}
			if diff := cmp.Diff(sent.Object["spec"], b.Routing().Object["spec"]); diff != "" {
				t.Errorf("more than the weights changed (-want +got):\n%s", diff)
			}
			if err := b.Router.Apply(t.Context(), b.Canary, rollout.ToPrimary()); !errors.Is(err, router.ErrInvalidSpec) {
				t.Errorf("%s With nobody left to bring back, got error %v", test.reason, err)
			}
		})
	}
}
