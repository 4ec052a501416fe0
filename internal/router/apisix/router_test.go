package apisix

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router/routertest"
)

func TestConformance(t *testing.T) { routertest.Run(t, provider(t)) }

// provider is what the suite knows of us. It is by the user's route alone that an edit can change the canary's.
func provider(t *testing.T) routertest.Provider {
	return routertest.Provider{
		Row:    Row(),
		CRDs:   []string{routertest.CRD(t, "apisix_apisixroutes.yaml")},
		Canary: canary,
		Given:  []*unstructured.Unstructured{theirRoute()},
		Object: "shop-podinfo-canary",
		Edit: func(b *routertest.Bench) {
			b.Edit(kind, "shop", func(object *unstructured.Unstructured) {
				rules(object)[0]["timeout"] = map[string]any{"read": "10s"}
			})
		},
		Damage: func(object *unstructured.Unstructured) {
			weights(1, 9)(object)
			rules(object)[1]["priority"] = int64(1)
			object.Object["spec"].(map[string]any)["ingressClassName"] = "other"
		},
		Refused: map[string]func(*v1beta1.Canary){
			"NoReference": func(c *v1beta1.Canary) { c.Spec.RouteRef = nil },
			"NoName":      func(c *v1beta1.Canary) { c.Spec.RouteRef.Name = "" },
			"AnotherKind": func(c *v1beta1.Canary) { c.Spec.RouteRef.Kind = "Ingress" },
		},
	}
}

// A route that serves nobody would be an outage.
func TestNoWeightsAreRefused(t *testing.T) {
	b := routertest.NewBench(t, provider(t))
	b.Apply(rollout.Split(25), 1)
	b.Writes()
	err := b.Router.Apply(t.Context(), b.Canary, rollout.Traffic{})
	if want := "RoutingRule podinfo." + b.Canary.Namespace + " update failed: no valid weights"; err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
	if writes := b.Writes(); writes != 0 {
		t.Errorf("it was written %d times", writes)
	}
}
