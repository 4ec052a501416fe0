package apisix

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// crd is the path of APISIX's own CRD of ApisixRoutes, which is kept beside the checkout.
func crd(t *testing.T) string {
	t.Helper()
	file := filepath.Join(testkit.Root(), "..", "shared", "crds", "apisix_apisixroutes.yaml")
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		t.Skip("the CRD of APISIX is not beside the checkout: ../shared/crds/apisix_apisixroutes.yaml")
	}
	return file
}

// connect returns a client of the API server, which has the CRD.
func connect(t *testing.T) client.WithWatch {
	t.Helper()
	direct, err := client.NewWithWatch(testkit.StartAPIServer(t, crd(t)), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return direct
}

// canary shifts traffic of the Service podinfo by weight.
func canary() *v1beta1.Canary {
	c := &v1beta1.Canary{}
	c.Name, c.Namespace, c.UID = "podinfo", "test", "8a1f4c0e-0000-4000-8000-000000000001"
	c.Spec.TargetRef = v1beta1.LocalObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "podinfo"}
	c.Spec.RouteRef = &v1beta1.LocalObjectReference{APIVersion: "apisix.apache.org/v2", Kind: "ApisixRoute", Name: "shop"}
	c.Spec.Service.Port = 80
	c.Spec.Analysis = &v1beta1.CanaryAnalysis{Interval: "1m", Threshold: 5, StepWeight: 10}
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

// usersRoute leads to the Service podinfo by two rules, and by a third to the Service web.
func usersRoute() *unstructured.Unstructured {
	object := route("shop", lead("all", "/*", "podinfo"), lead("api", "/api/*", "podinfo"), lead("web", "/web/*", "web"))
	object.Object["spec"].(map[string]any)["ingressClassName"] = "apisix"
	object.SetLabels(map[string]string{"app": "shop"})
	object.SetAnnotations(map[string]string{"example.com/team": "a"})
	return object
}
