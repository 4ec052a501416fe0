package kube_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/testkit"
)

// cluster is a namespace of the API server with one ConfigMap in the middle of the story.
type cluster struct {
	*testing.T
	namespace string
	direct    client.WithWatch
	counting  client.Client
	writes    []string
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	direct, err := client.NewWithWatch(testkit.StartAPIServer(t), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	k := &cluster{T: t, direct: direct, namespace: testkit.NewNamespace(t, direct)}
	k.counting = interceptor.NewClient(direct, interceptor.Funcs{
		Apply: func(ctx context.Context, c client.WithWatch, obj runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			k.writes = append(k.writes, "apply")
			return c.Apply(ctx, obj, opts...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
			k.writes = append(k.writes, string(patch.Type()))
			return c.Patch(ctx, obj, patch, opts...)
		},
	})
	return k
}

// configMap is an object with data, and annotations in pairs.
func (k *cluster) configMap(data map[string]string, annotations ...string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{}}
	object.SetAPIVersion("v1")
	object.SetKind("ConfigMap")
	object.SetNamespace(k.namespace)
	object.SetName("story")
	if len(data) > 0 {
		values := map[string]any{}
		for key, value := range data {
			values[key] = value
		}
		object.Object["data"] = values
	}
	if len(annotations) > 0 {
		pairs := map[string]string{}
		for pair := range slices.Chunk(annotations, 2) {
			pairs[pair[0]] = pair[1]
		}
		object.SetAnnotations(pairs)
	}
	return object
}

// live is the object as a cache holds it, nil for none.
func (k *cluster) live() *unstructured.Unstructured {
	k.Helper()
	object := k.configMap(nil)
	err := k.direct.Get(k.Context(), client.ObjectKeyFromObject(object), object)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		k.Fatal(err)
	}
	object.SetManagedFields(nil)
	return object
}

func (k *cluster) createAs(manager string, object *unstructured.Unstructured) {
	k.Helper()
	if err := k.direct.Create(k.Context(), object, client.FieldOwner(manager)); err != nil {
		k.Fatal(err)
	}
}

func (k *cluster) applyAs(manager string, object *unstructured.Unstructured) {
	k.Helper()
	err := k.direct.Apply(k.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner(manager))
	if err != nil {
		k.Fatal(err)
	}
}

// apply applies want, whose data is whole, and compares the requests and the outcome; a second time must be silent.
func (k *cluster) apply(want *unstructured.Unstructured, requests []string, data, annotations map[string]string) {
	k.Helper()
	manifest := kube.Manifest{Object: want, Whole: []string{"data"}}
	k.writes = nil
	if err := kube.Apply(k.Context(), k.counting, k.live(), manifest); err != nil {
		k.Fatalf("apply: %v", err)
	}
	if diff := cmp.Diff(requests, k.writes); diff != "" {
		k.Errorf("requests (-want +got):\n%s", diff)
	}
	stored := k.live()
	got, _, _ := unstructured.NestedStringMap(stored.Object, "data")
	if !maps.Equal(data, got) {
		k.Errorf("data: %s", cmp.Diff(data, got))
	}
	if !maps.Equal(annotations, stored.GetAnnotations()) {
		k.Errorf("annotations: %s", cmp.Diff(annotations, stored.GetAnnotations()))
	}
	k.writes = nil
	if err := kube.Apply(k.Context(), k.counting, stored, manifest); err != nil || len(k.writes) > 0 {
		k.Errorf("a second apply sent %v, %v", k.writes, err)
	}
}

type values = map[string]string

