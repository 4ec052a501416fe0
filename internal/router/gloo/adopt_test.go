package gloo

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
)

func TestWhatIsNotTakenOver(t *testing.T) {
	shop := to(toService("podinfo", ""))
	shop["matchers"] = []any{matcher{"prefix": "/shop"}}
	function := toService("podinfo", "")
	function["destination"].(map[string]any)["destinationSpec"] = map[string]any{"rest": map[string]any{}}
	for name, test := range map[string]struct {
		reason string
		list   []route
		// want is what the error says, besides the object's name.
		want string
	}{
		"SeveralRoutes": {
			reason: "Each may have options, which are not to be lost.",
			list:   []route{to(toService("podinfo", "")), to(toService("podinfo", ""))},
			want:   "has 2 routes",
		},
		"AnotherService": {
			reason: "A part of the traffic is for somebody else, who would lose it.",
			list:   []route{to(toService("podinfo", ""), toService("old", ""))},
			want:   "leads in spec.routes[0] to map[kube:map[port:80 ref:map[name:old namespace:]]], not to Service podinfo alone",
		},
		"AnotherNamespace": {
			reason: "A Service of the name somewhere else is another Service.",
			list:   []route{to(toService("podinfo", "other"))},
			want:   "leads in spec.routes[0] to ",
		},
		"AnotherUpstream": {
			reason: "What it leads to is not known here.",
			list:   []route{to(toUpstream("podinfo", "gloo-system", nil))},
			want:   "leads in spec.routes[0] to ",
		},
		"AFunction": {
			reason: "How the Service is called would be lost.",
			list:   []route{to(function)},
			want:   "leads in spec.routes[0] to ",
		},
		"APath": {
			reason: "To widen it would open paths that nobody was to reach.",
			list:   []route{shop},
			want:   "has other matchers in spec.routes[0] than the prefix /",
		},
		"ARedirect": {
			reason: "It leads nobody to the Service.",
			list:   []route{{"redirectAction": map[string]any{"hostRedirect": "example.com"}}},
			want:   "leads in spec.routes[0] to no Service",
		},
		"AGroup": {
			reason: "What it leads to is not known here.",
			list:   []route{{"routeAction": map[string]any{"upstreamGroup": map[string]any{"name": "podinfo", "namespace": "test"}}}},
			want:   "leads in spec.routes[0] to no Service",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(test.reason)
			b := newBench(t)
			b.LeavesAlone(routeTable(test.list...), "RouteTable podinfo."+b.Canary.Namespace+" "+test.want)
		})
	}
}

// The apex Service may be named in more than one way.
func TestWhatIsTakenOver(t *testing.T) {
	for name, one := range map[string]route{
		"TheService":         to(toService("podinfo", "test")),
		"ADiscoveredService": to(toUpstream("test-podinfo-80", "gloo-system", int64(1))),
		"TheServiceTwice":    to(toService("podinfo", ""), toUpstream("test-podinfo-80", "gloo-system", int64(1))),
	} {
		t.Run(name, func(t *testing.T) {
			manifest, err := desired(router.Deps{Owned: true}, routertest.Canary(), routeTable(one), rollout.ToPrimary())
			if err != nil || manifest.Object.GetAnnotations()[router.OriginalAnnotation] == "" {
				t.Errorf("got %v, %v, want that the original is kept", manifest.Object, err)
			}
		})
	}
}

// A RouteTable that Flagger took over has no original: with the canary's end its users must still reach the apex
// Service.
func TestReleaseWithoutAnOriginalPointsAtTheApex(t *testing.T) {
	match := []istio.HTTPMatchRequest{{Headers: map[string]istio.StringMatch{"x-canary": {Exact: "insider"}}}}
	for name, test := range map[string]struct {
		match []istio.HTTPMatchRequest
		want  rollout.Traffic
	}{
		"AtRest": {want: rollout.ToPrimary()}, "AStep": {want: rollout.Split(40)},
		"Switched": {want: rollout.ToCanary()}, "ABTest": {match: match, want: rollout.ToCanary()},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.Canary.Spec.Analysis.Match = test.match
			b.Canary.Spec.Service.Apex = &v1beta1.CustomMetadata{Labels: map[string]string{"team": "a"}}
			left, err := render(b.Canary, routeTable(route{"options": map[string]any{"prefixRewrite": "/"}}), test.want)
			if err != nil {
				t.Fatal(err)
			}
			b.Create(left, kube.FieldManager)
			b.Release()
			released := b.Routing()
			apex := route{
				"inheritablePathMatchers": true,
				"options":                 map[string]any{"prefixRewrite": "/"},
				"routeAction":             map[string]any{"single": toService("podinfo", b.Canary.Namespace)["destination"]},
			}
			if diff := cmp.Diff(routeTable(apex).Object["spec"], released.Object["spec"]); diff != "" {
				t.Errorf("spec (-want +got):\n%s", diff)
			}
			if len(released.GetAnnotations())+len(released.GetLabels()) > 0 {
				t.Errorf("metadata of ours is left: %v, %v", released.GetAnnotations(), released.GetLabels())
			}
		})
	}
}

