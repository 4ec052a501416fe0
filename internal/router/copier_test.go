package router_test

import (
	"errors"
	"strconv"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
	"flagger.app/flagger/internal/testkit"
)

// errRender is why a copy cannot be made, though the spec is valid.
var errRender = errors.New("no weights")

// copying keeps the canary's weight in a ConfigMap beside the user's. A copy that is unclaimed and has a weight is
// Flagger's.
func copying() router.Copying {
	weight := func(object *unstructured.Unstructured) (rollout.Weight, bool) {
		text, found, _ := unstructured.NestedString(object.Object, "data", "weight")
		percent, _ := strconv.Atoi(text)
		return rollout.Weight(percent), found
	}
	return router.Copying{
		Kind: kind, Field: "spec.ingressRef",
		Texts: router.CopyTexts{
			GetSource: "source %s.%s: %w", Get: "copy %s.%s: %w", Foreign: "foreign %s.%s: %w",
			Texts: router.Texts{Create: "create %s.%s: %w", Update: "update %s.%s: %w"},
		},
		Validate: func(c *v1beta1.Canary) error {
			if c.Spec.Service.Port != 80 {
				return router.InvalidSpec(errors.New("the port"))
			}
			return nil
		},
		Source: func(c *v1beta1.Canary) string {
			if c.Spec.IngressRef == nil {
				return ""
			}
			return c.Spec.IngressRef.Name
		},
		Copy: func(*v1beta1.Canary) string { return "copy" },
		Render: func(c *v1beta1.Canary, source *unstructured.Unstructured, want rollout.Traffic) (*unstructured.Unstructured, error) {
			if source.GetAnnotations()["broken"] != "" {
				return nil, errRender
			}
			object := router.CopyOf(c, source, "copy")
			delete(object.Object, "spec") // a ConfigMap has none
			object.Object["data"] = map[string]any{"weight": strconv.Itoa(int(want.Canary))}
			return object, nil
		},
		Read: func(_ *v1beta1.Canary, copied *unstructured.Unstructured) rollout.Traffic {
			percent, _ := weight(copied)
			return rollout.Split(percent)
		},
		Acceptance: router.NeverTold,
		Empty: func(_ *v1beta1.Canary, copied *unstructured.Unstructured) *unstructured.Unstructured {
			return weighing(copied, "0")
		},
		IsFlaggers: func(_ *v1beta1.Canary, copied *unstructured.Unstructured) bool {
			_, found := weight(copied)
			return found
		},
	}
}

// referring is the canary of a cluster, with a reference to the ConfigMap in it, and left as the copy.
func referring(t *testing.T, left map[string]any) (client.Client, *v1beta1.Canary) {
	t.Helper()
	direct, c, source := cluster(t)
	c.Spec.IngressRef = &v1beta1.LocalObjectReference{Name: source.GetName()}
	if left == nil {
		return direct, c
	}
	copied := source.DeepCopy()
	copied.SetName("copy")
	copied.SetResourceVersion("")
	copied.SetUID("")
	copied.Object["data"] = left
	if err := direct.Create(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	return direct, c
}

func TestReleaseOfACopy(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		left   map[string]any
		change func(*v1beta1.Canary)
		stays  bool
	}{
		"Flaggers": {reason: "It would lead to Services that go with the canary.", left: map[string]any{"weight": "40"}},
		"InvalidSpec": {
			reason: "A spec that was broken after the run keeps nothing alive.", left: map[string]any{"weight": "40"},
			change: func(c *v1beta1.Canary) { c.Spec.Service.Port = 0 },
		},
		"NoReference": {
			reason: "A canary without one has no copy, whatever has the name.", left: map[string]any{"weight": "40"},
			change: func(c *v1beta1.Canary) { c.Spec.IngressRef = nil }, stays: true,
		},
		"SomebodyElses": {reason: "It is not the canary's to remove.", left: map[string]any{"mine": "yes"}, stays: true},
		"Nothing":       {reason: "What is not there is released."},
	} {
		t.Run(name, func(t *testing.T) {
			direct, c := referring(t, test.left)
			if test.change != nil {
				test.change(c)
			}
			deps := router.Deps{Client: direct}
			for range 2 {
				if err := router.NewCopier(copying(), deps).Release(t.Context(), c); err != nil {
					t.Errorf("%s Got error %v", test.reason, err)
				}
			}
			copied, err := deps.Get(t.Context(), kind, c.Namespace, "copy")
			if err != nil || (copied != nil) != test.stays {
				t.Errorf("%s Got %v, %v", test.reason, copied, err)
			}
			if source, err := deps.Get(t.Context(), kind, c.Namespace, "podinfo"); source == nil {
				t.Errorf("the user's object went too: %v", err)
			}
		})
	}
}

