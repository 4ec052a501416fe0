package router_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
)

// original is what a provider could keep.
type original struct {
	v1beta1.CustomMetadata
	Service string `json:"service"`
}

// route is a routing object with annotations.
func route(annotations map[string]string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{}}
	object.SetAPIVersion("example.com/v1")
	object.SetKind("Route")
	object.SetNamespace("test")
	object.SetName("podinfo")
	object.SetAnnotations(annotations)
	return object
}

func TestTakeOver(t *testing.T) {
	const saved = `{"service":"before"}`
	before := func() (*original, error) { return &original{Service: "podinfo"}, nil }
	unasked := func() (*original, error) { return nil, errors.New("there is an original already") }
	for name, test := range map[string]struct {
		reason   string
		live     map[string]string
		original func() (*original, error)
		want     map[string]string
		version  string
	}{
		"First": {
			reason:   "The original is kept, and must be that of the object which is overwritten.",
			original: before, want: map[string]string{router.OriginalAnnotation: `{"service":"podinfo"}`}, version: "7",
		},
		"Again": {
			reason: "What is there now is ours and no original.", live: map[string]string{router.OriginalAnnotation: saved},
			original: unasked, want: map[string]string{router.OriginalAnnotation: saved},
		},
		"ByFlagger": {
			reason:   "It kept no original, and what is there is not one.",
			original: func() (*original, error) { return nil, nil },
		},
	} {
		t.Run(name, func(t *testing.T) {
			live, rendered := route(test.live), route(nil)
			live.SetResourceVersion("7")
			if err := router.TakeOver(live, rendered, test.original); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, rendered.GetAnnotations()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
			if got := rendered.GetResourceVersion(); got != test.version {
				t.Errorf("%s The write insists on version %q, want %q", test.reason, got, test.version)
			}
		})
	}
}

func TestTakeOverRefuses(t *testing.T) {
	controlled := route(nil)
	controlled.SetOwnerReferences([]metav1.OwnerReference{{Kind: "App", Name: "shop", UID: "1", Controller: new(true)}})
	err := router.TakeOver(controlled, route(nil), func() (*original, error) { return &original{}, nil })
	if !errors.Is(err, router.ErrForeign) || !strings.HasPrefix(err.Error(), "Route podinfo.test is controlled by App shop: ") {
		t.Errorf("what another controller made: got error %v", err)
	}
	mirrors := router.Foreign(route(nil), "has spec.%s", "mirroring")
	rendered := route(nil)
	err = router.TakeOver(route(nil), rendered, func() (*original, error) { return nil, mirrors })
	if !errors.Is(err, router.ErrForeign) || len(rendered.GetAnnotations()) > 0 {
		t.Errorf("what the provider refuses: got error %v, %v", err, rendered.GetAnnotations())
	}
}

func TestIsUnclaimed(t *testing.T) {
	c := routertest.Canary()
	for name, test := range map[string]struct {
		claim func(*unstructured.Unstructured)
		want  bool
	}{
		"Nobody":         {claim: func(*unstructured.Unstructured) {}, want: true},
		"OwnCluster":     {claim: func(object *unstructured.Unstructured) { router.Deps{Owned: true}.Claim(c, object) }},
		"AnotherCluster": {claim: func(object *unstructured.Unstructured) { router.Deps{}.Claim(c, object) }},
		"NoController": {
			claim: func(object *unstructured.Unstructured) {
				object.SetOwnerReferences([]metav1.OwnerReference{{Kind: "App", Name: "shop", UID: "1"}})
			},
			want: true,
		},
	} {
		object := route(nil)
		test.claim(object)
		if got := router.IsUnclaimed(object); got != test.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}

func TestSavedOriginal(t *testing.T) {
	rendered := route(nil)
	want := &original{Service: "podinfo", CustomMetadata: v1beta1.CustomMetadata{Labels: map[string]string{"team": "a"}}}
	if err := router.TakeOver(route(nil), rendered, func() (*original, error) { return want, nil }); err != nil {
		t.Fatal(err)
	}
	got, err := router.SavedOriginal[original](rendered)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-saved +read):\n%s", diff)
	}
	if got, err := router.SavedOriginal[original](route(nil)); got != nil || err != nil {
		t.Errorf("nothing was saved, but got %+v, %v", got, err)
	}
	broken := route(map[string]string{router.OriginalAnnotation: "{"})
	if _, err := router.SavedOriginal[original](broken); err == nil || !strings.HasPrefix(err.Error(), "read the original of Route podinfo.test: ") {
		t.Errorf("got error %v, want one that names the object", err)
	}
}

// What a user changes while the canary has the object stays changed; what was overwritten comes back.
func TestPutBack(t *testing.T) {
	ours := v1beta1.CustomMetadata{
		Labels:      map[string]string{"team": "ours"},
		Annotations: map[string]string{"guard": "on", "note": "ours"},
	}
	rendered := route(ours.Annotations)
	rendered.SetLabels(ours.Labels)
	users := route(map[string]string{"note": "theirs", "other": "theirs"})
	users.SetLabels(map[string]string{"team": "theirs", "app": "podinfo"})
	overwritten := router.Overwritten(users, rendered)
	want := v1beta1.CustomMetadata{Labels: map[string]string{"team": "theirs"}, Annotations: map[string]string{"note": "theirs"}}
	if diff := cmp.Diff(want, overwritten); diff != "" {
		t.Errorf("overwritten (-want +got):\n%s", diff)
	}

	live := route(map[string]string{"guard": "on", "note": "ours", "other": "changed", router.OriginalAnnotation: "{}"})
	live.SetLabels(map[string]string{"team": "ours", "later": "yes"})
	router.PutBack(live, ours, overwritten)
	if diff := cmp.Diff(map[string]string{"note": "theirs", "other": "changed"}, live.GetAnnotations()); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"team": "theirs", "later": "yes"}, live.GetLabels()); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
}

func TestApexMetadata(t *testing.T) {
	c := routertest.Canary()
	guards := map[string]string{"kustomize.toolkit.fluxcd.io/reconcile": "disabled", "helm.toolkit.fluxcd.io/driftDetection": "disabled"}
	if diff := cmp.Diff(v1beta1.CustomMetadata{Annotations: guards}, router.ApexMetadata(c)); diff != "" {
		t.Errorf("without any (-want +got):\n%s", diff)
	}
	c.Spec.Service.Apex = &v1beta1.CustomMetadata{Labels: map[string]string{"team": "a"}, Annotations: map[string]string{"note": "b"}}
	guards["note"] = "b"
	want := v1beta1.CustomMetadata{Labels: map[string]string{"team": "a"}, Annotations: guards}
	if diff := cmp.Diff(want, router.ApexMetadata(c)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
