package smi

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

func TestWhatIsNotTakenOver(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		users  *unstructured.Unstructured
		// want is what the error says, besides the object's name.
		want string
	}{
		"AnotherRoot": {
			reason: "It divides the traffic of somebody else, who would lose it.",
			users:  trafficSplit(V1alpha2, "shop", backend{"service": "podinfo", "weight": int64(1)}),
			want:   "divides the traffic of shop, not of podinfo",
		},
		"ARootOfAnotherNamespace": {
			reason: "A Service of the name somewhere else is another Service.",
			users:  trafficSplit(V1alpha2, "podinfo.other", backend{"service": "podinfo", "weight": int64(1)}),
			want:   "divides the traffic of podinfo.other, not of podinfo",
		},
		"AnotherBackend": {
			reason: "A part of the traffic is for somebody else.",
			users:  trafficSplit(V1alpha2, "podinfo", backend{"service": "podinfo", "weight": int64(9)}, backend{"service": "old", "weight": int64(1)}),
			want:   "leads in spec.backends[1] to old, not to Service podinfo",
		},
	} {
		t.Run(name, func(t *testing.T) {
			direct, r, c := bench(t, V1alpha2)
			create(t, direct, c, test.users, "kubectl")
			before := stored(t, r, c).GetResourceVersion()
			err := r.Apply(t.Context(), c, rollout.ToPrimary())
			if !errors.Is(err, router.ErrForeign) || !strings.HasPrefix(err.Error(), "TrafficSplit podinfo."+c.Namespace+" "+test.want) {
				t.Errorf("%s Got error %v, want %q", test.reason, err, test.want)
			}
			if err := r.Release(t.Context(), c); err != nil {
				t.Errorf("release: %v", err)
			}
			if stored(t, r, c).GetResourceVersion() != before {
				t.Error("the user's object was written")
			}
		})
	}
}

func TestAnotherControllersIsNamed(t *testing.T) {
	live := trafficSplit(V1alpha2, "podinfo", sides(int64(0), int64(100))...)
	live.SetOwnerReferences([]metav1.OwnerReference{{Kind: "App", Name: "podinfo", UID: "1", Controller: new(true)}})
	_, err := desired(V1alpha2, router.Deps{Owned: true}, canary(), live, rollout.ToPrimary())
	if !errors.Is(err, router.ErrForeign) || !strings.Contains(err.Error(), "TrafficSplit podinfo.test is controlled by App podinfo") {
		t.Errorf("got error %v", err)
	}
}

// A TrafficSplit that Flagger took over has no original: with the canary's end its users must still reach the apex
// Service.
func TestReleaseWithoutAnOriginalPointsAtTheApex(t *testing.T) {
	for name, v := range variants {
		t.Run(name, func(t *testing.T) {
			direct, r, c := bench(t, v)
			c.Spec.Service.Gateways = []string{"mesh"}
			left, err := render(v, c, nil, rollout.Split(40))
			if err != nil {
				t.Fatal(err)
			}
			create(t, direct, c, left, kube.FieldManager)
			for range 2 {
				if err := r.Release(t.Context(), c); err != nil {
					t.Fatal(err)
				}
			}
			released := stored(t, r, c)
			apex := trafficSplit(v, "podinfo", backend{"service": "podinfo", "weight": v.form(nil)(100)})
			if diff := cmp.Diff(apex.Object["spec"], released.Object["spec"]); diff != "" {
				t.Errorf("spec (-want +got):\n%s", diff)
			}
			if annotations := released.GetAnnotations(); len(annotations) > 0 {
				t.Errorf("annotations of ours are left: %v", annotations)
			}
		})
	}
}

// What a user changes beside the backends while the canary has them stays changed.
func TestReleaseKeepsWhatChangedMeanwhile(t *testing.T) {
	direct, r, c := bench(t, V1alpha3)
	create(t, direct, c, usersSplit(V1alpha3), "kubectl")
	if err := r.Apply(t.Context(), c, rollout.Split(30)); err != nil {
		t.Fatal(err)
	}
	live := stored(t, r, c)
	matches := []any{map[string]any{"kind": "HTTPRouteGroup", "name": "insiders"}}
	live.Object["spec"].(map[string]any)["matches"] = matches
	live.SetLabels(map[string]string{"later": "yes"})
	if err := direct.Update(t.Context(), live, client.FieldOwner("kubectl")); err != nil {
		t.Fatal(err)
	}
	if err := r.Release(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	want := usersSplit(V1alpha3)
	want.Object["spec"].(map[string]any)["matches"] = matches
	released := stored(t, r, c)
	if diff := cmp.Diff(want.Object["spec"], released.Object["spec"]); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want.GetAnnotations(), released.GetAnnotations()); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"later": "yes"}, released.GetLabels()); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
}

