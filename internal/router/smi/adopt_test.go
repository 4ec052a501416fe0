package smi

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router/routertest"
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
			t.Log(test.reason)
			b := routertest.NewBench(t, provider(t, V1alpha2))
			b.LeavesAlone(test.users, "TrafficSplit podinfo."+b.Canary.Namespace+" "+test.want)
		})
	}
}

// A TrafficSplit that Flagger took over has no original: with the canary's end its users must still reach the apex
// Service.
func TestReleaseWithoutAnOriginalPointsAtTheApex(t *testing.T) {
	for name, v := range variants {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider(t, v))
			b.Canary.Spec.Service.Gateways = []string{"mesh"}
			left, err := render(v, b.Canary, nil, rollout.Split(40))
			if err != nil {
				t.Fatal(err)
			}
			b.Create(left, kube.FieldManager)
			b.Release()
			released := b.Routing()
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
	b := routertest.NewBench(t, provider(t, V1alpha3))
	b.Create(usersSplit(V1alpha3), "kubectl")
	if err := b.Router.Apply(t.Context(), b.Canary, rollout.Split(30)); err != nil {
		t.Fatal(err)
	}
	live := b.Routing()
	matches := []any{map[string]any{"kind": "HTTPRouteGroup", "name": "insiders"}}
	live.Object["spec"].(map[string]any)["matches"] = matches
	live.SetLabels(map[string]string{"later": "yes"})
	if err := b.Direct.Update(t.Context(), live, client.FieldOwner("kubectl")); err != nil {
		t.Fatal(err)
	}
	if err := b.Router.Release(t.Context(), b.Canary); err != nil {
		t.Fatal(err)
	}
	want := usersSplit(V1alpha3)
	want.Object["spec"].(map[string]any)["matches"] = matches
	released := b.Routing()
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

// made creates what Flagger made for the canary, in the version of v: no annotations, and plain writes.
func made(b *routertest.Bench, v Variant, weight rollout.Weight) {
	b.Helper()
	split, err := render(v, b.Canary, nil, rollout.Split(weight))
	if err != nil {
		b.Fatal(err)
	}
	split.SetAnnotations(nil)
	split.SetOwnerReferences([]metav1.OwnerReference{kube.OwnerReference(b.Canary)})
	b.Create(split, kube.FieldManager)
}

// What Flagger wrote divides traffic as before: the weights are read as they are, and the spec is not touched.
func TestFlaggersSplitsAreOurs(t *testing.T) {
	for name, v := range variants {
		t.Run(name, func(t *testing.T) {
			for _, weight := range []rollout.Weight{0, 40, 100} {
				b := routertest.NewBench(t, provider(t, v))
				made(b, v, weight)
				before := b.Routing()
				if got := b.Observe().Traffic; got != rollout.Split(weight) {
					t.Fatalf("got %+v, want %d", got, weight)
				}
				b.Settle(rollout.Split(weight))
				if b.Routing().GetGeneration() != before.GetGeneration() {
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
			for who, leave := range map[string]func(*routertest.Bench){
				"Flaggers": func(b *routertest.Bench) { made(b, from, 30) },
				"Ours":     func(b *routertest.Bench) { b.Settle(rollout.Split(30)) },
			} {
				t.Run(who+"/"+from.provider+"/"+to.provider, func(t *testing.T) {
					b := routertest.NewBench(t, provider(t, from))
					leave(b)
					b.Router = New(to, b.Deps)
					passesOver(b)
				})
			}
		}
	}
}

// passesOver checks that the router reads what another version left at 30 percent, and makes it its own.
func passesOver(b *routertest.Bench) {
	b.Helper()
	if got := b.Observe().Traffic; got != rollout.Split(30) {
		b.Fatalf("found %+v", got)
	}
	b.Settle(rollout.Split(40))
	b.Settle(rollout.Split(50))
	settled := b.Routing()
	if !kube.IsOwned(b.Canary, settled) || settled.GetAnnotations()["helm.toolkit.fluxcd.io/driftDetection"] != "disabled" {
		b.Errorf("the metadata is not that of ours: %v, %v", settled.GetOwnerReferences(), settled.GetAnnotations())
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
			b := routertest.NewBench(t, provider(t, test.provider))
			theirs := map[string]string{"example.com/theirs": "yes"}
			users := trafficSplit(test.user, "podinfo", backend{"service": "podinfo", "weight": test.weight})
			users.SetAnnotations(theirs)
			b.Create(users, "kubectl")
			for _, weight := range []rollout.Weight{0, 10, 100} {
				if err := b.Router.Apply(t.Context(), b.Canary, rollout.Split(weight)); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.Router.Release(t.Context(), b.Canary); err != nil {
				t.Fatal(err)
			}
			released := b.Routing()
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
	b := routertest.NewBench(t, provider(t, Linkerd))
	b.Settle(rollout.Split(30))
	b.Edit(V1alpha3.kind(), "podinfo", func(split *unstructured.Unstructured) {
		if err := divide(split, "podinfo", sides(int64(90), int64(10))); err != nil {
			t.Fatal(err)
		}
	})
	b.Settle(rollout.Split(30))
	b.Settle(rollout.Split(40))
}

// The TrafficSplit changed after it was read: nothing is known of what it is now.
func TestALateRecastChangesNothing(t *testing.T) {
	b := routertest.NewBench(t, provider(t, V1alpha2))
	made(b, V1alpha1, 30)
	late := b.Routing()
	b.Edit(V1alpha1.kind(), "podinfo", func(split *unstructured.Unstructured) {
		split.SetLabels(map[string]string{"later": "yes"})
	})
	manifest, err := desired(V1alpha2, b.Deps, b.Canary, late, rollout.Split(40))
	if err != nil {
		t.Fatal(err)
	}
	err = New(V1alpha2, b.Deps).write(t.Context(), late, manifest)
	if !apierrors.IsConflict(err) || !strings.HasPrefix(err.Error(), "TrafficSplit podinfo."+b.Canary.Namespace+" update error: ") {
		t.Errorf("got error %v, want a conflict", err)
	}
	if got := b.Observe().Traffic; got != rollout.Split(30) {
		t.Errorf("users were moved: %+v", got)
	}
}
