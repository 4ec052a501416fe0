package charts

import (
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/internal/testkit"
)

// apiServer returns the API server with the kinds that charts make objects of, ours included.
func apiServer(t *testing.T) *rest.Config {
	t.Helper()
	return testkit.StartAPIServer(t, filepath.Join("config", "crd", "bases"),
		filepath.Join("test", "charts", "testdata", "kinds.yaml"))
}

// cluster returns a client that refuses unknown fields.
func cluster(t *testing.T) client.Client {
	t.Helper()
	c, err := client.New(apiServer(t), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return client.WithFieldValidation(c, metav1.FieldValidationStrict)
}

// dryRun offers the objects to the API server, which keeps none of them.
func dryRun(t *testing.T, c client.Client, objects []*unstructured.Unstructured) {
	t.Helper()
	for _, object := range objects {
		if err := c.Create(t.Context(), object.DeepCopy(), client.DryRunAll); err != nil {
			t.Errorf("%s %s: %v", object.GetKind(), object.GetName(), err)
		}
	}
}

// restrictedNamespace makes a namespace whose pods must meet the restricted pod security standard.
func restrictedNamespace(t *testing.T, c client.Client) string {
	t.Helper()
	namespace := &corev1.Namespace{}
	namespace.Name = testkit.NewNamespace(t, c)
	label := client.RawPatch("application/merge-patch+json",
		[]byte(`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"restricted"}}}`))
	if err := c.Patch(t.Context(), namespace, label); err != nil {
		t.Fatal(err)
	}
	return namespace.Name
}

// podOf returns a pod as the Deployment would make it.
func podOf(t *testing.T, deployment *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	template, _, err := unstructured.NestedMap(deployment.Object, "spec", "template")
	if err != nil {
		t.Fatal(err)
	}
	pod := &unstructured.Unstructured{Object: template}
	pod.SetAPIVersion("v1")
	pod.SetKind("Pod")
	pod.SetNamespace(deployment.GetNamespace())
	pod.SetName(deployment.GetName())
	return pod
}
