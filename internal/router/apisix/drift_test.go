package apisix

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
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
				for _, b := range objects(one, "backends") {
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
			k := withUsers(t)
			k.apply(rollout.Split(25), 1)
			before := k.ours()
			k.edit(before.GetName(), func(object *unstructured.Unstructured) {
				test.edit(object)
				annotations := object.GetAnnotations()
				annotations["example.com/note"] = "kept"
				object.SetAnnotations(annotations)
			})
			if got := k.observe().Traffic; got != test.found {
				t.Errorf("%s Found %+v, want %+v", test.reason, got, test.found)
			}
			if err := k.router.Apply(t.Context(), k.canary, rollout.Split(25)); err != nil {
				t.Fatal(err)
			}
			k.apply(rollout.Split(25), 0)
			if diff := cmp.Diff(before.Object["spec"], k.ours().Object["spec"]); diff != "" {
				t.Errorf("%s (-before +after):\n%s", test.reason, diff)
			}
			if note := k.ours().GetAnnotations()["example.com/note"]; note != "kept" {
				t.Errorf("the note of somebody else became %q", note)
			}
		})
	}
}

// What the user changes of the first route comes to the second, in the middle of a run too, and moves nobody.
func TestTheCopyFollowsTheUsersRoute(t *testing.T) {
	k := withUsers(t)
	k.apply(rollout.Split(25), 1)
	k.edit("shop", func(object *unstructured.Unstructured) {
		object.SetLabels(map[string]string{"app": "store"})
		object.SetAnnotations(map[string]string{"example.com/new": "yes"})
		object.Object["spec"].(map[string]any)["ingressClassName"] = "inner"
		list := rules(object)
		list[0]["websocket"] = true
		list[0]["priority"] = int64(7)
		list[0]["backends"].([]any)[0].(backend)["servicePort"] = "http"
		object.Object["spec"].(map[string]any)["http"] = []any{list[0], list[2]}
	})
	k.apply(rollout.Split(25), 1)
	k.apply(rollout.Split(25), 0)

	want := lead("all", "/*", "")
	want["priority"], want["websocket"] = int64(10007), true
	want["backends"] = []any{
		backend{"serviceName": "podinfo-primary", "servicePort": "http", "weight": int64(75)},
		backend{"serviceName": "podinfo-canary", "servicePort": "http", "weight": int64(25)},
	}
	copied := k.ours()
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

func TestTheUsersRouteIsNeverWritten(t *testing.T) {
	k := withUsers(t)
	before := k.route("shop")
	for _, want := range []rollout.Traffic{rollout.Split(25), rollout.ToCanary(), rollout.ToPrimary()} {
		k.apply(want, 1)
	}
	if err := k.router.Release(t.Context(), k.canary); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before.Object, k.route("shop").Object); diff != "" {
		t.Errorf("the user's route (-before +after):\n%s", diff)
	}
}

// A run may end after the user's route did.
func TestUsersComeBackWithoutTheUsersRoute(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		spoil  func(*cluster)
	}{
		"Gone": {
			reason: "What is no longer there cannot be copied.",
			spoil: func(k *cluster) {
				if err := k.direct.Delete(k.Context(), k.route("shop")); err != nil {
					k.Fatal(err)
				}
			},
		},
		"LeadsElsewhere": {
			reason: "A copy without rules would be of no use.",
			spoil:  func(k *cluster) { k.edit("shop", elsewhere) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := withUsers(t)
			k.apply(rollout.Split(25), 1)
			sent := k.ours()
			test.spoil(k)
			for _, want := range []rollout.Traffic{rollout.Split(25), rollout.ToCanary()} {
				if err := k.router.Apply(t.Context(), k.canary, want); !errors.Is(err, router.ErrInvalidSpec) {
					t.Errorf("%s apply %+v: got error %v", test.reason, want, err)
				}
			}
			if diff := cmp.Diff(sent.Object, k.ours().Object); diff != "" {
				t.Errorf("the refused calls wrote (-before +after):\n%s", diff)
			}
			k.apply(rollout.ToPrimary(), 1)
			for _, one := range rules(sent) {
				one["backends"] = sides(k.canary, find(one, "podinfo-canary"), rollout.ToPrimary())
			}
			if diff := cmp.Diff(sent.Object["spec"], k.ours().Object["spec"]); diff != "" {
				t.Errorf("more than the weights changed (-want +got):\n%s", diff)
			}
			if err := k.router.Apply(t.Context(), k.canary, rollout.ToPrimary()); !errors.Is(err, router.ErrInvalidSpec) {
				t.Errorf("%s With nobody left to bring back, got error %v", test.reason, err)
			}
		})
	}
}

// The canary route changed after it was read: nothing is known of what it is now.
func TestALateAnswerChangesNothing(t *testing.T) {
	k := withUsers(t)
	k.apply(rollout.Split(25), 1)
	read := k.ours()
	k.edit(read.GetName(), weights(60, 40))
	before := k.ours()
	if err := k.router.empty(t.Context(), k.canary, read); !apierrors.IsConflict(err) {
		t.Errorf("got error %v, want a conflict", err)
	}
	if diff := cmp.Diff(before.Object, k.ours().Object); diff != "" {
		t.Errorf("it was written (-before +after):\n%s", diff)
	}
}
