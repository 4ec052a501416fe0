package skipper

import (
	"os"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router/ingress"
	"flagger.app/flagger/internal/router/routertest"
	"flagger.app/flagger/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// canary shifts traffic of the Service podinfo, to which the Ingress shop leads, by weight.
func canary() *v1beta1.Canary {
	c := routertest.Canary()
	c.Spec.IngressRef = &v1beta1.LocalObjectReference{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Name: "shop"}
	return c
}

// path leads to a Service.
func path(at, service string) any {
	return map[string]any{"path": at, "pathType": "Prefix", "backend": map[string]any{
		"service": map[string]any{"name": service, "port": map[string]any{"number": int64(80)}},
	}}
}

// withPaths is an Ingress of the name with one rule.
func withPaths(name string, paths ...any) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"rules": []any{map[string]any{"host": "app.example.com", "http": map[string]any{"paths": paths}}},
	}}}
	object.SetGroupVersionKind(ingress.Kind)
	object.SetName(name)
	return object
}

// usersIngress leads to the Service podinfo and, by another path, to the Service web.
func usersIngress() *unstructured.Unstructured {
	users := withPaths("shop", path("/", "podinfo"), path("/web", "web"))
	users.SetLabels(map[string]string{"app": "shop"})
	users.SetAnnotations(map[string]string{"example.com/team": "a", predicate: `Method("GET")`})
	return users
}

// provider is what the suite knows of us.
func provider() routertest.Provider {
	return routertest.Provider{
		Row:    Row(),
		Canary: canary,
		Given:  []*unstructured.Unstructured{usersIngress()},
		Object: "shop-canary",
		Edit:   func(b *routertest.Bench) { b.Canary.Spec.Service.Name = "web" },
		Damage: func(object *unstructured.Unstructured) {
			routertest.Annotate(map[string]string{backendWeights: `{"podinfo-canary":90,"podinfo-primary":10}`, predicate: ""})(object)
			object.Object["spec"].(map[string]any)["ingressClassName"] = "other"
		},
		Refused: map[string]func(*v1beta1.Canary){
			"NoReference": func(c *v1beta1.Canary) { c.Spec.IngressRef = nil },
			"NoName":      func(c *v1beta1.Canary) { c.Spec.IngressRef.Name = "" },
			"AnotherKind": func(c *v1beta1.Canary) { c.Spec.IngressRef.Kind = "RouteGroup" },
		},
	}
}
