package traefik

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
)

func TestConformance(t *testing.T) {
	t.Run("Current", func(t *testing.T) { routertest.Run(t, provider(t, current)) })
	t.Run("LegacyAlone", func(t *testing.T) {
		p := provider(t, legacy)
		p.CRDs, p.StandIns = nil, []string{legacyCRD(t)}
		p.Row.Watch = &legacy
		p.Row.New = func(deps router.Deps) router.Router {
			deps.Client = olderCluster{deps.Client}
			return New(deps)
		}
		routertest.Run(t, p)
	})
}

// olderCluster is a client of a cluster that serves the legacy kind alone.
type olderCluster struct{ client.Client }

func (olderCluster) RESTMapper() meta.RESTMapper { return serving(legacy) }

func serving(kinds ...schema.GroupVersionKind) meta.RESTMapper {
	mapper := meta.NewDefaultRESTMapper(nil)
	for _, kind := range kinds {
		mapper.Add(kind, meta.RESTScopeNamespace)
	}
	return mapper
}

func provider(t *testing.T, kind schema.GroupVersionKind) routertest.Provider {
	return routertest.Provider{
		Row:    Row(),
		CRDs:   []string{crd(t)},
		Canary: routertest.Canary,
		Object: "podinfo",
		Edit:   func(b *routertest.Bench) { b.Canary.Spec.Service.Port = 9898 },
		Damage: func(service *unstructured.Unstructured) {
			service.SetLabels(map[string]string{"somebody": "else"})
			service.Object["spec"] = weighted(
				entry{"name": "podinfo-primary", "kind": "TraefikService", "weight": int64(100)},
				entry{"name": "podinfo", "port": int64(80)},
			)
		},
		Users: func() *unstructured.Unstructured { return usersService(kind) },
		Refused: map[string]func(*v1beta1.Canary){
			"NoPort": func(c *v1beta1.Canary) { c.Spec.Service.Port = 0 },
		},
	}
}

// usersService has what a canary's never has: sticky sessions, a way to reach the Service, a named port and labels.
func usersService(kind schema.GroupVersionKind) *unstructured.Unstructured {
	spec := weighted(entry{
		"name": "podinfo", "kind": "Service", "port": "http", "weight": int64(3),
		"scheme": "h2c", "passHostHeader": false, "responseForwarding": map[string]any{"flushInterval": "1ms"},
	})
	spec["weighted"].(map[string]any)["sticky"] = map[string]any{"cookie": map[string]any{"name": "side", "secure": true}}
	service := traefikService(spec)
	service.SetGroupVersionKind(kind)
	service.SetLabels(map[string]string{"app.kubernetes.io/instance": "theirs"})
	service.SetAnnotations(map[string]string{
		"example.com/theirs":                    "yes",
		"helm.toolkit.fluxcd.io/driftDetection": "enabled",
	})
	return service
}

func TestServed(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		kinds  []schema.GroupVersionKind
		want   schema.GroupVersionKind
	}{
		"Current": {reason: "The kind of today.", kinds: []schema.GroupVersionKind{current}, want: current},
		"Both":    {reason: "Traefik reads the old group for a while, but it goes.", kinds: []schema.GroupVersionKind{legacy, current}, want: current},
		"Legacy":  {reason: "An old Traefik knows nothing else.", kinds: []schema.GroupVersionKind{legacy}, want: legacy},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := served(serving(test.kinds...))
			if err != nil || got != test.want {
				t.Errorf("%s Got %v, %v, want %v", test.reason, got, err, test.want)
			}
		})
	}
	_, err := served(serving())
	if !meta.IsNoMatchError(err) || !strings.Contains(err.Error(), "CRD of TraefikService in traefik.io/v1alpha1") {
		t.Errorf("got error %v, want one that names the CRD of today", err)
	}
}

// An API server that cannot say what it serves must not look like one of an older Traefik.
func TestServedKeepsOtherErrors(t *testing.T) {
	broken := errors.New("connection refused")
	for name, group := range map[string]string{"AskingForCurrent": current.Group, "AskingForLegacy": legacy.Group} {
		t.Run(name, func(t *testing.T) {
			if kind, err := served(brokenMapper{serving(legacy), group, broken}); !errors.Is(err, broken) {
				t.Errorf("got %v, %v, want the error", kind, err)
			}
		})
	}
}

// brokenMapper fails for one group.
type brokenMapper struct {
	meta.RESTMapper
	group string
	err   error
}

func (m brokenMapper) RESTMapping(gk schema.GroupKind, versions ...string) (*meta.RESTMapping, error) {
	if gk.Group == m.group {
		return nil, m.err
	}
	return m.RESTMapper.RESTMapping(gk, versions...)
}

