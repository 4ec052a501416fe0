package nginx

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router/routertest"
)

func TestFlaggersIngressesAreOurs(t *testing.T) {
	routertest.TakesOverFlagger(t, provider(prefix), "nginx.json")
}

// unowned is a canary Ingress without an owner, as a Flagger with another cluster's mesh leaves it at 25 percent.
func unowned(change func(*unstructured.Unstructured)) *unstructured.Unstructured {
	object, err := dialect(prefix).render(canary(), usersIngress(), rollout.Split(25))
	if err != nil {
		panic(err)
	}
	change(object)
	return object
}

func TestAnUnownedCanaryIngressOfFlaggerIsClaimed(t *testing.T) {
	b := routertest.NewBench(t, provider(prefix))
	b.Create(unowned(func(*unstructured.Unstructured) {}), kube.FieldManager)
	if got := b.Observe().Traffic; got != rollout.Split(25) {
		t.Errorf("found %+v", got)
	}
	if err := b.Router.Apply(t.Context(), b.Canary, rollout.Split(25)); err != nil {
		t.Fatal(err)
	}
	b.Apply(rollout.Split(25), 0)
	if !kube.IsOwned(b.Canary, b.Routing()) {
		t.Error("it would outlive the canary")
	}
}

func TestSomebodyElsesIngressIsLeftAlone(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		change func(*unstructured.Unstructured)
	}{
		"NoCanary": {
			reason: "Only the name is the same.",
			change: routertest.Annotate(map[string]string{prefix + "/canary": ""}),
		},
		"ByHand": {
			reason: "A canary Ingress without the guards is a user's own.",
			change: routertest.Annotate(map[string]string{"kustomize.toolkit.fluxcd.io/reconcile": ""}),
		},
		"AnotherService": {
			reason: "Flagger made it for another canary.",
			change: leadTo("other-canary"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(test.reason)
			routertest.NewBench(t, provider(prefix)).LeavesAlone(unowned(test.change), "was not made for this canary")
		})
	}
}

// With another prefix, ingress-nginx's own is one like any other.
func TestAnotherPrefix(t *testing.T) {
	source := usersIngress()
	routertest.Annotate(map[string]string{prefix + "/canary": "true", "shop.example.com/canary-by-header": "x"})(source)
	object, err := dialect("shop.example.com").render(canary(), source, rollout.Split(10))
	if err != nil {
		t.Fatal(err)
	}
	want := kube.Guarded(map[string]string{"shop.example.com/canary": "true", "shop.example.com/canary-weight": "10"})
	maps.Copy(want, map[string]string{"example.com/team": "a", prefix + "/affinity": "cookie", prefix + "/canary": "true"})
	if diff := cmp.Diff(want, object.GetAnnotations()); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
}
