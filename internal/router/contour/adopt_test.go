package contour

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

// with is one route with a field more.
func with(one route, field string, value any) route {
	one[field] = value
	return one
}

func TestWhatIsNotTakenOver(t *testing.T) {
	apex := side("podinfo", nil)
	tcp := httpProxy(to(apex))
	tcp.Object["spec"].(map[string]any)["tcpproxy"] = map[string]any{"services": []any{side("podinfo", nil)}}
	for name, test := range map[string]struct {
		reason string
		proxy  *unstructured.Unstructured
		// want is what the error says, besides the object's name.
		want string
	}{
		"TCP": {
			reason: "Its connections would not be divided.",
			proxy:  tcp, want: "has spec.tcpproxy",
		},
		"SeveralRoutes": {
			reason: "Each may have policies, which are not to be lost.",
			proxy:  httpProxy(to(apex), to(apex)), want: "has 2 routes",
		},
		"AnotherService": {
			reason: "A part of the traffic is for somebody else, who would lose it.",
			proxy:  httpProxy(to(apex, side("old", nil))),
			want:   "leads in spec.routes[0].services[1] to old, not to Service podinfo alone",
		},
		"ACopy": {
			reason: "Somebody wants the copies.",
			proxy:  httpProxy(to(apex, entry{"name": "podinfo", "port": int64(80), "mirror": true})),
			want:   "leads in spec.routes[0].services[1] to podinfo",
		},
		"AnotherPrefix": {
			reason: "To widen it would open paths that nobody was to reach.",
			proxy:  httpProxy(with(to(apex), "conditions", []any{condition{"prefix": "/shop"}})),
			want:   "has other conditions in spec.routes[0] than the prefix /",
		},
		"AHeader": {
			reason: "The same for requests that nobody was to send.",
			proxy: httpProxy(with(to(apex), "conditions", []any{
				condition{"prefix": "/"}, condition{"header": map[string]any{"name": "x-token", "present": true}},
			})),
			want: "has other conditions in spec.routes[0] than the prefix /",
		},
		"ARedirect": {
			reason: "It leads nobody to the Service.",
			proxy:  httpProxy(with(to(apex), "requestRedirectPolicy", map[string]any{"hostname": "example.com"})),
			want:   "answers in spec.routes[0] by requestRedirectPolicy",
		},
		"AnAnswer": {
			reason: "Nor does that.",
			proxy:  httpProxy(with(to(), "directResponsePolicy", map[string]any{"statusCode": int64(503)})),
			want:   "answers in spec.routes[0] by directResponsePolicy",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(test.reason)
			b := newBench(t, class)
			b.LeavesAlone(test.proxy, "HTTPProxy podinfo."+b.Canary.Namespace+" "+test.want)
		})
	}
}

// What the spec asks for and what the user has may agree in more than one way.
func TestWhatIsTakenOver(t *testing.T) {
	for name, test := range map[string]struct {
		prefix     string
		conditions any
	}{
		"ThePrefix": {prefix: "/shop", conditions: []any{condition{"prefix": "/shop"}}},
		"All":       {conditions: []any{condition{"prefix": "/"}}},
		"NoPrefix":  {},
	} {
		t.Run(name, func(t *testing.T) {
			c := routertest.Canary()
			if test.prefix != "" {
				c.Spec.Service.Match = []istio.HTTPMatchRequest{{URI: &istio.StringMatch{Prefix: test.prefix}}}
			}
			one := to(side("podinfo", nil))
			if delete(one, "conditions"); test.conditions != nil {
				one["conditions"] = test.conditions
			}
			manifest, err := New(class, router.Deps{Owned: true}).desired(c, httpProxy(one), rollout.ToPrimary())
			if err != nil || manifest.Object.GetAnnotations()[router.OriginalAnnotation] == "" {
				t.Errorf("got %v, %v, want that the original is kept", manifest.Object, err)
			}
		})
	}
}

// An HTTPProxy that Flagger took over has no original: with the canary's end its users must still reach the apex
// Service, in the way that they reached its sides.
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
			b := newBench(t, "")
			b.Canary.Spec.Analysis.Match = test.match
			b.Canary.Spec.Service.Apex = &v1beta1.CustomMetadata{Labels: map[string]string{"team": "a"}}
			left, err := render("", b.Canary, httpProxy(to(entry{"name": "podinfo", "port": int64(80), "protocol": "h2c"})), test.want)
			if err != nil {
				t.Fatal(err)
			}
			b.Create(left, kube.FieldManager)
			b.Release()
			released := b.Routing()
			apex := to(entry{
				"name": "podinfo", "port": int64(80), "protocol": "h2c", "weight": int64(100),
				"requestHeadersPolicy": map[string]any{"set": []any{map[string]any{
					"name": "l5d-dst-override", "value": "podinfo." + b.Canary.Namespace + ".svc.cluster.local:80",
				}}},
			})
			if diff := cmp.Diff(httpProxy(apex).Object["spec"], released.Object["spec"]); diff != "" {
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
		"ARoute": httpProxy(to(side("podinfo", nil))), "NoRoute": httpProxy(),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, class)
			b.Canary.Spec.Service.Apex = &v1beta1.CustomMetadata{Labels: map[string]string{"team": "a", "tier": "web"}}
			spec := before.Object["spec"].(map[string]any)
			if name == "NoRoute" {
				delete(spec, "routes")
			}
			spec["virtualhost"] = map[string]any{"fqdn": "app.example.com"}
			before.SetLabels(map[string]string{"team": "b", "app": "podinfo"})
			b.Create(before, "kubectl")
			b.Settle(rollout.Split(30))
			if diff := cmp.Diff(map[string]string{"team": "a", "tier": "web", "app": "podinfo"}, b.Routing().GetLabels()); diff != "" {
				t.Errorf("labels of the canary's time (-want +got):\n%s", diff)
			}
			b.Edit(kind, "podinfo", func(live *unstructured.Unstructured) {
				live.SetLabels(map[string]string{"team": "a", "later": "yes"})
				live.Object["spec"].(map[string]any)["virtualhost"] = map[string]any{"fqdn": "later.example.com"}
			})
			if err := b.Router.Release(t.Context(), b.Canary); err != nil {
				t.Fatal(err)
			}
			spec["virtualhost"] = map[string]any{"fqdn": "later.example.com"}
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

// What Flagger wrote is what we would write: the weights are read as they are, and nothing is sent.
func TestFlaggersHTTPProxiesAreOurs(t *testing.T) {
	for name, want := range map[string]rollout.Traffic{
		"AtRest": rollout.ToPrimary(), "AStep": rollout.Split(40), "Switched": rollout.ToCanary(),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, class)
			override := func(service string) map[string]any {
				return map[string]any{"set": []any{map[string]any{
					"name": "l5d-dst-override", "value": service + "." + b.Canary.Namespace + ".svc.cluster.local:80",
				}}}
			}
			primary, canary := side("podinfo-primary", int64(want.Primary)), side("podinfo-canary", int64(want.Canary))
			primary["requestHeadersPolicy"], canary["requestHeadersPolicy"] = override("podinfo-primary"), override("podinfo-canary")
			proxy := httpProxy(to(primary, canary))
			proxy.Object["spec"].(map[string]any)["ingressClassName"] = class
			proxy.SetAnnotations(kube.Guarded(nil))
			proxy.SetOwnerReferences([]metav1.OwnerReference{kube.OwnerReference(b.Canary)})
			b.Create(proxy, kube.FieldManager)
			if got := b.Observe().Traffic; got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
			b.Apply(want, 0)
		})
	}
}