// What a user says about the way to a Service holds for whichever side is served, all through a run.
func TestTheWayToAServiceLastsARun(t *testing.T) {
	b := routertest.NewBench(t, provider(t, current))
	b.Create(usersService(current), "kubectl")
	for _, weight := range []rollout.Weight{0, 10, 100, 40, 0} {
		if err := b.Router.Apply(t.Context(), b.Canary, rollout.Split(weight)); err != nil {
			t.Fatal(err)
		}
		live := b.Routing()
		list, err := entries(live)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			want := entry{
				"name": e["name"], "namespace": b.Canary.Namespace, "port": int64(80), "weight": e["weight"],
				"scheme": "h2c", "passHostHeader": false, "responseForwarding": map[string]any{"flushInterval": "1ms"},
			}
			if diff := cmp.Diff(want, e); diff != "" {
				t.Errorf("at %d (-want +got):\n%s", weight, diff)
			}
		}
		sticky, _, _ := unstructured.NestedString(live.Object, "spec", "weighted", "sticky", "cookie", "name")
		if sticky != "side" || live.GetLabels()["app.kubernetes.io/instance"] != "theirs" {
			t.Errorf("at %d the user's own fields are gone: sticky cookie %q, labels %v", weight, sticky, live.GetLabels())
		}
	}
}

// Only the list is ours alone, and the labels of what was made for the canary.
func TestWhatOthersAdd(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		before *unstructured.Unstructured
		labels map[string]string
	}{
		"ToOurs":   {reason: "A label that nobody asked for goes."},
		"ToTheirs": {reason: "The labels of a user's object are the user's.", before: usersService(current), labels: map[string]string{"app.kubernetes.io/instance": "theirs", "later": "yes"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider(t, current))
			if test.before != nil {
				b.Create(test.before, "kubectl")
			}
			if err := b.Router.Apply(t.Context(), b.Canary, rollout.Split(10)); err != nil {
				t.Fatal(err)
			}
			for _, added := range []string{"entry", "label"} { // one by one: each must be drift by itself
				live := b.Routing()
				if added == "entry" {
					list := live.Object["spec"].(map[string]any)["weighted"].(map[string]any)
					list["services"] = append(list["services"].([]any), entry{"name": "somebody", "port": int64(81)})
				} else {
					live.SetLabels(map[string]string{"app.kubernetes.io/instance": "theirs", "later": "yes"})
				}
				if err := b.Direct.Update(t.Context(), live, client.FieldOwner("somebody-else")); err != nil {
					t.Fatal(err)
				}
				if err := b.Router.Apply(t.Context(), b.Canary, rollout.Split(10)); err != nil {
					t.Fatal(err)
				}
			}
			live := b.Routing()
			if list, err := entries(live); err != nil || len(list) != 2 {
				t.Errorf("the list is not ours alone: %v, %v", list, err)
			}
			if diff := cmp.Diff(test.labels, live.GetLabels()); diff != "" {
				t.Errorf("%s Labels (-want +got):\n%s", test.reason, diff)
			}
		})
	}
}

// Without traffic there is no entry at all: Traefik takes a missing weight for 1, and one Service without endpoints
// takes the others down with it.
func TestASideWithoutTrafficHasNoEntry(t *testing.T) {
	b := routertest.NewBench(t, provider(t, current))
	for _, test := range []struct {
		canary rollout.Weight
		want   map[string]int64
	}{
		{canary: 0, want: map[string]int64{"podinfo-primary": 100}},
		{canary: 1, want: map[string]int64{"podinfo-primary": 99, "podinfo-canary": 1}},
		{canary: 99, want: map[string]int64{"podinfo-primary": 1, "podinfo-canary": 99}},
		{canary: 100, want: map[string]int64{"podinfo-canary": 100}},
	} {
		if err := b.Router.Apply(t.Context(), b.Canary, rollout.Split(test.canary)); err != nil {
			t.Fatal(err)
		}
		list, err := entries(b.Routing())
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int64{}
		for _, e := range list {
			got[e["name"].(string)] = weightOf(e)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("at %d (-want +got):\n%s", test.canary, diff)
		}
	}
}

// A TraefikService that serves nobody would be an outage.
func TestNoWeightsAreRefused(t *testing.T) {
	_, err := render(current, routertest.Canary(), nil, rollout.Traffic{})
	if err == nil || err.Error() != "RoutingRule podinfo.test update failed: no valid weights" {
		t.Errorf("got error %v", err)
	}
}