func TestApply(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		before func(k *cluster)
		// data and notes are what is wanted.
		data  values
		notes []string
		// requests are what it takes, outcome and annotated what is stored then.
		requests           []string
		outcome, annotated values
	}{
		"Creates": {
			reason: "One request makes the object.",
			before: func(*cluster) {},
			data:   values{"a": "1"}, requests: []string{"apply"}, outcome: values{"a": "1"},
		},
		"Changes": {
			reason: "One request changes it, and drops what we wanted before.",
			before: func(k *cluster) {
				k.applyAs(kube.FieldManager, k.configMap(values{"a": "1", "b": "2"}, "ours", "before"))
			},
			data: values{"a": "2"}, requests: []string{"apply"}, outcome: values{"a": "2"},
		},
		"TakesWhatOthersSet": {
			reason: "A field of ours that somebody else has set comes back to us.",
			before: func(k *cluster) { k.applyAs("somebody", k.configMap(values{"a": "edited"})) },
			data:   values{"a": "1"}, requests: []string{"apply"}, outcome: values{"a": "1"},
		},
		"KeepsWhatOthersAdd": {
			reason: "Outside of the whole subtrees others may add what they like.",
			before: func(k *cluster) { k.applyAs("somebody", k.configMap(values{"a": "1"}, "theirs", "yes")) },
			data:   values{"a": "1"}, notes: []string{"ours", "yes"},
			requests: []string{"apply"}, outcome: values{"a": "1"}, annotated: values{"ours": "yes", "theirs": "yes"},
		},
		"PrunesWhatOthersAddToOurs": {
			reason: "An apply cannot remove what another manager owns, so a patch does, or every call would write again.",
			before: func(k *cluster) { k.applyAs("somebody", k.configMap(values{"a": "1", "b": "2"})) },
			data:   values{"a": "1"}, requests: []string{"apply", "application/merge-patch+json"}, outcome: values{"a": "1"},
		},
		"PrunesAWholeSubtree": {
			reason: "A subtree that we want empty is emptied.",
			before: func(k *cluster) { k.applyAs("somebody", k.configMap(values{"a": "1"})) },
			notes:  []string{"ours", "yes"}, requests: []string{"apply", "application/merge-patch+json"},
			annotated: values{"ours": "yes"},
		},
		"MigratesPlainWrites": {
			reason: "What Flagger wrote by plain updates goes when nobody wants it any more, although no cache says who wrote it.",
			before: func(k *cluster) { k.createAs(kube.FieldManager, k.configMap(values{"a": "1"}, "stale", "yes")) },
			data:   values{"a": "2"}, requests: []string{"apply", "application/json-patch+json", "apply"}, outcome: values{"a": "2"},
		},
		"LeavesTheFieldsOfOthersInAMigration": {
			reason: "Only the fields of our own manager change hands.",
			before: func(k *cluster) { k.createAs("kubectl", k.configMap(values{"a": "1"}, "theirs", "yes")) },
			data:   values{"a": "2"}, requests: []string{"apply"}, outcome: values{"a": "2"}, annotated: values{"theirs": "yes"},
		},
		"WritesNothingWhereNothingDiffers": {
			reason: "Not even who owns the fields is worth a request.",
			before: func(k *cluster) { k.createAs("kubectl", k.configMap(values{"a": "1"}, "theirs", "yes")) },
			data:   values{"a": "1"}, outcome: values{"a": "1"}, annotated: values{"theirs": "yes"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(test.reason)
			k := newCluster(t)
			test.before(k)
			k.apply(k.configMap(test.data, test.notes...), test.requests, test.outcome, test.annotated)
		})
	}
}

// What the cache has not seen yet is left as it is: the next attempt knows more.
func TestApplyLosesRaces(t *testing.T) {
	for name, race := range map[string]func(k *cluster) (*unstructured.Unstructured, *unstructured.Unstructured){
		"TheObjectHasJustAppeared": func(k *cluster) (live, want *unstructured.Unstructured) {
			k.createAs("kubectl", k.configMap(values{"a": "theirs"}))
			return nil, k.configMap(values{"a": "ours"})
		},
		"TheObjectHasChangedSinceItWasSaved": func(k *cluster) (live, want *unstructured.Unstructured) {
			k.createAs("kubectl", k.configMap(values{"a": "before"}))
			live = k.live()
			k.applyAs("somebody", k.configMap(values{"a": "before", "b": "theirs"}))
			want = k.configMap(values{"a": "ours"}, "saved", "before")
			want.SetResourceVersion(live.GetResourceVersion())
			return live, want
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := newCluster(t)
			live, want := race(k)
			before := k.live()
			err := kube.Apply(t.Context(), k.direct, live, kube.Manifest{Object: want, Whole: []string{"data"}})
			if !apierrors.IsConflict(err) {
				t.Errorf("got error %v, want a conflict", err)
			}
			if diff := cmp.Diff(before.Object, k.live().Object); diff != "" {
				t.Errorf("the object was changed (-before +after):\n%s", diff)
			}
		})
	}
}
