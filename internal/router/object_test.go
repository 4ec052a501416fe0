package router_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
	"flagger.app/flagger/internal/testkit"
)

// kind stands for that of a routing object.
var kind = corev1.SchemeGroupVersion.WithKind("ConfigMap")

// cluster is a namespace with one object, as the API server has it, and its canary.
func cluster(t *testing.T) (client.Client, *v1beta1.Canary, *unstructured.Unstructured) {
	t.Helper()
	direct, err := client.New(testkit.StartAPIServer(t), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := routertest.Canary()
	c.Namespace = testkit.NewNamespace(t, direct)
	object := &unstructured.Unstructured{Object: map[string]any{"data": map[string]any{"weight": "10"}}}
	object.SetGroupVersionKind(kind)
	object.SetNamespace(c.Namespace)
	object.SetName("podinfo")
	if err := direct.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	return direct, c, object
}

// weighing is a copy of object with another weight.
func weighing(object *unstructured.Unstructured, weight string) *unstructured.Unstructured {
	changed := object.DeepCopy()
	changed.Object["data"] = map[string]any{"weight": weight}
	return changed
}

func TestGet(t *testing.T) {
	direct, c, object := cluster(t)
	deps := router.Deps{Client: direct, Owned: true}
	for name, want := range map[string]*unstructured.Unstructured{"podinfo": object, "nothing": nil} {
		got, err := deps.Get(t.Context(), kind, c.Namespace, name)
		if err != nil {
			t.Fatalf("get %s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	unknown := schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Route"}
	_, err := deps.Get(t.Context(), unknown, c.Namespace, "podinfo")
	if !meta.IsNoMatchError(err) || !strings.Contains(err.Error(), "the CRD of Route in example.com/v1") {
		t.Errorf("got error %v, want one that names the CRD", err)
	}
}

func TestWrite(t *testing.T) {
	direct, c, live := cluster(t)
	deps := router.Deps{Client: direct, Owned: true}
	texts := router.Texts{Create: "route %s.%s is not made: %w", Update: "route %s.%s is not changed: %w"}
	wanted := func(name, weight string) kube.Manifest {
		object := &unstructured.Unstructured{Object: map[string]any{"data": map[string]any{"weight": weight}}}
		object.SetGroupVersionKind(kind)
		object.SetNamespace(c.Namespace)
		object.SetName(name)
		return kube.Manifest{Object: object}
	}
	if err := deps.Write(t.Context(), live, wanted("podinfo", "20"), texts); err != nil {
		t.Fatal(err)
	}
	if err := deps.Write(t.Context(), nil, wanted("second", "20"), texts); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		live *unstructured.Unstructured
		want string
	}{
		"Create": {want: "route UPPER." + c.Namespace + " is not made: "},
		"Update": {live: live, want: "route UPPER." + c.Namespace + " is not changed: "},
	} {
		err := deps.Write(t.Context(), test.live, wanted("UPPER", "20"), texts)
		if !apierrors.IsInvalid(err) || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: got error %v, want %q", name, err, test.want)
		}
	}
}

func TestFindAndNeed(t *testing.T) {
	const text = "route %s.%s is not read: %w"
	direct, c, object := cluster(t)
	deps := router.Deps{Client: direct, Owned: true}
	for name, read := range map[string]func() (*unstructured.Unstructured, error){
		"Find": func() (*unstructured.Unstructured, error) { return deps.Find(t.Context(), c, kind, text) },
		"Need": func() (*unstructured.Unstructured, error) { return deps.Need(t.Context(), c, kind, text) },
	} {
		c.Spec.TargetRef.Name = "podinfo"
		got, err := read()
		if diff := cmp.Diff(object, got); err != nil || diff != "" {
			t.Errorf("%s: got error %v, object (-want +got):\n%s", name, err, diff)
		}
		c.Spec.TargetRef.Name = "nothing"
		got, err = read()
		if got != nil || errors.Is(err, router.ErrNotFound) != (name == "Need") {
			t.Errorf("%s of nothing: got %v, %v", name, got, err)
		}
		if want := "route nothing." + c.Namespace + " is not read: "; err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s of nothing: got error %v, want %q", name, err, want)
		}
	}
	unknown := schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Route"}
	_, err := deps.Need(t.Context(), c, unknown, text)
	if !meta.IsNoMatchError(err) || !strings.HasPrefix(err.Error(), "route nothing."+c.Namespace+" is not read: ") {
		t.Errorf("got error %v, want that there is no such kind", err)
	}
}

