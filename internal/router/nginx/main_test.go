package nginx

import (
	"os"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router/ingress"
	"flagger.app/flagger/internal/router/routertest"
	"flagger.app/flagger/internal/testkit"
)

// prefix is ingress-nginx's own.
const prefix = "nginx.ingress.kubernetes.io"

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// canary shifts traffic of the Service podinfo by weight, beside the user's Ingress podinfo.
func canary() *v1beta1.Canary {
	c := routertest.Canary()
	c.Spec.IngressRef = &v1beta1.LocalObjectReference{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Name: "podinfo"}
	return c
}

// usersIngress leads to the Service podinfo and, by another path, to the Service web.
func usersIngress() *unstructured.Unstructured {
	path := func(path, service string) any {
		return map[string]any{"path": path, "pathType": "Prefix", "backend": map[string]any{
			"service": map[string]any{"name": service, "port": map[string]any{"number": int64(80)}},
		}}
	}
	object := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"ingressClassName": "nginx",
		"rules": []any{map[string]any{
			"host": "app.example.com",
			"http": map[string]any{"paths": []any{path("/", "podinfo"), path("/web", "web")}},
		}},
	}}}
	object.SetGroupVersionKind(ingress.Kind)
	object.SetNamespace("test")
	object.SetName("podinfo")
	object.SetLabels(map[string]string{"app": "podinfo"})
	object.SetAnnotations(map[string]string{"example.com/team": "a", prefix + "/affinity": "cookie"})
	return object
}

// leadTo makes all paths lead to the Service of the name.
func leadTo(service string) func(*unstructured.Unstructured) {
	return func(object *unstructured.Unstructured) {
		ingress.Redirect(object, func(paths []any) []any {
			for _, path := range paths {
				ingress.PointTo(path, service)
			}
			return paths
		})
	}
}

// routing are the annotations of the canary Ingress that divide traffic, without their prefix.
func routing(b *routertest.Bench) map[string]string {
	b.Helper()
	routing := map[string]string{}
	for key, value := range b.Routing().GetAnnotations() {
		if dialect(prefix).routes(key) {
			routing[key[len(prefix)+1:]] = value
		}
	}
	return routing
}
