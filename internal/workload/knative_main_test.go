package workload

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
)

// The revisions of the story, in the order in which they are pushed.
const (
	firstRevision  = "podinfo-00001"
	secondRevision = "podinfo-00002"
)

// knativeCluster is a namespace of a real API server, with the Knative Service podinfo and a canary of it.
type knativeCluster struct {
	cluster
	target *KnativeService
	canary *v1beta1.Canary
	// cached and live are what target works with.
	cached, live *recorder
}

// newKnativeCluster has a Service whose first revision is ready and serves, in the state that changes make of it.
func newKnativeCluster(t *testing.T, changes ...func(*unstructured.Unstructured)) knativeCluster {
	t.Helper()
	testkit.StartAPIServer(t, knativeCRDs(t)...)
	k := newCluster(t)
	c := k.canary()
	c.Spec.TargetRef = v1beta1.LocalObjectReference{APIVersion: "serving.knative.dev/v1", Kind: "Service", Name: "podinfo"}
	cached, live := &recorder{Client: k.Client}, &recorder{Client: k.Client}
	created := knativeCluster{cluster: k, canary: c, cached: cached, live: live, target: NewKnativeService(Options{Client: cached, Live: live})}
	object := knativeObject(knativeServiceKind, "podinfo")
	object.SetNamespace(k.namespace)
	object.Object["spec"] = map[string]any{
		"template": map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "podinfo", "image": "app:1"}}}},
		"traffic":  []any{map[string]any{"latestRevision": true, "percent": int64(100)}},
	}
	k.create(t, object)
	created.edit(t, append([]func(*unstructured.Unstructured){pushed(firstRevision), ready(firstRevision)}, changes...)...)
	return created
}

// knativeCRDs are the paths of Knative's own CRD of Services, which is kept beside the checkout, and of what stands in
// for the one of revisions.
func knativeCRDs(t *testing.T) []string {
	t.Helper()
	beside := filepath.Join("..", "shared", "crds", "knative_services.yaml")
	services := filepath.Join(testkit.Root(), beside)
	if _, err := os.Stat(services); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the CRD is not beside the checkout: %s", beside)
	}
	return []string{services, filepath.Join("internal", "workload", "testdata", "knative", "revisions.yaml")}
}

func knativeObject(kind schema.GroupVersionKind, name string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{}}
	object.SetGroupVersionKind(kind)
	object.SetName(name)
	return object
}

// stored is the Service as it is stored.
func (k knativeCluster) stored(t *testing.T) *unstructured.Unstructured {
	t.Helper()
	object := knativeObject(knativeServiceKind, "podinfo")
	k.get(t, "podinfo", object)
	return object
}

// edit changes the Service as its user and Knative would.
func (k knativeCluster) edit(t *testing.T, changes ...func(*unstructured.Unstructured)) {
	t.Helper()
	object := k.stored(t)
	for _, change := range changes {
		change(object)
	}
	status := object.Object["status"]
	if err := k.Update(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	object.Object["status"] = status
	if observed, found := status.(map[string]any); found {
		observed["observedGeneration"] = object.GetGeneration()
	}
	if err := k.Status().Update(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}

// revisionIs makes a revision whose condition Ready has that status.
func (k knativeCluster) revisionIs(t *testing.T, name, status string) {
	t.Helper()
	object := knativeObject(knativeRevisionKind, name)
	object.SetNamespace(k.namespace)
	says("Ready", status, "Container failed with: exit 1")(object)
	k.create(t, object)
}

// pushed is a template of which Knative has made a revision, and ready one whose revision could serve.
func pushed(name string) func(*unstructured.Unstructured) {
	return reports("latestCreatedRevisionName", name)
}
func ready(name string) func(*unstructured.Unstructured) {
	return reports("latestReadyRevisionName", name)
}

func reports(field, value string) func(*unstructured.Unstructured) {
	return func(object *unstructured.Unstructured) {
		status, _ := object.Object["status"].(map[string]any)
		next := map[string]any{field: value}
		for key, old := range status {
			if key != field {
				next[key] = old
			}
		}
		object.Object["status"] = next
	}
}

// says adds a condition.
func says(kind, status, message string) func(*unstructured.Unstructured) {
	return func(object *unstructured.Unstructured) {
		before, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
		condition := map[string]any{"type": kind, "status": status, "reason": "Told", "message": message, "lastTransitionTime": "2026-01-01T00:00:00Z"}
		if err := unstructured.SetNestedSlice(object.Object, append(before, condition), "status", "conditions"); err != nil {
			panic(err)
		}
	}
}

// servedBy is a Service that has the revision as its primary.
func servedBy(name string) func(*unstructured.Unstructured) {
	return func(object *unstructured.Unstructured) {
		annotations := map[string]string{primaryRevisionAnnotation: name}
		maps.Copy(annotations, object.GetAnnotations())
		object.SetAnnotations(annotations)
	}
}

// routed is a Service whose users are at revisions by name.
func routed(names ...string) func(*unstructured.Unstructured) {
	return func(object *unstructured.Unstructured) {
		var list []any
		for _, name := range names {
			list = append(list, map[string]any{"revisionName": name, "latestRevision": false, "percent": int64(100 / len(names))})
		}
		if err := unstructured.SetNestedSlice(object.Object, list, "spec", "traffic"); err != nil {
			panic(err)
		}
	}
}

// controlled is a Service that another controller made.
func controlled(object *unstructured.Unstructured) {
	yes := true
	object.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "example.com/v1", Kind: "Shop", Name: "shop", UID: "1", Controller: &yes}})
}

// withoutKnative is a client of an API server that does not know Knative.
func withoutKnative(t *testing.T) client.Client {
	t.Helper()
	bare, err := client.New(testkit.StartAPIServer(t), client.Options{Mapper: meta.NewDefaultRESTMapper(nil)})
	if err != nil {
		t.Fatal(err)
	}
	return bare
}
