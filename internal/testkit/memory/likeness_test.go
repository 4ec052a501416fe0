package memory_test

import (
	"context"
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
)

// script asks a server for things and writes down what becomes of them.
type script struct {
	context.Context
	client.Client
	namespace string
	lines     []string
	seen      map[string]string // resource versions
}

// did notes the outcome of a request: its error, or what the object has become.
func (s *script) did(title string, object client.Object, err error) {
	if err != nil {
		s.lines = append(s.lines, title+": "+reason(err))
		return
	}
	key := fmt.Sprintf("%T %s", object, object.GetName())
	news := "nothing changed"
	if s.seen[key] != object.GetResourceVersion() {
		news = "changed"
	}
	s.seen[key] = object.GetResourceVersion()
	s.lines = append(s.lines, fmt.Sprintf("%s: %s, generation %d, labels %v, annotations %v, finalizers %v, owners %d, deleted %t",
		title, news, object.GetGeneration(), object.GetLabels(), object.GetAnnotations(), object.GetFinalizers(),
		len(object.GetOwnerReferences()), object.GetDeletionTimestamp() != nil))
}

func (s *script) note(format string, args ...any) {
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

// patch merges a patch into an object.
func (s *script) patch(title string, object client.Object, patch string) {
	s.did(title, object, s.Patch(s, object, client.RawPatch(types.MergePatchType, []byte(patch))))
}

// apply applies a configuration of a canary.
func (s *script) apply(title, name, manager string, content map[string]any, options ...client.ApplyOption) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: content}
	object.SetGroupVersionKind(canaryKind)
	object.SetNamespace(s.namespace)
	object.SetName(name)
	err := s.Apply(s, client.ApplyConfigurationFromUnstructured(object), append(options, client.FieldOwner(manager))...)
	s.did(title, object, err)
	if err == nil {
		analysis, _, _ := unstructured.NestedFieldNoCopy(object.Object, "spec", "analysis")
		s.note("  analysis %v", analysis)
	}
	return object
}

// spec of a canary that says what is to be seen.
func spec(analysis map[string]any) map[string]any {
	return map[string]any{"spec": map[string]any{
		"targetRef": map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
		"service":   map[string]any{"port": int64(80)},
		"analysis":  analysis,
	}}
}