func TestDescribe(t *testing.T) {
	object := route(nil)
	if got := router.Describe(object); got != "Route podinfo.test" {
		t.Errorf("got %q", got)
	}
	object.SetNamespace("")
	if got := router.Describe(object); got != "Route podinfo" {
		t.Errorf("in no namespace: got %q", got)
	}
}

func TestStepTexts(t *testing.T) {
	texts := router.StepTexts{Create: "c", SetWeights: "s", Reconcile: "r"}
	mirrored := rollout.ToPrimary()
	mirrored.Mirrored = true
	for _, test := range []struct {
		found, want rollout.Traffic
		update      string
	}{
		{rollout.ToPrimary(), rollout.Split(10), "s"},
		{rollout.Split(10), rollout.Split(10), "r"},
		{rollout.ToPrimary(), mirrored, "r"},
		{rollout.Traffic{}, rollout.ToPrimary(), "s"},
	} {
		if got := texts.For(test.found, test.want); got != (router.Texts{Create: "c", Update: test.update}) {
			t.Errorf("from %+v to %+v: got %+v", test.found, test.want, got)
		}
	}
}

// An object that is written twice is what was wanted in the end, and a lock on the first version holds for the second.
func TestRewrite(t *testing.T) {
	texts := router.Texts{Create: "route %s.%s is not made: %w", Update: "route %s.%s is not changed: %w"}
	for name, test := range map[string]struct {
		reason string
		clear  bool
		locked bool
	}{
		"Write":  {reason: "There is nothing to clear."},
		"Clear":  {reason: "An apply alone would leave what others put there.", clear: true},
		"Locked": {reason: "It is still the object that was read.", clear: true, locked: true},
	} {
		t.Run(name, func(t *testing.T) {
			direct, _, live := cluster(t)
			var cleared *unstructured.Unstructured
			if test.clear {
				cleared = live.DeepCopy()
				cleared.Object["data"] = map[string]any{}
			}
			want := weighing(live, "20")
			unstructured.RemoveNestedField(want.Object, "metadata", "managedFields")
			want.SetResourceVersion("")
			if test.locked {
				want.SetResourceVersion(live.GetResourceVersion())
			}
			before := want.DeepCopy()
			deps := router.Deps{Client: direct, Owned: true}
			if err := deps.Rewrite(t.Context(), live, cleared, kube.Manifest{Object: want}, texts); err != nil {
				t.Fatalf("%s Got error %v", test.reason, err)
			}
			if diff := cmp.Diff(before, want); diff != "" {
				t.Errorf("the manifest was changed (-before +after):\n%s", diff)
			}
			stored, err := deps.Get(t.Context(), kind, live.GetNamespace(), live.GetName())
			if err != nil || !cmp.Equal(want.Object["data"], stored.Object["data"]) {
				t.Errorf("%s Got %v, %v", test.reason, stored.Object["data"], err)
			}
			if !test.clear {
				return
			}
			err = deps.Rewrite(t.Context(), live, cleared, kube.Manifest{Object: want}, texts)
			if !apierrors.IsConflict(err) || !strings.HasPrefix(err.Error(), "route podinfo."+live.GetNamespace()+" is not changed: ") {
				t.Errorf("from what is outdated: got error %v, want a conflict", err)
			}
		})
	}
}

func TestSwapRefusesWhatIsOutdated(t *testing.T) {
	direct, c, object := cluster(t)
	deps := router.Deps{Client: direct, Owned: true}
	if err := deps.Swap(t.Context(), object, weighing(object, "20")); err != nil {
		t.Fatal(err)
	}
	if err := deps.Swap(t.Context(), object, weighing(object, "30")); !apierrors.IsConflict(err) {
		t.Errorf("got error %v, want a conflict", err)
	}
	live, err := deps.Get(t.Context(), kind, c.Namespace, "podinfo")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(weighing(object, "20").Object["data"], live.Object["data"]); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
	managers := map[string]bool{}
	for _, entry := range live.GetManagedFields() {
		managers[entry.Manager] = true
	}
	if !managers[kube.FieldManager] {
		t.Errorf("the write was that of %v", managers)
	}
}

