package traefik

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router/routertest"
)

func TestWhatIsNotTakenOver(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		spec   map[string]any
		// want is what the error says, besides the object's name.
		want string
	}{
		"Mirroring": {
			reason: "It copies requests, which would stop in silence.",
			spec:   map[string]any{"mirroring": map[string]any{"name": "podinfo"}},
			want:   "has spec.mirroring",
		},
		"MirroringBesidesAnEmptyList": {
			reason: "An empty list has the same effect as none.",
			spec:   map[string]any{"mirroring": map[string]any{"name": "podinfo"}, "weighted": map[string]any{}},
			want:   "has spec.mirroring",
		},
		"HighestRandomWeight": {
			reason: "It divides by client, not by weight.",
			spec:   map[string]any{"highestRandomWeight": map[string]any{"services": []any{map[string]any{"name": "podinfo"}}}},
			want:   "has spec.highestRandomWeight",
		},
		"AnotherService": {
			reason: "A part of the traffic is for somebody else, who would lose it.",
			spec:   weighted(entry{"name": "podinfo", "port": int64(80)}, entry{"name": "old", "port": int64(80)}),
			want:   "leads in spec.weighted.services[1] to old, not to Service podinfo",
		},
		"AnotherNamespace": {
			reason: "A Service of the name somewhere else is another Service.",
			spec:   weighted(entry{"name": "podinfo", "namespace": "other", "port": int64(80)}),
			want:   "leads in spec.weighted.services[0] to podinfo",
		},
		"ATraefikService": {
			reason: "What it leads to is not known here.",
			spec:   weighted(entry{"name": "podinfo", "kind": "TraefikService"}),
			want:   "leads in spec.weighted.services[0] to podinfo",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(test.reason)
			b := routertest.NewBench(t, provider(t, current))
			b.LeavesAlone(traefikService(test.spec), "TraefikService podinfo."+b.Canary.Namespace+" "+test.want)
		})
	}
}

// A TraefikService that Flagger took over has no original: with the canary's end its users must still reach the apex
// Service, in the way that they reached its sides.
func TestReleaseWithoutAnOriginalPointsAtTheApex(t *testing.T) {
	for name, want := range map[string]rollout.Traffic{
		"AtRest": rollout.ToPrimary(), "AStep": rollout.Split(40), "Switched": rollout.ToCanary(),
	} {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider(t, current))
			b.Canary.Spec.Service.Apex = &v1beta1.CustomMetadata{Labels: map[string]string{"team": "a"}}
			users := traefikService(weighted(entry{"name": "podinfo", "port": int64(80), "scheme": "h2c"}))
			users.SetNamespace(b.Canary.Namespace)
			left, err := render(current, b.Canary, users, want)
			if err != nil {
				t.Fatal(err)
			}
			b.Create(left, kube.FieldManager)
			b.Release()
			released := b.Routing()
			apex := weighted(entry{"name": "podinfo", "namespace": b.Canary.Namespace, "port": int64(80), "scheme": "h2c", "weight": int64(100)})
			if diff := cmp.Diff(apex, released.Object["spec"]); diff != "" {
				t.Errorf("spec (-want +got):\n%s", diff)
			}
			if len(released.GetAnnotations())+len(released.GetLabels()) > 0 {
				t.Errorf("metadata of ours is left: %v, %v", released.GetAnnotations(), released.GetLabels())
			}
		})
	}
}

// What a user changes beside the list while the canary has it stays changed; what was overwritten comes back.
func TestReleaseKeepsWhatChangedMeanwhile(t *testing.T) {
	for name, test := range map[string]struct {
		before, after map[string]any
		sticky        bool
	}{
		"AList":   {before: weighted(entry{"name": "podinfo", "port": int64(80)}), after: weighted(entry{"name": "podinfo", "port": int64(80)}), sticky: true},
		"NoList":  {before: map[string]any{"weighted": map[string]any{}}, after: map[string]any{"weighted": map[string]any{}}, sticky: true},
		"Nothing": {before: map[string]any{}, after: map[string]any{}},
	} {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider(t, current))
			b.Canary.Spec.Service.Apex = &v1beta1.CustomMetadata{Labels: map[string]string{"team": "a", "tier": "web"}}
			users := traefikService(test.before)
			users.SetLabels(map[string]string{"team": "b", "app": "podinfo"})
			b.Create(users, "kubectl")
			if err := b.Router.Apply(t.Context(), b.Canary, rollout.Split(30)); err != nil {
				t.Fatal(err)
			}
			live := b.Routing()
			if diff := cmp.Diff(map[string]string{"team": "a", "tier": "web", "app": "podinfo"}, live.GetLabels()); diff != "" {
				t.Errorf("labels of the canary's time (-want +got):\n%s", diff)
			}
			live.SetLabels(map[string]string{"team": "a", "later": "yes"})
			if test.sticky {
				sticky := map[string]any{"cookie": map[string]any{"name": "side"}}
				live.Object["spec"].(map[string]any)["weighted"].(map[string]any)["sticky"] = sticky
				test.after["weighted"].(map[string]any)["sticky"] = sticky
			}
			if err := b.Direct.Update(t.Context(), live, client.FieldOwner("kubectl")); err != nil {
				t.Fatal(err)
			}
			if err := b.Router.Release(t.Context(), b.Canary); err != nil {
				t.Fatal(err)
			}
			released := b.Routing()
			if diff := cmp.Diff(test.after, released.Object["spec"]); diff != "" {
				t.Errorf("spec (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(map[string]string{"team": "b", "later": "yes"}, released.GetLabels()); diff != "" {
				t.Errorf("labels (-want +got):\n%s", diff)
			}
			if len(released.GetAnnotations()) > 0 {
				t.Errorf("annotations of ours are left: %v", released.GetAnnotations())
			}
		})
	}
}

// What Flagger wrote is what we would write: the weights are read as they are, and nothing is sent.
func TestFlaggersServicesAreOurs(t *testing.T) {
	for name, test := range map[string]struct {
		sides map[string]any
		want  rollout.Traffic
	}{
		"AtRest": {sides: map[string]any{"podinfo-primary": int64(100)}, want: rollout.ToPrimary()},
		"AStep":  {sides: map[string]any{"podinfo-primary": int64(60), "podinfo-canary": int64(40)}, want: rollout.Split(40)},
	} {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider(t, current))
			var list []entry
			for _, name := range []string{"podinfo-primary", "podinfo-canary"} {
				if weight, found := test.sides[name]; found {
					e := side(name, weight)
					e["namespace"] = b.Canary.Namespace
					list = append(list, e)
				}
			}
			service := traefikService(weighted(list...))
			service.SetAnnotations(maps.Clone(kube.Guards))
			service.SetOwnerReferences([]metav1.OwnerReference{kube.OwnerReference(b.Canary)})
			b.Create(service, kube.FieldManager)
			before := b.Routing().GetResourceVersion()
			routing, err := b.Router.Observe(t.Context(), b.Canary)
			if err != nil || routing.Traffic != test.want {
				t.Fatalf("got %+v, %v, want %+v", routing, err, test.want)
			}
			if err := b.Router.Apply(t.Context(), b.Canary, test.want); err != nil {
				t.Fatal(err)
			}
			if b.Routing().GetResourceVersion() != before {
				t.Error("what Flagger left was rewritten")
			}
		})
	}
}