// What a user changes beside the routes while the canary has them stays changed; what was overwritten comes back.
func TestReleaseKeepsWhatChangedMeanwhile(t *testing.T) {
	for name, before := range map[string]*unstructured.Unstructured{
		"ARoute": routeTable(to(toService("podinfo", ""))), "NoRoute": routeTable(),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.Canary.Spec.Service.Apex = &v1beta1.CustomMetadata{Labels: map[string]string{"team": "a", "tier": "web"}}
			spec := before.Object["spec"].(map[string]any)
			if name == "NoRoute" {
				delete(spec, "routes")
			}
			spec["weight"] = int64(3)
			before.SetLabels(map[string]string{"team": "b", "app": "podinfo"})
			b.Create(before, "kubectl")
			b.Settle(rollout.Split(30))
			if diff := cmp.Diff(map[string]string{"team": "a", "tier": "web", "app": "podinfo"}, b.Routing().GetLabels()); diff != "" {
				t.Errorf("labels of the canary's time (-want +got):\n%s", diff)
			}
			b.Edit(tableKind, "podinfo", func(live *unstructured.Unstructured) {
				live.SetLabels(map[string]string{"team": "a", "later": "yes"})
				live.Object["spec"].(map[string]any)["weight"] = int64(4)
			})
			if err := b.Router.Release(t.Context(), b.Canary); err != nil {
				t.Fatal(err)
			}
			spec["weight"] = int64(4)
			released := b.Routing()
			if diff := cmp.Diff(spec, released.Object["spec"]); diff != "" {
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

// What Flagger wrote is what we would write: the weights are read as they are, and the RouteTable is left alone. The
// Upstreams get what Flagger left out, the annotations that keep Flux away.
func TestFlaggersObjectsAreOurs(t *testing.T) {
	for name, test := range map[string]struct {
		want   rollout.Traffic
		owners bool
	}{
		"AtRest":    {want: rollout.ToPrimary(), owners: true},
		"AStep":     {want: rollout.Split(40), owners: true},
		"Switched":  {want: rollout.ToCanary(), owners: true},
		"Elsewhere": {want: rollout.Split(40)},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.Deps.Owned = test.owners
			b.Router = New(prefixes, b.Deps)
			var owners []metav1.OwnerReference
			if test.owners {
				owners = append(owners, kube.OwnerReference(b.Canary))
			}
			primary, canary := primarySide(b.Canary), canarySide(b.Canary)
			for label, s := range map[string]side{"podinfo-primary": primary, "podinfo": canary} {
				made := upstream(b.Canary, s, map[string]string{"app": label}, nil, nil).Object
				made.SetAnnotations(nil)
				made.SetOwnerReferences(owners)
				b.Create(made, kube.FieldManager)
			}
			table := routeTable(to(
				toUpstream(primary.upstream, b.Canary.Namespace, int64(test.want.Primary)),
				toUpstream(canary.upstream, b.Canary.Namespace, int64(test.want.Canary)),
			))
			table.SetAnnotations(kube.Guarded(nil))
			table.SetOwnerReferences(owners)
			b.Create(table, kube.FieldManager)
			before := b.Routing().GetResourceVersion()
			if got := b.Observe().Traffic; got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			b.Settle(test.want)
			if b.Routing().GetResourceVersion() != before {
				t.Error("the RouteTable was rewritten")
			}
			for _, s := range []side{primary, canary} {
				if made := b.Object(upstreamKind, s.upstream); !b.Deps.Claimed(b.Canary, made) || made.GetAnnotations()["helm.toolkit.fluxcd.io/driftDetection"] != "disabled" {
					t.Errorf("Upstream %s is not the canary's: %v", s.upstream, made.Object["metadata"])
				}
			}
		})
	}
}
