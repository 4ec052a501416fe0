package skipper

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/ingress"
	"flagger.app/flagger/internal/router/routertest"
)

func TestConformance(t *testing.T) { routertest.Run(t, provider()) }

func TestAnEditOfTheCanaryIngressIsRepaired(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		edit   map[string]string // those with an empty value are taken away
		found  rollout.Traffic
	}{
		"Weights": {
			reason: "The weights are the status's to say.",
			edit:   map[string]string{backendWeights: `{"podinfo-canary":75,"podinfo-primary":25}`}, found: rollout.Split(75),
		},
		"OtherSums": {
			reason: "Skipper goes by the share of the sum.",
			edit:   map[string]string{backendWeights: `{"podinfo-canary":1,"podinfo-primary":3}`}, found: rollout.Split(25),
		},
		"OneSide": {
			reason: "A Service without a weight has none.",
			edit:   map[string]string{backendWeights: `{"podinfo-canary":1}`}, found: rollout.ToCanary(),
		},
		"NoWeights": {
			reason: "Without weights Skipper serves all backends of a path alike.",
			edit:   map[string]string{backendWeights: ""}, found: rollout.Split(50),
		},
		"NoJSON": {
			reason: "The same, and an error would keep it from being repaired.",
			edit:   map[string]string{backendWeights: "many"}, found: rollout.Split(50),
		},
		"AtRest": {
			reason: "The user's Ingress has all requests.",
			edit:   map[string]string{predicate: " False() && Method(\"GET\")"}, found: rollout.ToPrimary(),
		},
		"OtherPredicates": {
			reason: "Without preference the two Ingresses would be rivals.",
			edit:   map[string]string{predicate: `Method("GET")`}, found: rollout.Split(25),
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider())
			b.Apply(rollout.Split(25), 1)
			before := b.Routing()
			b.Edit(ingress.Kind, "shop-canary", routertest.Annotate(test.edit))
			if got := b.Observe().Traffic; got != test.found {
				t.Errorf("%s Found %+v, want %+v", test.reason, got, test.found)
			}
			b.Apply(rollout.Split(25), 1)
			b.Apply(rollout.Split(25), 0)
			if diff := cmp.Diff(before.GetAnnotations(), b.Routing().GetAnnotations()); diff != "" {
				t.Errorf("%s (-before +after):\n%s", test.reason, diff)
			}
		})
	}
}

// The spec is a copy and nothing else, whoever adds to it.
func TestTheSpecOfTheCanaryIngressIsOurs(t *testing.T) {
	b := routertest.NewBench(t, provider())
	b.Apply(rollout.Split(25), 1)
	before := b.Routing()
	b.Edit(ingress.Kind, "shop-canary", func(object *unstructured.Unstructured) {
		ingress.Redirect(object, func(paths []any) []any { return append(paths, path("/mine", "mine")) })
		object.Object["spec"].(map[string]any)["tls"] = []any{map[string]any{"secretName": "mine"}}
	})
	b.Settle(rollout.Split(25))
	if diff := cmp.Diff(before.Object["spec"], b.Routing().Object["spec"]); diff != "" {
		t.Errorf("spec (-before +after):\n%s", diff)
	}
}

// What the user changes of the first Ingress comes to the second, in the middle of a run too, and moves nobody.
func TestTheCopyFollowsTheUsersIngress(t *testing.T) {
	b := routertest.NewBench(t, provider())
	b.Apply(rollout.Split(25), 1)
	b.Edit(ingress.Kind, "shop", func(users *unstructured.Unstructured) {
		routertest.Annotate(map[string]string{"example.com/team": "", "example.com/new": "yes", predicate: `Method("POST")`})(users)
		users.SetLabels(map[string]string{"app": "other"})
		users.Object["spec"].(map[string]any)["tls"] = []any{map[string]any{"secretName": "app-tls"}}
	})
	b.Apply(rollout.Split(25), 1)
	b.Apply(rollout.Split(25), 0)
	want, err := render(b.Canary, b.Object(ingress.Kind, "shop"), rollout.Split(25))
	if err != nil {
		t.Fatal(err)
	}
	got := b.Routing()
	for part, pair := range map[string][2]any{
		"spec":        {want.Object["spec"], got.Object["spec"]},
		"labels":      {want.GetLabels(), got.GetLabels()},
		"annotations": {want.GetAnnotations(), got.GetAnnotations()},
	} {
		if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", part, diff)
		}
	}
}

// A run may end after the user's Ingress did.
func TestUsersComeBackWithoutTheUsersIngress(t *testing.T) {
	gone := func(b *routertest.Bench) {
		if err := b.Direct.Delete(b.Context(), b.Object(ingress.Kind, "shop")); err != nil {
			b.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		reason string
		spoil  func(*routertest.Bench)
		left   rollout.Traffic
	}{
		"Gone": {reason: "What is no longer there cannot be copied.", spoil: gone, left: rollout.Split(25)},
		"LeadsElsewhere": {
			reason: "A copy without a path to the canary's Service would send nobody there.",
			spoil: func(b *routertest.Bench) {
				b.Edit(ingress.Kind, "shop", func(users *unstructured.Unstructured) {
					ingress.Redirect(users, func([]any) []any { return []any{path("/", "other")} })
				})
			},
			left: rollout.Split(25),
		},
		"AnnotationsTooAreGone": {
			reason: "Without any annotation the canary has half of the requests.",
			spoil: func(b *routertest.Bench) {
				gone(b)
				b.Edit(ingress.Kind, "shop-canary", func(object *unstructured.Unstructured) { object.SetAnnotations(nil) })
			},
			left: rollout.Split(50),
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider())
			b.Apply(rollout.Split(25), 1)
			test.spoil(b)
			for _, want := range []rollout.Traffic{rollout.Split(25), rollout.ToCanary()} {
				if err := b.Router.Apply(t.Context(), b.Canary, want); !errors.Is(err, router.ErrInvalidSpec) {
					t.Errorf("%s apply %+v: got error %v", test.reason, want, err)
				}
			}
			if got := b.Observe().Traffic; got != test.left {
				t.Errorf("the refused calls moved users: %+v", got)
			}
			b.Apply(rollout.ToPrimary(), 1)
			if err := b.Router.Apply(t.Context(), b.Canary, rollout.ToPrimary()); !errors.Is(err, router.ErrInvalidSpec) {
				t.Errorf("%s With nobody left to bring back, got error %v", test.reason, err)
			}
		})
	}
}
