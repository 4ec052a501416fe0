package skipper

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/ingress"
	"flagger.app/flagger/internal/router/routertest"
)

// flaggers is a canary Ingress as Flagger 1.44 leaves it, with the marks of kubectl and Argo CD and without guards.
func flaggers(annotations map[string]string, owners ...metav1.OwnerReference) *unstructured.Unstructured {
	object := withPaths("shop-canary", path("/", "podinfo-primary"), path("/web", "web"), path("/", "podinfo-canary"))
	object.SetLabels(map[string]string{"app": "shop", "app.kubernetes.io/instance": "shop"})
	object.SetAnnotations(map[string]string{
		"example.com/team": "a", "kubectl.kubernetes.io/last-applied-configuration": "{}",
		backendWeights: annotations[backendWeights], predicate: annotations[predicate],
	})
	object.SetOwnerReferences(owners)
	return object
}

// aStep are Flagger's annotations at 40 percent.
var aStep = map[string]string{
	backendWeights: `{"podinfo-canary":40,"podinfo-primary":60}`, predicate: `Weight(100) && Method("GET")`,
}

// What Flagger left is taken over with the traffic that it has, and nothing of Flagger's plain updates stays behind.
func TestFlaggersIngressIsTakenOver(t *testing.T) {
	owned := []metav1.OwnerReference{kube.OwnerReference(canary())}
	for name, test := range map[string]struct {
		reason      string
		annotations map[string]string
		owners      []metav1.OwnerReference
		left        rollout.Traffic
	}{
		"New": {
			reason:      "Its weights alone keep users from the canary.",
			annotations: map[string]string{backendWeights: `{"podinfo-canary":0,"podinfo-primary":100}`, predicate: "Weight(100)"},
			owners:      owned, left: rollout.ToPrimary(),
		},
		"AtRest": {
			reason:      "Nobody is in a run.",
			annotations: map[string]string{backendWeights: `{"podinfo-canary":0,"podinfo-primary":100}`, predicate: "False()"},
			owners:      owned, left: rollout.ToPrimary(),
		},
		"AStep":   {reason: "A run goes on where it was.", annotations: aStep, owners: owned, left: rollout.Split(40)},
		"Unowned": {reason: "A Flagger with another cluster's mesh set no owners.", annotations: aStep, left: rollout.Split(40)},
		"Switched": {
			reason:      "All users are at the canary and stay there.",
			annotations: map[string]string{backendWeights: `{"podinfo-canary":100,"podinfo-primary":0}`, predicate: "Weight(100)"},
			owners:      owned, left: rollout.ToCanary(),
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider())
			b.Create(flaggers(test.annotations, test.owners...), kube.FieldManager)
			if got := b.Observe().Traffic; got != test.left {
				t.Errorf("%s Found %+v, want %+v", test.reason, got, test.left)
			}
			b.Settle(test.left)
			taken := b.Routing()
			if !kube.IsOwned(b.Canary, taken) {
				t.Error("it would outlive the canary")
			}
			want, err := render(b.Canary, b.Object(ingress.Kind, "shop"), test.left)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(essence(want), essence(taken)); diff != "" {
				t.Errorf("it is not what it would be without Flagger (-want +got):\n%s", diff)
			}
			for _, entry := range taken.GetManagedFields() {
				if entry.Operation == metav1.ManagedFieldsOperationUpdate {
					t.Errorf("fields are still owned by plain updates of %s: %s", entry.Manager, entry.FieldsV1)
				}
			}
		})
	}
}

// essence is what of an Ingress is not the API server's.
func essence(object *unstructured.Unstructured) map[string]any {
	return map[string]any{
		"spec": object.Object["spec"], "labels": object.GetLabels(), "annotations": object.GetAnnotations(),
	}
}

func TestSomebodyElsesIngressIsLeftAlone(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		change func(*unstructured.Unstructured)
	}{
		"ByHand": {
			reason: "Only the name is the same.",
			change: annotate(map[string]string{backendWeights: ""}),
		},
		"OneWeight": {
			reason: "Flagger's weigh both sides.",
			change: annotate(map[string]string{backendWeights: `{"podinfo-canary":40}`}),
		},
		"OnePath": {
			reason: "Flagger's lead to both sides.",
			change: func(object *unstructured.Unstructured) {
				ingress.Redirect(object, func(paths []any) []any { return paths[:1] })
			},
		},
		"AnotherClustersCanary": {
			reason: "The annotation stands in for an owner reference.",
			change: annotate(map[string]string{router.CreatorAnnotation: "8a1f4c0e-0000-4000-8000-000000000002"}),
		},
		"AnotherController": {
			reason: "Its controller would write it back.",
			change: func(object *unstructured.Unstructured) {
				object.SetOwnerReferences([]metav1.OwnerReference{{
					APIVersion: "example.com/v1", Kind: "Shop", Name: "shop", UID: "8a1f4c0e-0000-4000-8000-000000000003", Controller: new(true),
				}})
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider())
			object := flaggers(aStep)
			test.change(object)
			b.Create(object, "kubectl")
			before := b.Routing()
			if _, err := b.Router.Observe(t.Context(), b.Canary); !errors.Is(err, router.ErrNotFound) {
				t.Errorf("%s observe: got error %v", test.reason, err)
			}
			for _, want := range []rollout.Traffic{rollout.ToPrimary(), rollout.Split(25)} {
				if err := b.Router.Apply(t.Context(), b.Canary, want); !errors.Is(err, router.ErrForeign) {
					t.Errorf("%s apply %+v: got error %v", test.reason, want, err)
				}
			}
			for _, deps := range []router.Deps{b.Deps, {Client: b.Deps.Client}} {
				if err := New(deps).Release(t.Context(), b.Canary); err != nil {
					t.Errorf("%s release: got error %v", test.reason, err)
				}
			}
			if diff := cmp.Diff(before.Object, b.Routing().Object); diff != "" || b.Writes() != 0 {
				t.Errorf("%s It was written (-before +after):\n%s", test.reason, diff)
			}
		})
	}
}

func TestReleaseInAnotherCluster(t *testing.T) {
	b := routertest.NewBench(t, provider())
	b.Create(flaggers(aStep), kube.FieldManager)
	r := New(router.Deps{Client: b.Deps.Client})
	for range 2 {
		if err := r.Release(t.Context(), b.Canary); err != nil {
			t.Fatal(err)
		}
	}
	if b.Find(ingress.Kind, "shop-canary") != nil {
		t.Error("it would lead to Services that go with the canary")
	}
}

func TestNothingToReleaseWithoutAReference(t *testing.T) {
	c := canary()
	c.Spec.IngressRef = nil
	if err := New(router.Deps{}).Release(t.Context(), c); err != nil {
		t.Errorf("got error %v, but a canary that never had an Ingress must be let go", err)
	}
}
