package kuma

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
	"flagger.app/flagger/internal/testkit"
)

func TestConformance(t *testing.T) { routertest.Run(t, provider(t)) }

// Two canaries of one name, in two namespaces, have a TrafficRoute each, and keep it whatever becomes of the other's.
func TestNamespacesDoNotShareATrafficRoute(t *testing.T) {
	elsewhere := provider(t)
	elsewhere.Namespace = "prod"
	first, second := routertest.NewBench(t, provider(t)), routertest.NewBench(t, elsewhere)
	second.Canary.UID = "8a1f4c0e-0000-4000-8000-000000000002"
	first.Apply(rollout.ToPrimary(), 1)
	second.Apply(rollout.ToPrimary(), 1)
	first.Apply(rollout.Split(10), 1)
	second.Apply(rollout.Split(70), 1)
	first.Apply(rollout.Split(10), 0)

	full := "podinfo." + second.Canary.Namespace
	second.Object(kind, full)
	if err := first.Router.Release(t.Context(), first.Canary); err != nil {
		t.Fatal(err)
	}
	if first.Find(kind, "podinfo") != nil {
		t.Error("the first canary's TrafficRoute outlived it")
	}
	second.Apply(rollout.Split(70), 0)
	second.Apply(rollout.Split(80), 1)
	if second.Find(kind, "podinfo") != nil {
		t.Error("the second canary made another TrafficRoute, a rival of its own")
	}
	if err := second.Router.Release(t.Context(), second.Canary); err != nil {
		t.Fatal(err)
	}
	if second.Find(kind, full) != nil {
		t.Error("the second canary's TrafficRoute outlived it")
	}
}

// A full name that somebody has taken by hand is not overwritten either.
func TestBothNamesTaken(t *testing.T) {
	b := routertest.NewBench(t, provider(t))
	for _, name := range []string{plainName(b.Canary), fullName(b.Canary)} {
		other := usersRoute(b.Canary, map[string]any{"destination": map[string]any{serviceTag: "web_shop_svc_80"}})
		other.SetName(name)
		other.Object["spec"].(map[string]any)["destinations"] = []any{selector("web_shop_svc_80")}
		b.Create(other, "kubectl")
	}
	if err := b.Router.Apply(t.Context(), b.Canary, rollout.ToPrimary()); !errors.Is(err, router.ErrForeign) {
		t.Errorf("got error %v", err)
	}
	if err := b.Router.Release(t.Context(), b.Canary); err != nil {
		t.Errorf("release: %v", err)
	}
	if b.Writes() != 0 {
		t.Error("somebody else's TrafficRoute was written")
	}
}

// The mesh of a canary may change, and with it that of its TrafficRoute.
func TestAnotherMeshInTheMiddleOfARun(t *testing.T) {
	b := routertest.NewBench(t, provider(t))
	b.Apply(rollout.Split(10), 1)
	b.Canary.Annotations = map[string]string{meshAnnotation: "payments"}
	b.Apply(rollout.Split(10), 1)
	if got := meshOf(b.Routing()); got != "payments" {
		t.Errorf("it is in the mesh %s", got)
	}
}

// What does not divide traffic is the user's to say, and stays through a run.
func TestWhatOthersAdd(t *testing.T) {
	b := routertest.NewBench(t, provider(t))
	b.Apply(rollout.Split(10), 1)
	balancer := map[string]any{"roundRobin": map[string]any{}}
	b.Edit(kind, "podinfo", func(route *unstructured.Unstructured) {
		conf := route.Object["spec"].(map[string]any)["conf"].(map[string]any)
		conf["loadBalancer"] = balancer
	})
	b.Apply(rollout.Split(10), 0)
	b.Apply(rollout.Split(20), 1)
	got, _, _ := unstructured.NestedFieldNoCopy(b.Routing().Object, "spec", "conf", "loadBalancer")
	if diff := cmp.Diff(any(balancer), got); diff != "" {
		t.Errorf("spec.conf.loadBalancer (-want +got):\n%s", diff)
	}
}

