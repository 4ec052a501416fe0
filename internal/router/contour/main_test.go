package contour

import (
	"os"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/router/routertest"
	"flagger.app/flagger/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// crd is the path of the CRD of HTTPProxies.
func crd(t *testing.T) string { return routertest.CRD(t, "contour_httpproxies.yaml") }

// newBench is one of a provider with an ingress class, or of one without.
func newBench(t *testing.T, class string) *routertest.Bench {
	t.Helper()
	p := provider(class)
	p.CRDs = []string{crd(t)}
	return routertest.NewBench(t, p)
}

// httpProxy is one of the canary's name with routes.
func httpProxy(list ...route) *unstructured.Unstructured {
	proxy := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"routes": items(list)}}}
	proxy.SetGroupVersionKind(kind)
	proxy.SetNamespace("test")
	proxy.SetName("podinfo")
	return proxy
}

// to is a route of the prefix / to entries.
func to(list ...entry) route {
	return route{"conditions": []any{condition{"prefix": "/"}}, "services": items(list)}
}

// side is an entry for a Service; a nil weight is left out.
func side(service string, weight any) entry {
	e := entry{"name": service, "port": int64(80)}
	if weight != nil {
		e["weight"] = weight
	}
	return e
}

func items(list []map[string]any) []any {
	all := make([]any, len(list))
	for i, one := range list {
		all[i] = one
	}
	return all
}
