package traefik

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/router/routertest"
	"flagger.app/flagger/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// crd is the path of the CRD of TraefikServices.
func crd(t *testing.T) string { return routertest.CRD(t, "traefik_traefikservices.yaml") }

// legacyCRD is the same CRD as it was under the older group.
func legacyCRD(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(crd(t))
	if err != nil {
		t.Fatal(err)
	}
	content = bytes.ReplaceAll(content, []byte("traefikservices."+current.Group), []byte("traefikservices."+legacy.Group))
	content = bytes.ReplaceAll(content, []byte("group: "+current.Group), []byte("group: "+legacy.Group))
	file := filepath.Join(t.TempDir(), "legacy_traefikservices.yaml")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
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