// Each of these alone is drift.
func TestAnEditIsRepaired(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		path   []string
		value  any
		found  rollout.Traffic
	}{
		"Sources": {
			reason: "The services left out would not be part of the run.",
			path:   sourcesPath, value: []any{selector("web_test_svc_80")}, found: rollout.Split(10),
		},
		"Destinations": {
			reason: "The requests are for the apex Service.",
			path:   destinationsPath, value: []any{selector("other_test_svc_80")}, found: rollout.Split(10),
		},
		"NobodyServes": {
			reason: "Kuma refuses two zeros, and if it did not, it would be an outage.",
			path:   splitPath, value: []any{}, found: rollout.Traffic{},
		},
		"Paths": {
			reason: "Requests by path would not be divided.",
			path:   httpPath, value: []any{map[string]any{"match": map[string]any{}}}, found: rollout.Split(10),
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider(t))
			b.Apply(rollout.Split(10), 1)
			before := b.Routing()
			b.Edit(kind, "podinfo", func(route *unstructured.Unstructured) {
				if err := unstructured.SetNestedField(route.Object, test.value, test.path...); err != nil {
					t.Fatal(err)
				}
			})
			if got, _ := read(b.Canary, b.Routing()); got != test.found {
				t.Errorf("%s Found %+v, want %+v", test.reason, got, test.found)
			}
			b.Settle(rollout.Split(10))
			if diff := cmp.Diff(before.Object["spec"], b.Routing().Object["spec"]); diff != "" {
				t.Errorf("%s (-before +after):\n%s", test.reason, diff)
			}
		})
	}
}

func TestObserveSaysWhatIsMissing(t *testing.T) {
	b := routertest.NewBench(t, provider(t))
	for text, prepare := range map[string]func(){
		"TrafficRoute podinfo get query error: ": func() {},
		"TrafficRoute podinfo does not contain routes for podinfo-primary and podinfo-canary: ": func() {
			b.Create(usersRoute(b.Canary, map[string]any{"destination": toTheApex(b.Canary)}), "kubectl")
		},
	} {
		prepare()
		_, err := b.Router.Observe(t.Context(), b.Canary)
		if !errors.Is(err, router.ErrNotFound) || !strings.HasPrefix(err.Error(), text) {
			t.Errorf("got error %v, want %q", err, text)
		}
		if live := b.Find(kind, "podinfo"); live != nil {
			if err := b.Direct.Delete(t.Context(), live); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestNothingToReleaseWithoutTheCRD(t *testing.T) {
	bare, err := client.New(testkit.StartAPIServer(t), client.Options{Mapper: meta.NewDefaultRESTMapper(nil)})
	if err != nil {
		t.Fatal(err)
	}
	if err := New(router.Deps{Client: bare}).Release(t.Context(), routertest.Canary()); err != nil {
		t.Errorf("got error %v, but a cluster without TrafficRoutes has none to delete", err)
	}
}

// An API server that does not answer about one name is no answer about the other.
func TestAReadErrorMovesNobody(t *testing.T) {
	b := routertest.NewBench(t, provider(t))
	b.Apply(rollout.Split(25), 1)
	broken := errors.New("connection refused")
	for _, name := range []string{plainName(b.Canary), fullName(b.Canary)} {
		r := New(router.Deps{Client: failing{Client: b.Deps.Client, get: name, err: broken}})
		for call, err := range map[string]error{
			"Apply":   r.Apply(t.Context(), b.Canary, rollout.ToPrimary()),
			"Release": r.Release(t.Context(), b.Canary),
		} {
			if !errors.Is(err, broken) {
				t.Errorf("%s: got error %v", call, err)
			}
		}
	}
	b.Apply(rollout.Split(25), 0)
}

// failing is a client that cannot read the object of a name, or not apply.
type failing struct {
	client.Client
	get   string
	apply bool
	err   error
}

func (f failing) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	if key.Name == f.get {
		return f.err
	}
	return f.Client.Get(ctx, key, obj, opts...)
}

func (f failing) Apply(ctx context.Context, obj runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
	if f.apply {
		return f.err
	}
	return f.Client.Apply(ctx, obj, opts...)
}
