package smi

import (
	"maps"
	"os"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

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
