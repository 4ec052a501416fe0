package traefik

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// crd is the path of Traefik's own CRD of TraefikServices, which is kept beside the checkout.
func crd(t *testing.T) string {
	t.Helper()
	file := filepath.Join(testkit.Root(), "..", "shared", "crds", "traefik_traefikservices.yaml")
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		t.Skip("the CRD of Traefik is not beside the checkout: ../shared/crds/traefik_traefikservices.yaml")
	}
	return file
}

// legacyCRD is the same CRD as it was under the older group.
func legacyCRD(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(crd(t))
	if err != nil {
		t.Fatal(err)
	}
	content = bytes.ReplaceAll(content, []byte("traefikservices."+current.Group), []byte("traefikservices."+legacy.Group))
	content = bytes.ReplaceAll(content, []byte("group: "+current.Group), []byte("group: "+legacy.Group))
	file := filepath.Join(t.TempDir(), "crd.yaml")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
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

// traefikService is one of the canary's name with a spec.
func traefikService(spec map[string]any) *unstructured.Unstructured {
	service := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	service.SetGroupVersionKind(current)
	service.SetNamespace("test")
	service.SetName("podinfo")
	return service
}

// weighted is a spec that divides traffic between entries.
func weighted(list ...entry) map[string]any {
	items := make([]any, len(list))
	for i, e := range list {
		items[i] = e
	}
	return map[string]any{"weighted": map[string]any{"services": items}}
}
