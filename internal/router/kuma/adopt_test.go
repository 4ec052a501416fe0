package kuma

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
)

// sides is a conf that divides traffic between the canary's sides.
func sides(c *v1beta1.Canary, want rollout.Traffic) map[string]any {
	return map[string]any{"split": []any{
		portion(tag(c, router.PrimaryService(c)), int64(want.Primary)),
		portion(tag(c, router.CanaryService(c)), int64(want.Canary)),
	}}
}

// What Flagger left, or a canary of the name that is gone, is taken over with the traffic that it has, and goes with the
// canary. Flagger's own is what it is to be but for the claim.
func TestALeftTrafficRouteIsTakenOver(t *testing.T) {
	for name, test := range map[string]struct {
		reason      string
		annotations map[string]string
		name        func(*v1beta1.Canary) string
		left        rollout.Traffic
	}{
		"AtRest":   {reason: "Nobody is in a run.", name: plainName, left: rollout.ToPrimary()},
		"AStep":    {reason: "A run goes on where it was.", name: plainName, left: rollout.Split(40)},
		"Switched": {reason: "All users are at the canary and stay there.", name: plainName, left: rollout.ToCanary()},
		"Predecessors": {
			reason: "It leads to Services that are this canary's now.", name: plainName, left: rollout.Split(40),
			annotations: map[string]string{router.CreatorAnnotation: "8a1f4c0e-0000-4000-8000-000000000002"},
		},
		"PredecessorsFullName": {
			reason: "A second one under the other name would be its rival.", name: fullName, left: rollout.Split(40),
			annotations: map[string]string{router.CreatorAnnotation: "8a1f4c0e-0000-4000-8000-000000000002"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider(t))
			left := usersRoute(b.Canary, sides(b.Canary, test.left))
			left.SetName(test.name(b.Canary))
			annotations := maps.Clone(kube.Guards)
			maps.Copy(annotations, test.annotations)
			left.SetAnnotations(annotations)
			b.Create(left, kube.FieldManager)
			if got := b.Observe().Traffic; got != test.left {
				t.Errorf("%s Found %+v, want %+v", test.reason, got, test.left)
			}
			b.Settle(test.left)
			taken := b.Object(kind, left.GetName())
			b.HasNoPlainUpdates(taken)
			if diff := cmp.Diff(left.Object["spec"], taken.Object["spec"]); diff != "" {
				t.Errorf("spec (-before +after):\n%s", diff)
			}
			if err := b.Router.Release(t.Context(), b.Canary); err != nil {
				t.Fatal(err)
			}
			if b.Find(kind, left.GetName()) != nil {
				t.Error("it outlived the canary")
			}
		})
	}
}

// The canary may go before it ever touched what Flagger left.
func TestReleaseOfWhatFlaggerLeft(t *testing.T) {
	b := routertest.NewBench(t, provider(t))
	b.Create(usersRoute(b.Canary, sides(b.Canary, rollout.Split(40))), kube.FieldManager)
	b.Release()
	if b.Find(kind, "podinfo") != nil {
		t.Error("it leads to Services that go with the canary")
	}
}

func TestWhatIsNotTakenOver(t *testing.T) {
	set := func(value any, path ...string) func(*v1beta1.Canary, *unstructured.Unstructured) {
		return func(_ *v1beta1.Canary, route *unstructured.Unstructured) {
			if err := unstructured.SetNestedField(route.Object, value, path...); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, test := range map[string]struct {
		reason string
		change func(*v1beta1.Canary, *unstructured.Unstructured)
		// want is what the error says.
		want string
	}{
		"SomeSources": {
			reason: "The other services of the mesh are not sent by it.",
			change: set([]any{selector("web_test_svc_80")}, sourcesPath...),
			want:   "is for the sources [web_test_svc_80] alone",
		},
		"MoreDestinations": {
			reason: "Another service would lose its route.",
			change: func(c *v1beta1.Canary, route *unstructured.Unstructured) {
				set([]any{selector(tag(c, "podinfo")), selector("web_test_svc_80")}, destinationsPath...)(c, route)
			},
			want: "is for the destinations [",
		},
		"ByPath": {
			reason: "Requests by path would go elsewhere.",
			change: set([]any{map[string]any{"match": map[string]any{"path": map[string]any{"prefix": "/"}}}}, httpPath...),
			want:   "has spec.conf.http, which cannot be divided by weight",
		},
		"LeadsElsewhere": {
			reason: "The requests are somebody else's to answer.",
			change: set(map[string]any{serviceTag: "web_test_svc_80"}, destinationPath...),
			want:   "leads to web_test_svc_80, not to podinfo_",
		},
		"AnotherController": {
			reason: "Its controller would write it back.",
			change: func(_ *v1beta1.Canary, route *unstructured.Unstructured) {
				route.SetOwnerReferences([]metav1.OwnerReference{{
					APIVersion: "example.com/v1", Kind: "Shop", Name: "shop", UID: "8a1f4c0e-0000-4000-8000-000000000003", Controller: new(true),
				}})
			},
			want: "is controlled by Shop shop",
		},
		"AnotherControllersSides": {
			reason: "The same, though it looks like ours.",
			change: func(c *v1beta1.Canary, route *unstructured.Unstructured) {
				set(sides(c, rollout.Split(40)), "spec", "conf")(c, route)
				route.SetOwnerReferences([]metav1.OwnerReference{{
					APIVersion: "example.com/v1", Kind: "Shop", Name: "shop", UID: "8a1f4c0e-0000-4000-8000-000000000003", Controller: new(true),
				}})
			},
			want: "is controlled by Shop shop",
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider(t))
			route := usersRoute(b.Canary, map[string]any{"destination": toTheApex(b.Canary)})
			test.change(b.Canary, route)
			b.Create(route, "kubectl")
			before := b.Routing()
			err := b.Router.Apply(t.Context(), b.Canary, rollout.ToPrimary())
			if !errors.Is(err, router.ErrForeign) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s Got error %v, want %q", test.reason, err, test.want)
			}
			if err := b.Router.Release(t.Context(), b.Canary); err != nil {
				t.Errorf("release: %v", err)
			}
			if diff := cmp.Diff(before.Object, b.Routing().Object); diff != "" || b.Writes() != 0 {
				t.Errorf("%s It was written (-before +after):\n%s", test.reason, diff)
			}
		})
	}
}

