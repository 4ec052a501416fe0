package gloo

import (
	"os"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/router/routertest"
	"flagger.app/flagger/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// standIn is the path of our own CRDs, in the place of Gloo's.
const standIn = "internal/router/gloo/testdata/stand-in.yaml"

// prefixes are the operator's -include-label-prefix.
var prefixes = []string{"team", "app.kubernetes.io", "kustomize"}

func newBench(t *testing.T) *routertest.Bench {
	t.Helper()
	return routertest.NewBench(t, provider())
}

// service is the Service of a side, whose pods have the label.
func service(name, label string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"selector": map[string]any{"app": label},
		"ports":    []any{map[string]any{"name": "http", "port": int64(80)}},
	}}}
	object.SetAPIVersion("v1")
	object.SetKind("Service")
	object.SetName(name)
	return object
}

// routeTable is one of the canary's name with routes.
func routeTable(list ...route) *unstructured.Unstructured {
	table := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"routes": items(list)}}}
	table.SetGroupVersionKind(tableKind)
	table.SetNamespace("test")
	table.SetName("podinfo")
	return table
}

// to is a route of all requests to targets.
func to(list ...target) route {
	return route{
		"inheritablePathMatchers": true,
		"routeAction":             map[string]any{"multi": map[string]any{"destinations": items(list)}},
	}
}

// toUpstream is a target in a namespace; a nil weight is left out.
func toUpstream(name, namespace string, weight any) target {
	t := target{"destination": map[string]any{"upstream": map[string]any{"name": name, "namespace": namespace}}}
	if weight != nil {
		t["weight"] = weight
	}
	return t
}

// toService is a target for a Service.
func toService(name, namespace string) target {
	return target{"destination": map[string]any{"kube": map[string]any{
		"ref": map[string]any{"name": name, "namespace": namespace}, "port": int64(80),
	}}}
}

func items(list []map[string]any) []any {
	all := make([]any, len(list))
	for i, one := range list {
		all[i] = one
	}
	return all
}
