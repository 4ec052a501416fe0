package nginx

import (
	"os"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
)

// prefix is ingress-nginx's own.
const prefix = "nginx.ingress.kubernetes.io"

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// connect returns a client of the API server, which has Ingresses without a CRD.
func connect(t *testing.T) client.WithWatch {
	t.Helper()
	direct, err := client.NewWithWatch(testkit.StartAPIServer(t), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return direct
}

// canary shifts traffic of the Service podinfo by weight.
func canary() *v1beta1.Canary {
	c := &v1beta1.Canary{}
	c.Name, c.UID = "podinfo", "8a1f4c0e-0000-4000-8000-000000000001"
	c.Spec.TargetRef = v1beta1.LocalObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "podinfo"}
	c.Spec.IngressRef = &v1beta1.LocalObjectReference{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Name: "podinfo"}
	c.Spec.Service.Port = 80
	c.Spec.Analysis = &v1beta1.CanaryAnalysis{Interval: "1m", Threshold: 5, StepWeight: 10}
	return c
}

// usersIngress leads to the Service podinfo and, by another path, to the Service web.
func usersIngress(namespace string) *unstructured.Unstructured {
	path := func(path, service string) any {
		return map[string]any{"path": path, "pathType": "Prefix", "backend": map[string]any{
			"service": map[string]any{"name": service, "port": map[string]any{"number": int64(80)}},
		}}
	}
	ingress := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"ingressClassName": "nginx",
		"rules": []any{map[string]any{
			"host": "app.example.com",
			"http": map[string]any{"paths": []any{path("/", "podinfo"), path("/web", "web")}},
		}},
	}}}
	ingress.SetGroupVersionKind(kind)
	ingress.SetNamespace(namespace)
	ingress.SetName("podinfo")
	ingress.SetLabels(map[string]string{"app": "podinfo"})
	ingress.SetAnnotations(map[string]string{"example.com/team": "a", prefix + "/affinity": "cookie"})
	return ingress
}