// What bears Flagger's marks is the canary's, unless somebody else claims it.
func TestWhoseCopy(t *testing.T) {
	other := routertest.Canary()
	other.UID = "8a1f4c0e-0000-4000-8000-000000000002"
	for name, test := range map[string]struct {
		reason string
		left   map[string]any
		claim  func(*unstructured.Unstructured)
		ours   bool
	}{
		"Flaggers":      {reason: "A Flagger with another cluster's routes set no owners.", left: map[string]any{"weight": "40"}, ours: true},
		"SomebodyElses": {reason: "Only the name is the same.", left: map[string]any{"mine": "yes"}},
		"AnotherClustersCanary": {
			reason: "The annotation stands in for an owner reference.", left: map[string]any{"weight": "40"},
			claim: func(copied *unstructured.Unstructured) { router.Deps{}.Claim(other, copied) },
		},
		"AnotherController": {
			reason: "Its controller would write it back.", left: map[string]any{"weight": "40"},
			claim: func(copied *unstructured.Unstructured) { router.Deps{Owned: true}.Claim(other, copied) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			direct, c := referring(t, test.left)
			deps := router.Deps{Client: direct, Owned: true}
			if test.claim != nil {
				claimed, err := deps.Get(t.Context(), kind, c.Namespace, "copy")
				if err != nil {
					t.Fatal(err)
				}
				test.claim(claimed)
				if err := direct.Update(t.Context(), claimed); err != nil {
					t.Fatal(err)
				}
			}
			copier := router.NewCopier(copying(), deps)
			if _, err := copier.Observe(t.Context(), c); test.ours != (err == nil) || err != nil && !errors.Is(err, router.ErrNotFound) {
				t.Errorf("%s Observe: got error %v", test.reason, err)
			}
			if err := copier.Apply(t.Context(), c, rollout.Split(50)); test.ours != (err == nil) || err != nil && !errors.Is(err, router.ErrForeign) {
				t.Errorf("%s Apply: got error %v", test.reason, err)
			}
			copied, err := deps.Get(t.Context(), kind, c.Namespace, "copy")
			if err != nil || test.ours != deps.Claimed(c, copied) {
				t.Errorf("%s Got %v, %v", test.reason, copied, err)
			}
		})
	}
}

func TestNoCopyToReleaseWithoutTheCRD(t *testing.T) {
	bare, err := client.New(testkit.StartAPIServer(t), client.Options{Mapper: meta.NewDefaultRESTMapper(nil)})
	if err != nil {
		t.Fatal(err)
	}
	c := routertest.Canary()
	c.Spec.IngressRef = &v1beta1.LocalObjectReference{Name: "podinfo"}
	if err := router.NewCopier(copying(), router.Deps{Client: bare}).Release(t.Context(), c); err != nil {
		t.Errorf("got error %v, but a cluster without the kind has none to delete", err)
	}
}

// Only where nothing can be copied for good are users brought back by less than a copy.
func TestAFailedCopyMovesNobody(t *testing.T) {
	direct, c := referring(t, map[string]any{"weight": "40"})
	deps := router.Deps{Client: direct, Owned: true}
	copier := router.NewCopier(copying(), deps)
	source, err := deps.Get(t.Context(), kind, c.Namespace, "podinfo")
	if err != nil {
		t.Fatal(err)
	}
	source.SetAnnotations(map[string]string{"broken": "yes"})
	if err := direct.Update(t.Context(), source); err != nil {
		t.Fatal(err)
	}
	if err := copier.Apply(t.Context(), c, rollout.ToPrimary()); !errors.Is(err, errRender) {
		t.Errorf("got error %v", err)
	}
	routing, err := copier.Observe(t.Context(), c)
	if err != nil || routing.Traffic != rollout.Split(40) {
		t.Errorf("got %+v, %v", routing, err)
	}
	if err := direct.Delete(t.Context(), source); err != nil {
		t.Fatal(err)
	}
	if err := copier.Apply(t.Context(), c, rollout.Split(50)); !errors.Is(err, router.ErrInvalidSpec) || err.Error() != "spec.ingressRef: source podinfo."+c.Namespace+": not found" {
		t.Errorf("got error %v, want one that names the reference", err)
	}
	if err := copier.Apply(t.Context(), c, rollout.ToPrimary()); err != nil {
		t.Errorf("users must come back, but got error %v", err)
	}
	if routing, err = copier.Observe(t.Context(), c); err != nil || routing.Traffic != rollout.ToPrimary() {
		t.Errorf("got %+v, %v", routing, err)
	}
}