// likenesses are what the adapters rely on.
var likenesses = map[string]func(*script){
	"Create": func(s *script) {
		d := testkit.Deployment("app:1")
		d.Namespace = s.namespace
		d.Status.Replicas = 7
		s.did("create", d, s.Create(s, d))
		s.note("replicas reported %d", d.Status.Replicas)
		again := testkit.Deployment("app:1")
		again.Namespace = s.namespace
		s.did("create again", again, s.Create(s, again))
		s.did("get another", d, s.Get(s, client.ObjectKey{Namespace: s.namespace, Name: "other"}, d))
	},
	"Generations": func(s *script) {
		d := testkit.Deployment("app:1")
		d.Namespace = s.namespace
		s.did("create", d, s.Create(s, d))
		s.patch("label", d, `{"metadata":{"labels":{"a":"b"}}}`)
		s.patch("annotate", d, `{"metadata":{"annotations":{"a":"b"}}}`)
		s.patch("scale", d, `{"spec":{"replicas":5}}`)
		s.patch("scale likewise", d, `{"spec":{"replicas":5}}`)
		s.patch("remove the label", d, `{"metadata":{"labels":{"a":null}}}`)
		c := testkit.Canary()
		c.Namespace = s.namespace
		s.did("create a canary", c, s.Create(s, c))
		s.patch("annotate the canary", c, `{"metadata":{"annotations":{"a":"b"}}}`)
		s.patch("suspend the canary", c, `{"spec":{"suspend":true}}`)
	},
	"Status": func(s *script) {
		c := testkit.Canary()
		c.Namespace = s.namespace
		s.did("create", c, s.Create(s, c))
		s.patch("main with status", c, `{"status":{"canaryWeight":10,"phase":"Failed","failedChecks":0,"iterations":0}}`)
		s.note("weight %d", c.Status.CanaryWeight)
		c.Spec.Suspend, c.Labels = true, map[string]string{"a": "b"}
		c.Status = v1beta1.CanaryStatus{Phase: v1beta1.PhaseFailed, CanaryWeight: 20}
		s.did("status with spec", c, s.Status().Update(s, c))
		s.note("suspended %t, weight %d", c.Spec.Suspend, c.Status.CanaryWeight)
		s.did("status likewise", c, s.Status().Update(s, c))
		s.did("patch the status", c, s.Status().Patch(s, c, client.RawPatch(types.MergePatchType, []byte(`{"status":{"canaryWeight":30}}`))))
		s.note("phase %s, weight %d", c.Status.Phase, c.Status.CanaryWeight)
	},
	"Locks": func(s *script) {
		config := configMap("config", "a")
		config.Namespace = s.namespace
		s.did("create", config, s.Create(s, config))
		old := config.DeepCopy()
		config.Data["says"] = "b"
		s.did("update", config, s.Update(s, config))
		s.did("update likewise", config, s.Update(s, config))
		s.did("update an old one", old, s.Update(s, old))
		before := old.DeepCopy()
		old.Data["says"] = "c"
		s.did("patch an old one", old, s.Patch(s, old, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})))
		blind := configMap("config", "d")
		blind.Namespace = s.namespace
		s.did("update without a version", blind, s.Update(s, blind))
		uid := types.UID("another")
		s.did("delete another", blind, s.Delete(s, blind, client.Preconditions{UID: &uid}))
		stale := before.ResourceVersion
		s.did("delete an old one", blind, s.Delete(s, blind, client.Preconditions{ResourceVersion: &stale}))
		s.did("update what is not there", blind, s.Update(s, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "none"}}))
	},
	"Deletion": func(s *script) {
		c := testkit.Canary()
		c.Namespace, c.Finalizers = s.namespace, []string{"test.flagger.app/hold"}
		key := client.ObjectKeyFromObject(c)
		s.did("create", c, s.Create(s, c))
		s.note("delete: %s", reason(s.Delete(s, c)))
		s.did("get", c, s.Get(s, key, c))
		s.note("delete again: %s", reason(s.Delete(s, c)))
		s.did("get", c, s.Get(s, key, c))
		s.did("let go", c, s.Patch(s, c, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))))
		s.did("get", c, s.Get(s, key, c))
		s.note("delete what is gone: %s", reason(s.Delete(s, c)))
	},
	"Apply": func(s *script) {
		analysis := func(steps []any, more map[string]any) map[string]any {
			maps.Copy(more, map[string]any{"interval": "1m", "threshold": int64(2), "stepWeights": steps})
			return spec(more)
		}
		low, high := []any{int64(10)}, []any{int64(20), int64(30)}
		mirrored := func() map[string]any { return map[string]any{"mirrorWeight": int64(40)} }
		s.apply("create", "a", "flagger", analysis(low, mirrored()))
		s.apply("likewise", "a", "flagger", analysis(low, mirrored()))
		s.apply("withdraw and change", "a", "flagger", analysis(high, map[string]any{}))
		added := &v1beta1.Canary{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "a"}}
		s.patch("somebody adds", added, `{"spec":{"analysis":{"mirrorWeight":60}}}`)
		s.patch("somebody changes", added, `{"spec":{"analysis":{"stepWeights":[50]}}}`)
		s.apply("without force", "a", "flagger", analysis(low, map[string]any{}))
		s.apply("with force", "a", "flagger", analysis(low, map[string]any{}), client.ForceOwnership)
		s.apply("take over", "a", "flagger", analysis(low, mirrored()), client.ForceOwnership)
		s.apply("withdraw what was taken over", "a", "flagger", analysis(low, map[string]any{}), client.ForceOwnership)
	},
	"ApplyToAnothers": func(s *script) {
		c := testkit.Canary()
		c.Namespace = s.namespace
		s.did("create", c, s.Create(s, c))
		manifest := func() map[string]any { return spec(map[string]any{"interval": "2m"}) }
		s.apply("without force", c.Name, "flagger", manifest())
		owned := manifest()
		owned["metadata"] = map[string]any{"ownerReferences": []any{map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "name": "config", "uid": "8d9c6b46-4d5c-4a4e-8a9e-0c3b5a0f3f11",
		}}}
		s.apply("with force and an owner", c.Name, "flagger", owned, client.ForceOwnership)
		stale := manifest()
		stale["metadata"] = map[string]any{"resourceVersion": c.ResourceVersion}
		s.apply("an old one", c.Name, "flagger", stale, client.ForceOwnership)
		s.apply("without the owner", c.Name, "flagger", manifest(), client.ForceOwnership)
	},
}

// TestLikeness tells the same story to a real API server: simulations prove nothing about a server that is none.
func TestLikeness(t *testing.T) {
	cfg := testkit.StartAPIServer(t, "config/crd/bases")
	real, err := client.New(cfg, client.Options{Scheme: scheme})
	must(t, err)
	for name, tell := range likenesses {
		t.Run(name, func(t *testing.T) {
			want := &script{Context: t.Context(), Client: real, namespace: testkit.NewNamespace(t, real), seen: map[string]string{}}
			got := &script{Context: t.Context(), Client: newServer().Direct(), namespace: namespace, seen: map[string]string{}}
			tell(want)
			tell(got)
			if diff := cmp.Diff(want.lines, got.lines); diff != "" {
				t.Errorf("the server in memory must do as the real one (-real +memory):\n%s", diff)
			}
		})
	}
}
