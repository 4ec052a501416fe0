package gloo

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router/routertest"
)

func TestConformance(t *testing.T) { routertest.Run(t, provider()) }

func provider() routertest.Provider {
	return routertest.Provider{
		Row:       Row(prefixes),
		StandIns:  []string{standIn},
		Canary:    routertest.Canary,
		Namespace: "test",
		Given:     []*unstructured.Unstructured{service("podinfo-primary", "podinfo-primary"), service("podinfo-canary", "podinfo")},
		Object:    "podinfo",
		Further: []routertest.Object{
			{Kind: upstreamKind, Name: "test-podinfo-primaryupstream-80", Damage: damageUpstream},
			{Kind: upstreamKind, Name: "test-podinfo-canaryupstream-80", Damage: damageUpstream},
		},
		Edit: func(b *routertest.Bench) {
			b.Canary.Spec.Analysis.Match = []istio.HTTPMatchRequest{{Headers: map[string]istio.StringMatch{"x-canary": {Exact: "insider"}}}}
		},
		Damage: func(table *unstructured.Unstructured) {
			table.SetLabels(map[string]string{"somebody": "else"})
			table.Object["spec"] = routeTable(to(toService("somebody", "test"))).Object["spec"]
		},
		Users: users,
		Refused: map[string]func(*v1beta1.Canary){
			"NoPort":      func(c *v1beta1.Canary) { c.Spec.Service.Port = 0 },
			"NoCondition": func(c *v1beta1.Canary) { c.Spec.Analysis.Match = []istio.HTTPMatchRequest{{}} },
			"NoUpstream":  func(c *v1beta1.Canary) { c.Spec.UpstreamRef = &v1beta1.CrossNamespaceObjectReference{} },
			"NoUpstreamKind": func(c *v1beta1.Canary) {
				c.Spec.UpstreamRef = &v1beta1.CrossNamespaceObjectReference{Kind: "Service", Name: "podinfo"}
			},
		},
	}
}

func damageUpstream(object *unstructured.Unstructured) {
	object.SetAnnotations(nil)
	object.Object["spec"].(map[string]any)["kube"] = map[string]any{"serviceName": "other", "serviceNamespace": "test"}
}

// users is a RouteTable that has what a canary's never has: a weight of its own and options of its route.
func users() *unstructured.Unstructured {
	one := route{
		"matchers":    []any{matcher{"prefix": "/"}},
		"options":     map[string]any{"prefixRewrite": "/"},
		"routeAction": map[string]any{"single": toService("podinfo", "")["destination"]},
	}
	table := routeTable(one)
	table.Object["spec"].(map[string]any)["weight"] = int64(3)
	table.SetLabels(map[string]string{"app.kubernetes.io/instance": "theirs"})
	table.SetAnnotations(map[string]string{
		"example.com/theirs":                    "yes",
		"helm.toolkit.fluxcd.io/driftDetection": "enabled",
	})
	return table
}

// A step writes the RouteTable alone, whatever the number of routes.
func TestAStepIsOneWrite(t *testing.T) {
	b := newBench(t)
	b.Apply(rollout.ToPrimary(), 3)
	for _, weight := range []rollout.Weight{1, 50, 99, 100, 0} {
		b.Apply(rollout.Split(weight), 1)
	}
	b.Canary.Spec.Analysis.Match = []istio.HTTPMatchRequest{{Headers: map[string]istio.StringMatch{"x-canary": {Exact: "insider"}}}}
	b.Apply(rollout.ToCanary(), 1)
	b.Apply(rollout.ToPrimary(), 1)
}

// A crash between any two writes leaves something to make, and what is there is left as it is.
func TestACrashIsHealed(t *testing.T) {
	for missing := range 3 {
		t.Run(fmt.Sprintf("After%d", missing), func(t *testing.T) {
			b := newBench(t)
			b.Settle(rollout.Split(10))
			objects := []*unstructured.Unstructured{
				b.Object(upstreamKind, primarySide(b.Canary).upstream),
				b.Object(upstreamKind, canarySide(b.Canary).upstream),
				b.Routing(),
			}
			for _, object := range objects[missing:] {
				if err := b.Direct.Delete(t.Context(), object); err != nil {
					t.Fatal(err)
				}
			}
			b.Apply(rollout.Split(10), 3-missing)
			b.Apply(rollout.Split(10), 0)
		})
	}
}