func TestDiscard(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		owned  bool
	}{
		"OwnCluster":     {reason: "The garbage collector may take the primary first.", owned: true},
		"AnotherCluster": {reason: "Nobody else would."},
	} {
		t.Run(name, func(t *testing.T) {
			direct, c, object := cluster(t)
			deps := router.Deps{Client: direct, Owned: test.owned}
			for range 2 {
				if err := deps.Discard(t.Context(), object); err != nil {
					t.Fatal(err)
				}
			}
			live, err := deps.Get(t.Context(), kind, c.Namespace, "podinfo")
			if err != nil || live != nil {
				t.Errorf("%s Got %v, %v", test.reason, live, err)
			}
		})
	}
}

func TestDiscardLeavesAnObjectMadeAnew(t *testing.T) {
	direct, _, object := cluster(t)
	object.SetUID("8a1f4c0e-0000-4000-8000-000000000009")
	err := router.Deps{Client: direct}.Discard(t.Context(), object)
	if !apierrors.IsConflict(err) || !strings.HasPrefix(err.Error(), "ConfigMap podinfo."+object.GetNamespace()+" delete error: ") {
		t.Errorf("got error %v, want a conflict about the object", err)
	}
}

func TestRelease(t *testing.T) {
	broken := errors.New("no original")
	for name, test := range map[string]struct {
		reason   string
		claimed  bool
		handBack func(*unstructured.Unstructured) (*unstructured.Unstructured, error)
		want     error
		// weight is what is left; empty where the object is gone.
		weight string
	}{
		"Claimed": {
			reason: "What was made for the canary goes with it, and is nobody's to hand back.", claimed: true,
			handBack: func(*unstructured.Unstructured) (*unstructured.Unstructured, error) { return nil, broken },
		},
		"TakenOver": {
			reason: "A user's object is the user's again.",
			handBack: func(live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
				return weighing(live, "100"), nil
			},
			weight: "100",
		},
		"NeverTakenOver": {
			reason:   "Nothing was changed, so nothing is undone.",
			handBack: func(*unstructured.Unstructured) (*unstructured.Unstructured, error) { return nil, nil },
			weight:   "10",
		},
		"Unreadable": {
			reason:   "What cannot be restored is left as it is.",
			handBack: func(*unstructured.Unstructured) (*unstructured.Unstructured, error) { return nil, broken },
			want:     broken, weight: "10",
		},
	} {
		t.Run(name, func(t *testing.T) {
			direct, c, live := cluster(t)
			deps := router.Deps{Client: direct}
			if test.claimed {
				deps.Claim(c, live)
			}
			err := deps.Release(t.Context(), c, live, func(_ *v1beta1.Canary, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
				return test.handBack(live)
			})
			if !errors.Is(err, test.want) {
				t.Errorf("%s Got error %v", test.reason, err)
			}
			left, err := deps.Get(t.Context(), kind, c.Namespace, "podinfo")
			if err != nil {
				t.Fatal(err)
			}
			weight := ""
			if left != nil {
				weight, _, _ = unstructured.NestedString(left.Object, "data", "weight")
			}
			if weight != test.weight {
				t.Errorf("%s The weight is %q, want %q", test.reason, weight, test.weight)
			}
		})
	}
}

// restored is a handBack that moves the weight to 100.
func restored(_ *v1beta1.Canary, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	return weighing(live, "100"), nil
}

func TestReleaseOfWhatIsGone(t *testing.T) {
	direct, c, live := cluster(t)
	deps := router.Deps{Client: direct, Owned: true}
	if err := deps.Release(t.Context(), c, nil, restored); err != nil {
		t.Errorf("there is nothing to release, but got error %v", err)
	}
	if err := direct.Delete(t.Context(), live); err != nil {
		t.Fatal(err)
	}
	if err := deps.Release(t.Context(), c, live, restored); err != nil {
		t.Errorf("the user removed it meanwhile, but got error %v", err)
	}
}

func TestReleaseOfWhatChangedIsAConflict(t *testing.T) {
	direct, c, live := cluster(t)
	if err := direct.Update(t.Context(), weighing(live, "30")); err != nil {
		t.Fatal(err)
	}
	err := router.Deps{Client: direct}.Release(t.Context(), c, live, restored)
	if !apierrors.IsConflict(err) || !strings.HasPrefix(err.Error(), "ConfigMap podinfo."+c.Namespace+" update error: ") {
		t.Errorf("got error %v, want a conflict about the object", err)
	}
}
