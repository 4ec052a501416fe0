package knative

import (
	"flag"
	"os"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router/routertest"
	"flagger.app/flagger/internal/testkit"
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(testkit.Main(m))
}

// The revisions of the story: the first was promoted, the second is under analysis.
const (
	first  = "podinfo-00001"
	second = "podinfo-00002"
	third  = "podinfo-00003"
)

// canary is one in the middle of its second run.
func canary() *v1beta1.Canary {
	c := routertest.Canary()
	c.Spec.TargetRef = v1beta1.LocalObjectReference{APIVersion: "serving.knative.dev/v1", Kind: "Service", Name: "podinfo"}
	c.Status.LastPromotedSpec, c.Status.LastAppliedSpec = identity(first), identity(second)
	return c
}

// service is the user's, with the second revision ready, and without the operator.
func service(list ...any) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{
		"spec": map[string]any{
			"template": map[string]any{"spec": map[string]any{"containers": []any{
				map[string]any{"name": "podinfo", "image": "ghcr.io/stefanprodan/podinfo:6.0.1"},
			}}},
			"traffic": list,
		},
		"status": map[string]any{latestCreated: second, latestReady: second, "traffic": []any{pinned(first, whole)}},
	}}
	object.SetGroupVersionKind(kind)
	object.SetNamespace("test")
	object.SetName("podinfo")
	object.SetLabels(map[string]string{"app": "podinfo"})
	object.SetAnnotations(map[string]string{"example.com/team": "a"})
	return object
}

// taken is service as it is once it has been taken over.
func taken(list ...any) *unstructured.Unstructured {
	object := service(list...)
	object.SetAnnotations(map[string]string{"example.com/team": "a", primaryAnnotation: first})
	return object
}

// provider is what the suite knows of us, where the user has the object.
func provider(t *testing.T, c *v1beta1.Canary, object *unstructured.Unstructured) routertest.Provider {
	t.Helper()
	return routertest.Provider{
		Row:    Row(),
		CRDs:   []string{routertest.CRD(t, "knative_services.yaml")},
		Canary: c.DeepCopy,
		Given:  []*unstructured.Unstructured{object},
		Object: "podinfo",
		Damage: func(object *unstructured.Unstructured) { setTraffic(object, pinned(third, 60), pinned(first, 40)) },
		Edit: func(b *routertest.Bench) {
			b.Edit(kind, "podinfo", func(object *unstructured.Unstructured) { setTraffic(object, latest(whole)) })
		},
		Refused: map[string]func(*v1beta1.Canary){
			"AnotherKind":  func(c *v1beta1.Canary) { c.Spec.TargetRef.Kind = "Deployment" },
			"PlainService": func(c *v1beta1.Canary) { c.Spec.TargetRef.APIVersion = "v1" },
			"Autoscaler":   func(c *v1beta1.Canary) { c.Spec.AutoscalerRef = &v1beta1.AutoscalerReference{} },
		},
	}
}

// bench is one with the user's object as given.
func bench(t *testing.T, c *v1beta1.Canary, object *unstructured.Unstructured) *routertest.Bench {
	t.Helper()
	return routertest.NewBench(t, provider(t, c, object))
}

// setTraffic makes list the traffic block of object.
func setTraffic(object *unstructured.Unstructured, list ...any) {
	if err := unstructured.SetNestedSlice(object.Object, list, "spec", "traffic"); err != nil {
		panic(err)
	}
}

// trafficOf is the traffic block as it is stored.
func trafficOf(b *routertest.Bench) []entry { return entries(b.Routing(), "spec") }

var aQuarter = rollout.Split(25)
