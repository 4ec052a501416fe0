package compat

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
)

// manifests are the fixtures that between them set every field, by file name.
func manifests(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/crd/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("find manifests: %v", err)
	}
	found := map[string][]byte{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimSuffix(filepath.Base(file), ".yaml")] = raw
	}
	return found
}

// parse decodes a manifest as it stands.
func parse(t *testing.T, raw []byte) *unstructured.Unstructured {
	t.Helper()
	js, err := yaml.YAMLToJSON(raw)
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(js); err != nil {
		t.Fatal(err)
	}
	return u
}

// typed returns an empty object of u's kind.
func typed(t *testing.T, c client.Client, u *unstructured.Unstructured) client.Object {
	t.Helper()
	obj, err := c.Scheme().New(u.GroupVersionKind())
	if err != nil {
		t.Fatal(err)
	}
	return obj.(client.Object)
}

// cluster starts the API server with our CRDs and returns a client for it.
func cluster(t *testing.T) client.Client {
	t.Helper()
	cfg := testkit.StartAPIServer(t, crdDir)
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1beta1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	c, err := client.New(cfg, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return client.WithFieldValidation(c, "Strict")
}

// The manifests leave no path of the CRDs out, or the round trip below would prove less than it says.
func TestManifestsSetEveryPath(t *testing.T) {
	set := map[string]map[string]bool{}
	for _, raw := range manifests(t) {
		u := parse(t, raw)
		name := strings.ToLower(u.GetKind()) + "s.flagger.app"
		if name == "canarys.flagger.app" {
			name = canaries
		}
		if set[name] == nil {
			set[name] = map[string]bool{}
		}
		s := *ourCRDs(t)[name].Spec.Versions[0].Schema.OpenAPIV3Schema
		for _, part := range []string{"spec", "status"} {
			mark(set[name], part, s.Properties[part], u.Object[part])
		}
	}
	for name, c := range ourCRDs(t) {
		for _, path := range sortedKeys(flatten(c)) {
			if !set[name][path] {
				t.Errorf("%s: no manifest sets %s", name, path)
			}
		}
	}
}

// mark records the path of value, whose schema is s, and the paths below it.
func mark(set map[string]bool, path string, s schema, value any) {
	if value == nil {
		return
	}
	set[path] = true
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			mark(set, path+"[]", *s.Items.Schema, item)
		}
	case map[string]any:
		for key, below := range value {
			if property, ok := s.Properties[key]; ok {
				mark(set, path+"."+key, property, below)
			} else if s.AdditionalProperties != nil {
				mark(set, path+"{}", *s.AdditionalProperties.Schema, below)
			}
		}
	}
}

// What a manifest says is what the API server stores and what our types hold, to the last field: nothing is pruned,
// renamed, defaulted over or lost on the way through Go.
func TestRoundTrip(t *testing.T) {
	c := cluster(t)
	for name, raw := range manifests(t) {
		t.Run(name, func(t *testing.T) {
			want := parse(t, raw)
			want.SetNamespace(testkit.NewNamespace(t, c))
			obj := typed(t, c, want)
			if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(want.Object, obj, true); err != nil {
				t.Fatalf("decode: %v", err)
			}
			sent := obj.DeepCopyObject().(client.Object)
			if err := c.Create(t.Context(), obj); err != nil {
				t.Fatalf("create: %v", err)
			}
			if want.Object["status"] != nil {
				status := sent.DeepCopyObject().(client.Object)
				status.SetResourceVersion(obj.GetResourceVersion())
				if err := c.Status().Update(t.Context(), status); err != nil {
					t.Fatalf("update status: %v", err)
				}
			}
			compareStored(t, c, want, sent)
		})
	}
}

// compareStored reads the object back, as it is stored and as our type, and compares spec and status.
func compareStored(t *testing.T, c client.Client, want *unstructured.Unstructured, sent client.Object) {
	t.Helper()
	key := client.ObjectKeyFromObject(want)
	stored := &unstructured.Unstructured{}
	stored.SetGroupVersionKind(want.GroupVersionKind())
	if err := c.Get(t.Context(), key, stored); err != nil {
		t.Fatalf("get: %v", err)
	}
	for _, part := range []string{"spec", "status"} {
		if want.Object[part] == nil {
			continue // without a status in the manifest, the zero values of ours are stored
		}
		if diff := cmp.Diff(want.Object[part], stored.Object[part]); diff != "" {
			t.Errorf("%s as stored (-manifest +stored):\n%s", part, diff)
		}
	}
	got := typed(t, c, want)
	if err := c.Get(t.Context(), key, got); err != nil {
		t.Fatalf("get: %v", err)
	}
	if diff := cmp.Diff(withoutServerFields(t, sent), withoutServerFields(t, got)); diff != "" {
		t.Errorf("as our type (-sent +got):\n%s", diff)
	}
}

// withoutServerFields keeps spec and status of an object as our type holds them.
func withoutServerFields(t *testing.T, obj client.Object) any {
	t.Helper()
	switch obj := obj.(type) {
	case *v1beta1.Canary:
		return []any{obj.Spec, obj.Status}
	case *v1beta1.MetricTemplate:
		return []any{obj.Spec, obj.Status}
	case *v1beta1.AlertProvider:
		return []any{obj.Spec, obj.Status}
	}
	t.Fatalf("no such kind: %T", obj)
	return nil
}