// A single destination and a split never stand side by side, as Kuma would refuse that, and what the user had is known
// from the first write on: should the second never come, the next Apply or Release goes on from there.
func TestASingleDestinationGoesInOneWrite(t *testing.T) {
	for name, end := range map[string]func(*routertest.Bench){
		"ApplyGoesOn": func(b *routertest.Bench) { b.Settle(rollout.Split(10)) },
		"ReleaseToo":  func(*routertest.Bench) {},
	} {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider(t))
			b.Canary.Spec.Service.Apex = &v1beta1.CustomMetadata{Labels: map[string]string{"team": "a"}}
			users := usersRoute(b.Canary, map[string]any{"destination": toTheApex(b.Canary)})
			users.SetLabels(map[string]string{"team": "b"})
			b.Create(users, "kubectl")
			before := b.Routing()
			broken := errors.New("connection refused")
			r := New(router.Deps{Client: failing{Client: b.Deps.Client, apply: true, err: broken}})
			if err := r.Apply(t.Context(), b.Canary, rollout.Split(10)); !errors.Is(err, broken) {
				t.Fatalf("got error %v", err)
			}
			half := b.Routing()
			if diff := cmp.Diff(any(sides(b.Canary, rollout.Split(10))), half.Object["spec"].(map[string]any)["conf"]); diff != "" {
				t.Errorf("spec.conf after the first write (-want +got):\n%s", diff)
			}
			end(b)
			if err := b.Router.Release(t.Context(), b.Canary); err != nil {
				t.Fatal(err)
			}
			released := b.Routing()
			if diff := cmp.Diff(before.Object["spec"], released.Object["spec"]); diff != "" {
				t.Errorf("spec (-before +after):\n%s", diff)
			}
			if diff := cmp.Diff(before.GetLabels(), released.GetLabels()); diff != "" || len(released.GetAnnotations()) > 0 {
				t.Errorf("annotations %v, labels (-before +after):\n%s", released.GetAnnotations(), diff)
			}
		})
	}
}

// What a user changes beside the split while the canary has it stays changed; what was overwritten comes back.
func TestReleaseKeepsWhatChangedMeanwhile(t *testing.T) {
	b := routertest.NewBench(t, provider(t))
	apex := map[string]any{"split": []any{portion(tag(b.Canary, "podinfo"), 7)}}
	b.Create(usersRoute(b.Canary, apex), "kubectl")
	b.Settle(rollout.Split(30))
	b.Canary.Annotations = map[string]string{meshAnnotation: "payments"}
	b.Settle(rollout.Split(30))
	balancer := map[string]any{"roundRobin": map[string]any{}}
	b.Edit(kind, "podinfo", func(route *unstructured.Unstructured) {
		route.Object["spec"].(map[string]any)["conf"].(map[string]any)["loadBalancer"] = balancer
	})
	if err := b.Router.Release(t.Context(), b.Canary); err != nil {
		t.Fatal(err)
	}
	apex["loadBalancer"] = balancer
	released := b.Routing()
	if diff := cmp.Diff(any(apex), released.Object["spec"].(map[string]any)["conf"]); diff != "" {
		t.Errorf("spec.conf (-want +got):\n%s", diff)
	}
	if meshOf(released) != "default" || len(released.GetAnnotations()) > 0 {
		t.Errorf("mesh %s, annotations %v", meshOf(released), released.GetAnnotations())
	}
}
