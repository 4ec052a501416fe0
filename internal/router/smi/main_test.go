package smi

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// variants are all there are, by their provider's name.
var variants = map[string]Variant{}

func init() {
	for _, v := range []Variant{Linkerd, OSM, V1alpha1, V1alpha2, V1alpha3, IstioV1alpha1, IstioV1alpha2, IstioV1alpha3} {
		variants[v.provider] = v
	}
}

// crd is the path of the CRD of TrafficSplits, which is kept beside the checkout.
func crd(t *testing.T) string {
	t.Helper()
	file := filepath.Join(testkit.Root(), "..", "shared", "crds", "smi_trafficsplits.yaml")
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		t.Skip("the CRD of the Service Mesh Interface is not beside the checkout: ../shared/crds/smi_trafficsplits.yaml")
	}
	return file
}

// canary shifts traffic of the Service podinfo by weight.
func canary() *v1beta1.Canary {
	c := &v1beta1.Canary{}
	c.Name, c.Namespace, c.UID = "podinfo", "test", "8a1f4c0e-0000-4000-8000-000000000001"
	c.Spec.TargetRef = v1beta1.LocalObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "podinfo"}
	c.Spec.Service.Port = 80
	c.Spec.Analysis = &v1beta1.CanaryAnalysis{Interval: "1m", Threshold: 5, StepWeight: 10}
	return c
}

// trafficSplit is one of the canary's name in the version of v.
func trafficSplit(v Variant, root string, backends ...backend) *unstructured.Unstructured {
	list := make([]any, len(backends))
	for i, b := range backends {
		list[i] = maps.Clone(b)
	}
	split := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"service": root, "backends": list}}}
	split.SetGroupVersionKind(v.kind())
	split.SetNamespace("test")
	split.SetName("podinfo")
	return split
}

// bench is a router on a real API server, and a canary in a namespace of its own.
func bench(t *testing.T, v Variant) (client.Client, *Router, *v1beta1.Canary) {
	t.Helper()
	direct, err := client.NewWithWatch(testkit.StartAPIServer(t, crd(t)), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := canary()
	c.Namespace = testkit.NewNamespace(t, direct)
	return direct, New(v, router.Deps{Client: direct, Owned: true}), c
}

// create makes split in the canary's namespace as manager would.
func create(t *testing.T, direct client.Client, c *v1beta1.Canary, split *unstructured.Unstructured, manager string) {
	t.Helper()
	split.SetNamespace(c.Namespace)
	if err := direct.Create(t.Context(), split, client.FieldOwner(manager)); err != nil {
		t.Fatal(err)
	}
}

// stored is the canary's TrafficSplit as the API server has it.
func stored(t *testing.T, r *Router, c *v1beta1.Canary) *unstructured.Unstructured {
	t.Helper()
	live, err := r.get(t.Context(), c)
	if err != nil || live == nil {
		t.Fatalf("get the TrafficSplit: %v", err)
	}
	return live
}
