package testkit_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// widgets writes a CRD of namespaced objects of that kind and returns its file.
func widgets(t *testing.T, kind string) string {
	t.Helper()
	lower := strings.ToLower(kind)
	file := filepath.Join(t.TempDir(), lower+".yaml")
	manifest := strings.NewReplacer("KIND", kind, "LOWER", lower).Replace(`apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: LOWERs.testkit.flagger.app}
spec:
  group: testkit.flagger.app
  scope: Namespaced
  names: {kind: KIND, plural: LOWERs, singular: LOWER, listKind: KINDList}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`)
	if err := os.WriteFile(file, []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func widget(kind, namespace, name string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(schema.GroupVersionKind{Group: "testkit.flagger.app", Version: "v1", Kind: kind})
	object.SetNamespace(namespace)
	object.SetName(name)
	return object
}

func TestASecondCallSharesTheServerAndAddsItsCRDs(t *testing.T) {
	first := testkit.StartAPIServer(t, widgets(t, "Gadget"))
	second := testkit.StartAPIServer(t, widgets(t, "Gizmo"))
	if first.Host != second.Host {
		t.Errorf("two servers run, %s and %s; one per test binary is enough", first.Host, second.Host)
	}
	c, err := client.New(first, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	namespace := testkit.NewNamespace(t, c)
	for _, kind := range []string{"Gadget", "Gizmo"} {
		if err := c.Create(t.Context(), widget(kind, namespace, "one")); err != nil {
			t.Errorf("a %s is not served: %v", kind, err)
		}
	}
}

func TestNamespacesKeepApart(t *testing.T) {
	c, err := client.New(testkit.StartAPIServer(t), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	one, two := testkit.NewNamespace(t, c), testkit.NewNamespace(t, c)
	if one == two || !strings.HasPrefix(one, "testnamespaceskeepapart-") {
		t.Errorf("namespaces %q and %q: want two, named after the test", one, two)
	}
}

func TestOnlyTheOperatorIsAudited(t *testing.T) {
	cfg := testkit.StartAPIServer(t)
	admin, err := client.New(cfg, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	operator, err := client.New(testkit.UserConfig(cfg, testkit.Operator), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	namespace := testkit.NewNamespace(t, admin)
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "app"}}
	if err := operator.Create(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	for _, c := range []client.Client{operator, admin} {
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(config), config); err != nil {
			t.Fatal(err)
		}
	}
	var got []testkit.AuditEvent
	for _, event := range testkit.Requests(t) {
		if event.Namespace == namespace {
			event.Code, event.URI, event.Name = 0, "", "" // known only once the answer is on its way
			got = append(got, event)
		}
	}
	want := []testkit.AuditEvent{
		{Verb: "create", Resource: "configmaps", Namespace: namespace},
		{Verb: "get", Resource: "configmaps", Namespace: namespace},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("audited requests (-want +got):\n%s", diff)
	}
}
