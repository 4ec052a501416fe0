package apisix

import (
	"os"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
	"flagger.app/flagger/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// canary shifts traffic of the Service podinfo by weight, beside the user's route shop.
func canary() *v1beta1.Canary {
	c := routertest.Canary()
	c.Spec.RouteRef = &v1beta1.LocalObjectReference{APIVersion: "apisix.apache.org/v2", Kind: "ApisixRoute", Name: "shop"}
	return c
}

// lead is a rule for a path that leads to one Service.
func lead(name, path, service string) rule {
	return rule{
		"name":     name,
		"match":    map[string]any{"hosts": []any{"app.example.com"}, "paths": []any{path}},
		"backends": []any{map[string]any{"serviceName": service, "servicePort": int64(80)}},
	}
}

// route is an ApisixRoute of the canary's namespace.
func route(name string, list ...rule) *unstructured.Unstructured {
	items := make([]any, len(list))
	for i, one := range list {
		items[i] = one
	}
	object := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"http": items}}}
	object.SetGroupVersionKind(kind)
	object.SetNamespace("test")
	object.SetName(name)
	return object
}

// theirRoute leads to the Service podinfo by two rules, and by a third to the Service web.
func theirRoute() *unstructured.Unstructured {
	object := route("shop", lead("all", "/*", "podinfo"), lead("api", "/api/*", "podinfo"), lead("web", "/web/*", "web"))
	object.Object["spec"].(map[string]any)["ingressClassName"] = "apisix"
	object.SetLabels(map[string]string{"app": "shop"})
	object.SetAnnotations(map[string]string{"example.com/team": "a"})
	return object
}

// weights sets those of the first rule's backends, in their order.
func weights(values ...int64) func(*unstructured.Unstructured) {
	return func(object *unstructured.Unstructured) {
		for i, b := range router.Objects(rules(object)[0], "backends") {
			b["weight"] = values[i]
		}
	}
}

// elsewhere makes all rules lead to another Service.
func elsewhere(object *unstructured.Unstructured) {
	for _, one := range rules(object) {
		for _, b := range router.Objects(one, "backends") {
			b["serviceName"] = "other"
		}
	}
}
