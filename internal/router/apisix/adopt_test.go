package apisix

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
	"flagger.app/flagger/internal/testkit"
)

// lastApplied is the annotation by which kubectl knows what it delivered.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// flaggers is a canary route as Flagger 1.44 leaves it: the first rule alone, the marks of kubectl and the ports of
// streams copied too, no guards.
func flaggers(want rollout.Traffic, owners ...metav1.OwnerReference) *unstructured.Unstructured {
	one := lead("all", "/*", "podinfo")
	one["priority"] = int64(10000)
	one["websocket"] = false
	one["backends"] = sides(canary(), find(one, "podinfo"), want)
	object := route("shop-podinfo-canary", one)
	object.Object["spec"].(map[string]any)["stream"] = []any{map[string]any{
		"name": "tcp", "protocol": "TCP", "match": map[string]any{"ingressPort": int64(9100)},
		"backend": map[string]any{"serviceName": "podinfo", "servicePort": int64(9898)},
	}}
	object.SetLabels(map[string]string{"app": "shop", "app.kubernetes.io/instance": "shop"})
	object.SetAnnotations(map[string]string{"example.com/team": "a", lastApplied: "{}"})
	object.SetOwnerReferences(owners)
	return object
}

// What Flagger left is taken over with the traffic that it has, and nothing of Flagger's plain updates stays behind.
func TestFlaggersRouteIsTakenOver(t *testing.T) {
	owned := []metav1.OwnerReference{kube.OwnerReference(canary())}
	for name, test := range map[string]struct {
		reason string
		owners []metav1.OwnerReference
		left   rollout.Traffic
	}{
		"AtRest":   {reason: "Nobody is in a run.", owners: owned, left: rollout.ToPrimary()},
		"AStep":    {reason: "A run goes on where it was.", owners: owned, left: rollout.Split(40)},
		"Switched": {reason: "All users are at the canary and stay there.", owners: owned, left: rollout.ToCanary()},
		"Unowned":  {reason: "A Flagger with another cluster's routes set no owners.", left: rollout.Split(40)},
	} {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider(t))
			b.Create(flaggers(test.left, test.owners...), kube.FieldManager)
			if got := b.Observe().Traffic; got != test.left {
				t.Errorf("%s Found %+v, want %+v", test.reason, got, test.left)
			}
			if err := b.Router.Apply(t.Context(), b.Canary, test.left); err != nil {
				t.Fatal(err)
			}
			b.Apply(test.left, 0)
			taken := b.Routing()
			if !kube.IsOwned(b.Canary, taken) {
				t.Error("it would outlive the canary")
			}
			rendered, err := render(b.Canary, b.Object(kind, "shop"), test.left)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(essence(rendered), essence(taken)); diff != "" {
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

// essence is what of an ApisixRoute is not the API server's.
func essence(object *unstructured.Unstructured) map[string]any {
	return map[string]any{
		"spec": object.Object["spec"], "labels": object.GetLabels(), "annotations": object.GetAnnotations(),
	}
}

func TestSomebodyElsesRouteIsLeftAlone(t *testing.T) {
	yes := true
	for name, test := range map[string]struct {
		reason string
		change func(*unstructured.Unstructured)
	}{
		"ByHand": {
			reason: "Only the name is the same.",
			change: func(object *unstructured.Unstructured) { rules(object)[0]["priority"] = int64(3) },
		},
		"OneSide": {
			reason: "Flagger's always lead to both.",
			change: func(object *unstructured.Unstructured) {
				list := rules(object)[0]["backends"].([]any)
				rules(object)[0]["backends"] = list[:1]
			},
		},
		"AnotherService": {
			reason: "Flagger made it for another canary.",
			change: elsewhere,
		},
		"AnotherClustersCanary": {
			reason: "The annotation stands in for an owner reference.",
			change: func(object *unstructured.Unstructured) {
				object.SetAnnotations(map[string]string{router.CreatorAnnotation: "8a1f4c0e-0000-4000-8000-000000000002"})
			},
		},
		"AnotherController": {
			reason: "Its controller would write it back.",
			change: func(object *unstructured.Unstructured) {
				object.SetOwnerReferences([]metav1.OwnerReference{{
					APIVersion: "example.com/v1", Kind: "Shop", Name: "shop", UID: "8a1f4c0e-0000-4000-8000-000000000003", Controller: &yes,
				}})
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(test.reason)
			object := flaggers(rollout.Split(40))
			test.change(object)
			routertest.NewBench(t, provider(t)).LeavesAlone(object, "was not made for this canary")
		})
	}
}

func TestReleaseInAnotherCluster(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		there  []*unstructured.Unstructured
	}{
		"Flaggers": {reason: "It would lead to Services that go with the canary.", there: []*unstructured.Unstructured{flaggers(rollout.Split(40))}},
		"Nothing":  {reason: "What is not there is released."},
	} {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider(t))
			for _, object := range test.there {
				b.Create(object, kube.FieldManager)
			}
			r := New(router.Deps{Client: b.Deps.Client})
			for range 2 {
				if err := r.Release(t.Context(), b.Canary); err != nil {
					t.Errorf("%s Got error %v", test.reason, err)
				}
			}
			if b.Find(kind, "shop-podinfo-canary") != nil || b.Find(kind, "shop") == nil {
				t.Error("the canary route must go and the user's stay")
			}
		})
	}
}

func TestNothingToReleaseWithoutAReference(t *testing.T) {
	c := canary()
	c.Spec.RouteRef = nil
	if err := New(router.Deps{}).Release(t.Context(), c); err != nil {
		t.Errorf("got error %v, but a canary that never had a route must be let go", err)
	}
}

func TestNothingToReleaseWithoutTheCRD(t *testing.T) {
	bare, err := client.New(testkit.StartAPIServer(t), client.Options{Mapper: meta.NewDefaultRESTMapper(nil)})
	if err != nil {
		t.Fatal(err)
	}
	if err := New(router.Deps{Client: bare}).Release(t.Context(), canary()); err != nil {
		t.Errorf("got error %v, but a cluster without ApisixRoutes has none to delete", err)
	}
}
