package router_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
)

// specified is an object of the kind and name in the namespace test.
func specified(name string, spec map[string]any) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	object.SetGroupVersionKind(kind)
	object.SetNamespace("test")
	object.SetName(name)
	return object
}

func TestApexObject(t *testing.T) {
	c := routertest.Canary()
	want := specified("podinfo", map[string]any{"weight": int64(1)})
	want.SetAnnotations(kube.Guarded(nil))
	if diff := cmp.Diff(want, router.ApexObject(c, kind, map[string]any{"weight": int64(1)})); diff != "" {
		t.Errorf("without metadata (-want +got):\n%s", diff)
	}
	c.Spec.Service.Apex = &v1beta1.CustomMetadata{Labels: map[string]string{"team": "a"}, Annotations: map[string]string{"note": "b"}}
	got := router.ApexObject(c, kind, nil)
	want.SetLabels(map[string]string{"team": "a"})
	want.SetAnnotations(kube.Guarded(map[string]string{"note": "b"}))
	if diff := cmp.Diff(want.Object["metadata"], got.Object["metadata"]); diff != "" {
		t.Errorf("with metadata (-want +got):\n%s", diff)
	}
	got.SetLabels(map[string]string{"team": "other"})
	if c.Spec.Service.Apex.Labels["team"] != "a" {
		t.Error("the canary was changed")
	}
}

func TestCopyOf(t *testing.T) {
	theirs := func() *unstructured.Unstructured {
		source := specified("shop", map[string]any{"unheardOf": "kept", "rules": []any{map[string]any{"host": "a"}}})
		source.SetUID("1")
		source.SetFinalizers([]string{"example.com/hold"})
		source.SetLabels(map[string]string{"app": "shop", "app.kubernetes.io/instance": "shop"})
		source.SetAnnotations(map[string]string{"example.com/team": "a", "argocd.argoproj.io/tracking-id": "shop"})
		return source
	}
	source := theirs()
	copied := router.CopyOf(routertest.Canary(), source, "shop-canary")
	want := specified("shop-canary", theirs().Object["spec"].(map[string]any))
	want.SetLabels(map[string]string{"app": "shop"})
	want.SetAnnotations(kube.Guarded(map[string]string{"example.com/team": "a"}))
	if diff := cmp.Diff(want, copied); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	router.Objects(copied.Object, "spec", "rules")[0]["host"] = "b"
	if diff := cmp.Diff(theirs(), source); diff != "" {
		t.Errorf("a change of the copy changed the user's object (-before +after):\n%s", diff)
	}
}

func TestACopyOfNoLabelsHasNone(t *testing.T) {
	source := specified("shop", map[string]any{})
	source.SetLabels(map[string]string{"app.kubernetes.io/instance": "shop"})
	copied := router.CopyOf(routertest.Canary(), source, "shop-canary")
	if metadata := copied.Object["metadata"].(map[string]any); metadata["labels"] != nil {
		t.Errorf("got labels %v, which the API server would not store", metadata["labels"])
	}
}