func TestReleaseOfABrokenOriginalIsAnError(t *testing.T) {
	live := trafficSplit(V1alpha2, "podinfo", sides(int64(0), int64(100))...)
	live.SetAnnotations(map[string]string{originalAnnotation: "{"})
	if _, err := V1alpha2.handBack(canary(), live); err == nil || !strings.HasPrefix(err.Error(), "read the original of TrafficSplit podinfo.test: ") {
		t.Errorf("got error %v", err)
	}
}

// made creates what Flagger made for c, in the version of v: no annotations, and plain writes.
func made(t *testing.T, direct client.Client, c *v1beta1.Canary, v Variant, weight rollout.Weight) {
	t.Helper()
	split, err := render(v, c, nil, rollout.Split(weight))
	if err != nil {
		t.Fatal(err)
	}
	split.SetAnnotations(nil)
	split.SetOwnerReferences([]metav1.OwnerReference{kube.OwnerReference(c)})
	create(t, direct, c, split, kube.FieldManager)
}

// What Flagger wrote divides traffic as before: the weights are read as they are, and the spec is not touched.
func TestFlaggersSplitsAreOurs(t *testing.T) {
	for name, v := range variants {
		t.Run(name, func(t *testing.T) {
			for _, weight := range []rollout.Weight{0, 40, 100} {
				direct, r, c := bench(t, v)
				made(t, direct, c, v, weight)
				before := stored(t, r, c)
				routing, err := r.Observe(t.Context(), c)
				if err != nil || routing.Traffic != rollout.Split(weight) {
					t.Fatalf("got %+v, %v, want %d", routing, err, weight)
				}
				if err := r.Apply(t.Context(), c, rollout.Split(weight)); err != nil {
					t.Fatal(err)
				}
				if stored(t, r, c).GetGeneration() != before.GetGeneration() {
					t.Errorf("at %d the spec of what Flagger left was rewritten", weight)
				}
			}
		})
	}
}

// A canary that goes over to another version of the API, in the middle of a run, takes its TrafficSplit along. The API
// server converts nothing: what one version left is what the other finds.
func TestAnotherVersionTakesOver(t *testing.T) {
	for _, from := range []Variant{Linkerd, V1alpha2, V1alpha3} {
		for _, to := range []Variant{Linkerd, OSM, V1alpha3} {
			for who, leave := range map[string]func(*testing.T, client.Client, *Router, *v1beta1.Canary){
				"Flaggers": func(t *testing.T, direct client.Client, r *Router, c *v1beta1.Canary) {
					made(t, direct, c, r.variant, 30)
				},
				"Ours": func(t *testing.T, _ client.Client, r *Router, c *v1beta1.Canary) {
					if err := r.Apply(t.Context(), c, rollout.Split(30)); err != nil {
						t.Fatal(err)
					}
				},
			} {
				t.Run(who+"/"+from.provider+"/"+to.provider, func(t *testing.T) {
					direct, before, c := bench(t, from)
					leave(t, direct, before, c)
					passesOver(t, New(to, router.Deps{Client: direct, Owned: true}), c)
				})
			}
		}
	}
}

// passesOver checks that r reads what another version left at 30 percent, and makes it its own.
func passesOver(t *testing.T, r *Router, c *v1beta1.Canary) {
	t.Helper()
	for _, weight := range []rollout.Weight{30, 40, 50} {
		if weight > 30 { // the first look is at what the other left
			if err := r.Apply(t.Context(), c, rollout.Split(weight)); err != nil {
				t.Fatal(err)
			}
		}
		routing, err := r.Observe(t.Context(), c)
		if err != nil || routing.Traffic != rollout.Split(weight) {
			t.Fatalf("got %+v, %v, want %d", routing, err, weight)
		}
	}
	settled := stored(t, r, c)
	if err := r.Apply(t.Context(), c, rollout.Split(50)); err != nil {
		t.Fatal(err)
	}
	if stored(t, r, c).GetResourceVersion() != settled.GetResourceVersion() {
		t.Error("a second Apply wrote")
	}
	if !kube.IsOwned(c, settled) || settled.GetAnnotations()["helm.toolkit.fluxcd.io/driftDetection"] != "disabled" {
		t.Errorf("the metadata is not that of ours: %v, %v", settled.GetOwnerReferences(), settled.GetAnnotations())
	}
}