// What a user says about the routes holds all through a run, in the user's own RouteTable too.
func TestWhatUsersSayLastsARun(t *testing.T) {
	b := newBench(t)
	b.Create(users(), "kubectl")
	for _, weight := range []rollout.Weight{0, 10, 100, 40, 0} {
		b.Settle(rollout.Split(weight))
		live := b.Routing()
		one := routes(live)[0]
		if diff := cmp.Diff(map[string]any{"prefixRewrite": "/"}, one["options"]); diff != "" {
			t.Errorf("at %d the options of the route (-want +got):\n%s", weight, diff)
		}
		if got, _, _ := unstructured.NestedInt64(live.Object, "spec", "weight"); got != 3 {
			t.Errorf("at %d the weight of the RouteTable became %d", weight, got)
		}
	}
}

// Only the routes and, in what was made for the canary, the labels are ours alone.
func TestWhatOthersAdd(t *testing.T) {
	for name, add := range map[string]func(*unstructured.Unstructured){
		"ARoute": func(table *unstructured.Unstructured) {
			table.Object["spec"] = routeTable(append(routes(table), to(toService("somebody", "test")))...).Object["spec"]
		},
		"ADestination": func(table *unstructured.Unstructured) {
			multi := routes(table)[0]["routeAction"].(map[string]any)["multi"].(map[string]any)
			multi["destinations"] = append(multi["destinations"].([]any), toService("somebody", "test"))
		},
		"ARedirect": func(table *unstructured.Unstructured) {
			routes(table)[0]["redirectAction"] = map[string]any{"hostRedirect": "example.com"}
		},
		"AMatcher": func(table *unstructured.Unstructured) {
			routes(table)[0]["matchers"] = []any{matcher{"prefix": "/shop"}}
		},
		"ALabel": func(table *unstructured.Unstructured) { table.SetLabels(map[string]string{"theirs": "yes"}) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.Settle(rollout.Split(10))
			before := b.Routing()
			b.Edit(tableKind, "podinfo", add)
			b.Settle(rollout.Split(10))
			after := b.Routing()
			if diff := cmp.Diff(before.Object["spec"], after.Object["spec"]); diff != "" || len(after.GetLabels()) > 0 {
				t.Errorf("it stayed: labels %v, spec (-want +got):\n%s", after.GetLabels(), diff)
			}
		})
	}
}

// A RouteTable that serves nobody would be an outage.
func TestNoWeightsAreRefused(t *testing.T) {
	_, err := render(routertest.Canary(), nil, rollout.Traffic{})
	if err == nil || err.Error() != "RoutingRule podinfo.test update failed: no valid weights" {
		t.Errorf("got error %v", err)
	}
}

// In another cluster nothing goes by itself: the RouteTable must go before what it leads to.
func TestReleaseElsewhereTakesTheUpstreams(t *testing.T) {
	b := newBench(t)
	b.Deps.Owned = false
	b.Router = New(nil, b.Deps)
	b.Create(upstreamOfSomebody("theirs"), "kubectl")
	b.Settle(rollout.Split(10))
	if err := b.Router.Release(t.Context(), b.Canary); err != nil {
		t.Fatal(err)
	}
	for _, s := range []side{primarySide(b.Canary), canarySide(b.Canary)} {
		if b.Find(upstreamKind, s.upstream) != nil {
			t.Errorf("Upstream %s outlived its canary", s.upstream)
		}
	}
	if b.Find(tableKind, "podinfo") != nil || b.Find(upstreamKind, "theirs") == nil {
		t.Error("the RouteTable outlived its canary, or somebody else's Upstream did not")
	}
	if err := b.Router.Release(t.Context(), b.Canary); err != nil {
		t.Errorf("release again: %v", err)
	}
}

// upstreamOfSomebody is an Upstream that no canary made.
func upstreamOfSomebody(name string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"static": map[string]any{"hosts": []any{map[string]any{"addr": "example.com", "port": int64(80)}}},
	}}}
	object.SetGroupVersionKind(upstreamKind)
	object.SetName(name)
	return object
}
