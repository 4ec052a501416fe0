package controller

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/testkit"
)

// publishedGroup is where the API server of these tests serves the CRD that Flagger 1.44.0 comes with, beside ours.
const publishedGroup = "published.flagger.app"

// What Flagger knows of a canary's status, and of a condition in it.
var (
	knownOfStatus = []string{
		"phase", "failedChecks", "canaryWeight", "iterations", "lastAppliedSpec", "lastPromotedSpec", "trackedConfigs",
		"sessionAffinityCookie", "previousSessionAffinityCookie", "primarySessionAffinityCookie", "lastTransitionTime", "conditions",
	}
	knownOfCondition = []string{"type", "status", "reason", "message", "lastUpdateTime", "lastTransitionTime"}
)

// TestAdoptionKeepsTheFinalizer starts our operator over a canary that is to be reverted on deletion, and deletes it.
func TestAdoptionKeepsTheFinalizer(t *testing.T) {
	eachRecording(t, func(t *testing.T, name string) {
		t.Parallel()
		w, r := inherit(t, name)
		state := r.atRest(t)["Succeeded"]
		w.load(r, state, testkit.RevertOnDeletion(), func(c *v1beta1.Canary) { c.Finalizers = []string{Finalizer} })
		w.staysAsItIs(state)
		expect(t, "There is one, and it is the one that Flagger looks for.", []string{"finalizer.flagger.app"}, w.canary().Finalizers)
		w.remove(testkit.Canary())
		w.untilSo("the canary is gone", w.gone)
		expect(t, "The target serves, with as many pods as the primary.", "2", last(w.seen.replicas))
		expect(t, "Nothing else is told.", farewell, w.said())
	})
}

// handsBack checks that Flagger could take the namespace over as it is now: it holds what Flagger's own objects were in
// the recording, nothing less and nothing else, and a status that Flagger's CRD accepts.
func (w *world) handsBack(recorded moment) {
	w.Helper()
	now := w.now()
	expect(w, "Flagger finds its objects and no others.", forms(recorded), forms(now))
	c := w.canary()
	expect(w, "The spec is the user's.", int64(1), c.Generation)
	expect(w, "So is the metadata.", [][]string{nil, nil, nil},
		[][]string{c.Finalizers, slices.Collect(maps.Keys(c.Labels)), slices.Collect(maps.Keys(c.Annotations))})
	w.acceptedByPublishedCRD()
}

// leavesNoPlainWrites checks that what Flagger wrote into those objects is ours to take back: fields of its plain writes
// would stay for ever.
func (w *world) leavesNoPlainWrites(keys ...string) {
	w.Helper()
	m := w.now()
	for _, key := range keys {
		object := unstructured.Unstructured{Object: m.Objects[key]}
		for _, entry := range object.GetManagedFields() {
			plain := entry.Operation == metav1.ManagedFieldsOperationUpdate && entry.Subresource == ""
			if plain && entry.Manager == kube.FieldManager {
				w.Errorf("%s still has fields of plain writes", key)
			}
		}
	}
}

// forms are the objects of a moment without what the API server sets, what differs from copy to copy, and our own
// annotations.
func forms(m moment) map[string]tree {
	found := map[string]tree{}
	for key, object := range m.Objects {
		found[key] = form(object)
	}
	return found
}

func form(object tree) tree {
	o := unstructured.Unstructured{Object: runtime.DeepCopyJSON(object)}
	metadata := map[string]any{
		"name": o.GetName(), "labels": o.GetLabels(), "finalizers": o.GetFinalizers(), "annotations": withoutOurs(o.GetAnnotations()),
	}
	owners := o.GetOwnerReferences()
	for i := range owners {
		owners[i].UID = ""
	}
	metadata["ownerReferences"] = owners
	for _, set := range []string{"apiVersion", "kind", "status", "ready"} {
		delete(o.Object, set)
	}
	for _, set := range []string{"clusterIP", "clusterIPs", "ipFamilies"} {
		unstructured.RemoveNestedField(o.Object, "spec", set)
	}
	unstructured.RemoveNestedField(o.Object, "spec", "template", "metadata", "annotations", "flagger-id")
	if ports, _, err := unstructured.NestedSlice(o.Object, "spec", "ports"); err == nil && ports != nil {
		slices.SortFunc(ports, func(a, b any) int { return cmp.Compare(portOf(a), portOf(b)) })
		o.Object["spec"].(map[string]any)["ports"] = ports
	}
	o.Object["metadata"] = metadata
	return o.Object
}

func portOf(port any) int64 { return port.(map[string]any)["port"].(int64) }

// withoutOurs are annotations without those that Flagger does not know and leaves alone.
func withoutOurs(annotations map[string]string) map[string]string {
	kept := maps.Clone(annotations)
	maps.DeleteFunc(kept, func(key, _ string) bool { return strings.HasPrefix(key, "flagger.app/") })
	if len(kept) == 0 {
		return nil
	}
	return kept
}

// acceptedByPublishedCRD stores the canary a second time, under the CRD that Flagger comes with.
func (w *world) acceptedByPublishedCRD() {
	w.Helper()
	servePublishedCRD(w.T)
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(w.canary())
	must(w, err, "convert the canary")
	status := content["status"].(map[string]any)
	copied := &unstructured.Unstructured{Object: map[string]any{"spec": content["spec"]}}
	copied.SetGroupVersionKind(schema.GroupVersionKind{Group: publishedGroup, Version: v1beta1.GroupVersion.Version, Kind: v1beta1.CanaryKind})
	copied.SetNamespace(w.namespace)
	copied.SetName(testkit.App)
	must(w, w.direct.Create(w.ctx, copied), "store the canary under the published CRD")
	copied.Object["status"] = runtime.DeepCopyJSON(status)
	must(w, w.direct.Status().Update(w.ctx, copied), "store its status")

	only(status, knownOfStatus)
	for _, condition := range status["conditions"].([]any) {
		only(condition.(map[string]any), knownOfCondition)
	}
	expect(w, "Flagger reads all that it knows, and nothing else.", tree(status), tree(copied.Object["status"].(map[string]any)))
}

// only drops what is not among the fields.
func only(object map[string]any, fields []string) {
	maps.DeleteFunc(object, func(field string, _ any) bool { return !slices.Contains(fields, field) })
}

// publishing serves the published CRD once for all tests.
var publishing sync.Mutex

var isPublished bool

func servePublishedCRD(t *testing.T) {
	t.Helper()
	publishing.Lock()
	defer publishing.Unlock()
	if isPublished {
		return
	}
	published, err := os.ReadFile(filepath.Join(testkit.Root(), "..", "shared", "crds", "flagger_1.44.0.yaml"))
	must(t, err, "read the published CRDs")
	for document := range strings.SplitSeq(string(published), "\n---\n") {
		crd := apiextensionsv1.CustomResourceDefinition{}
		must(t, yaml.Unmarshal([]byte(document), &crd), "decode a CRD")
		if crd.Name != "canaries.flagger.app" {
			continue
		}
		crd.Name, crd.Spec.Group = "canaries."+publishedGroup, publishedGroup
		moved, err := yaml.Marshal(crd)
		must(t, err, "encode the CRD")
		file := filepath.Join(t.TempDir(), fmt.Sprintf("%s.yaml", crd.Name))
		must(t, os.WriteFile(file, moved, 0o600), "write the CRD")
		testkit.StartAPIServer(t, file)
		isPublished = true
	}
	if !isPublished {
		t.Fatal("the published CRDs have none of canaries")
	}
}