// A user writes in the version that kubectl prefers, which need not be the provider's.
func TestAUsersVersionIsTakenOver(t *testing.T) {
	for _, test := range []struct {
		user, provider Variant
		// weight is what the user wrote, released what is handed back.
		weight, released any
	}{
		{user: V1alpha1, provider: Linkerd, weight: "500m", released: "500m"},
		{user: V1alpha1, provider: V1alpha2, weight: "500m", released: 0.5},
		{user: V1alpha1, provider: V1alpha3, weight: "2", released: int64(2)},
		{user: V1alpha2, provider: Linkerd, weight: int64(2), released: int64(2)},
		{user: V1alpha3, provider: OSM, weight: 1.5, released: 1.5},
	} {
		t.Run(test.user.api+"/"+test.provider.provider, func(t *testing.T) {
			direct, r, c := bench(t, test.provider)
			theirs := map[string]string{"example.com/theirs": "yes"}
			users := trafficSplit(test.user, "podinfo", backend{"service": "podinfo", "weight": test.weight})
			users.SetAnnotations(theirs)
			create(t, direct, c, users, "kubectl")
			for _, weight := range []rollout.Weight{0, 10, 100} {
				if err := r.Apply(t.Context(), c, rollout.Split(weight)); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.Release(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			released := stored(t, r, c)
			want := trafficSplit(test.user, "podinfo", backend{"service": "podinfo", "weight": test.released})
			if diff := cmp.Diff(want.Object["spec"], released.Object["spec"]); diff != "" {
				t.Errorf("spec (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(theirs, released.GetAnnotations()); diff != "" {
				t.Errorf("annotations (-want +got):\n%s", diff)
			}
		})
	}
}

// Whoever writes in another version makes the API server forget who owns which field, but not us.
func TestAnEditInAnotherVersionIsRepaired(t *testing.T) {
	direct, r, c := bench(t, Linkerd)
	if err := r.Apply(t.Context(), c, rollout.Split(30)); err != nil {
		t.Fatal(err)
	}
	edited := stored(t, New(V1alpha3, r.deps), c)
	if err := divide(edited, "podinfo", sides(int64(90), int64(10))); err != nil {
		t.Fatal(err)
	}
	if err := direct.Update(t.Context(), edited, client.FieldOwner("kubectl-edit")); err != nil {
		t.Fatal(err)
	}
	for _, weight := range []rollout.Weight{30, 40} {
		if err := r.Apply(t.Context(), c, rollout.Split(weight)); err != nil {
			t.Fatal(err)
		}
		if routing, err := r.Observe(t.Context(), c); err != nil || routing.Traffic != rollout.Split(weight) {
			t.Errorf("got %+v, %v, want %d", routing, err, weight)
		}
	}
}

// The TrafficSplit changed after it was read: nothing is known of what it is now.
func TestALateRecastChangesNothing(t *testing.T) {
	direct, r, c := bench(t, V1alpha2)
	made(t, direct, c, V1alpha1, 30)
	late := stored(t, r, c)
	made := stored(t, New(V1alpha1, r.deps), c)
	made.SetLabels(map[string]string{"later": "yes"})
	if err := direct.Update(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	manifest, err := desired(r.variant, r.deps, c, late, rollout.Split(40))
	if err != nil {
		t.Fatal(err)
	}
	err = r.write(t.Context(), late, manifest)
	if !apierrors.IsConflict(err) || !strings.HasPrefix(err.Error(), "TrafficSplit podinfo."+c.Namespace+" update error: ") {
		t.Errorf("got error %v, want a conflict", err)
	}
	if routing, err := r.Observe(t.Context(), c); err != nil || routing.Traffic != rollout.Split(30) {
		t.Errorf("users were moved: %+v, %v", routing, err)
	}
}
