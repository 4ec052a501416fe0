package contour

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router/routertest"
)

func TestConformance(t *testing.T) {
	for name, class := range map[string]string{"WithAClass": class, "Without": ""} {
		t.Run(name, func(t *testing.T) {
			p := provider(class)
			p.CRDs = []string{crd(t)}
			routertest.Run(t, p)
		})
	}
}

func provider(class string) routertest.Provider {
	return routertest.Provider{
		Row:    Row(class),
		Canary: routertest.Canary,
		Object: "podinfo",
		Edit:   func(b *routertest.Bench) { b.Canary.Spec.Service.Timeout = "15s" },
		Damage: func(proxy *unstructured.Unstructured) {
			proxy.SetLabels(map[string]string{"somebody": "else"})
			proxy.Object["spec"] = httpProxy(to(side("somebody", nil))).Object["spec"]
		},
		Users: users,
		Refused: map[string]func(*v1beta1.Canary){
			"NoPort":      func(c *v1beta1.Canary) { c.Spec.Service.Port = 0 },
			"NoCondition": func(c *v1beta1.Canary) { c.Spec.Analysis.Match = []istio.HTTPMatchRequest{{}} },
			"NoPrefix": func(c *v1beta1.Canary) {
				c.Spec.Service.Match = []istio.HTTPMatchRequest{{URI: &istio.StringMatch{Prefix: "shop"}}}
			},
		},
	}
}

// users is a root HTTPProxy that has what a canary's never has: a virtual host, a class, a way to reach the Service and
// a policy of its route.
func users() *unstructured.Unstructured {
	one := to(entry{
		"name": "podinfo", "port": int64(8080), "protocol": "h2c",
		"requestHeadersPolicy": map[string]any{"remove": []any{"x-internal"}},
	})
	one["enableWebsockets"] = true
	one["timeoutPolicy"] = map[string]any{"response": "1m"}
	proxy := httpProxy(one)
	spec := proxy.Object["spec"].(map[string]any)
	spec["ingressClassName"] = "theirs"
	spec["virtualhost"] = map[string]any{"fqdn": "app.example.com"}
	proxy.SetLabels(map[string]string{"app.kubernetes.io/instance": "theirs"})
	proxy.SetAnnotations(map[string]string{
		"example.com/theirs":                    "yes",
		"helm.toolkit.fluxcd.io/driftDetection": "enabled",
	})
	return proxy
}

// One write is a step, whatever the number of routes.
func TestAStepIsOneWrite(t *testing.T) {
	b := newBench(t, class)
	b.Apply(rollout.ToPrimary(), 1)
	for _, weight := range []rollout.Weight{1, 50, 99, 100, 0} {
		b.Apply(rollout.Split(weight), 1)
	}
	b.Canary.Spec.Analysis.Match = []istio.HTTPMatchRequest{{Headers: map[string]istio.StringMatch{"x-canary": {Exact: "insider"}}}}
	b.Apply(rollout.ToCanary(), 1)
	b.Apply(rollout.ToPrimary(), 1)
}

// What a user says about the route and the way to a Service holds for both sides, all through a run, in the user's own
// HTTPProxy too.
func TestWhatUsersSayLastsARun(t *testing.T) {
	b := newBench(t, "")
	b.Create(users(), "kubectl")
	for _, weight := range []rollout.Weight{0, 10, 100, 40, 0} {
		b.Settle(rollout.Split(weight))
		live := b.Routing()
		spec := live.Object["spec"].(map[string]any)
		if diff := cmp.Diff(map[string]any{"fqdn": "app.example.com"}, spec["virtualhost"]); diff != "" || spec["ingressClassName"] != "theirs" {
			t.Errorf("at %d the virtual host or the class, now %v, changed (-want +got):\n%s", weight, spec["ingressClassName"], diff)
		}
		one := routes(live)[0]
		if one["enableWebsockets"] != true || one["timeoutPolicy"] != nil {
			t.Errorf("at %d the route is not the spec's and, beside that, the user's: %v", weight, one)
		}
		for _, e := range entries(one) {
			policy := map[string]any{
				"remove": []any{"x-internal"},
				"set":    []any{map[string]any{"name": "l5d-dst-override", "value": e["name"].(string) + "." + b.Canary.Namespace + ".svc.cluster.local:80"}},
			}
			want := entry{"name": e["name"], "port": int64(80), "weight": e["weight"], "protocol": "h2c", "requestHeadersPolicy": policy}
			if diff := cmp.Diff(want, e); diff != "" {
				t.Errorf("at %d (-want +got):\n%s", weight, diff)
			}
		}
	}
}

// Only the routes and, in what was made for the canary, the labels are ours alone.
func TestWhatOthersAdd(t *testing.T) {
	for name, add := range map[string]func(*unstructured.Unstructured){
		"ARoute": func(proxy *unstructured.Unstructured) {
			proxy.Object["spec"] = httpProxy(append(routes(proxy), to(side("somebody", nil)))...).Object["spec"]
		},
		"AService": func(proxy *unstructured.Unstructured) {
			one := routes(proxy)[0]
			one["services"] = append(one["services"].([]any), side("somebody", int64(10)))
		},
		"ARedirect": func(proxy *unstructured.Unstructured) {
			routes(proxy)[0]["requestRedirectPolicy"] = map[string]any{"hostname": "example.com"}
		},
		"ALabel": func(proxy *unstructured.Unstructured) { proxy.SetLabels(map[string]string{"theirs": "yes"}) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, class)
			b.Settle(rollout.Split(10))
			before := b.Routing()
			b.Edit(kind, "podinfo", add)
			b.Settle(rollout.Split(10))
			after := b.Routing()
			if diff := cmp.Diff(before.Object["spec"], after.Object["spec"]); diff != "" || len(after.GetLabels()) > 0 {
				t.Errorf("it stayed: labels %v, spec (-want +got):\n%s", after.GetLabels(), diff)
			}
		})
	}
}

// Without a class of the operator's, the class is the user's to say.
func TestAClassOfTheUsersStays(t *testing.T) {
	b := newBench(t, "")
	b.Settle(rollout.ToPrimary())
	b.Edit(kind, "podinfo", func(proxy *unstructured.Unstructured) {
		proxy.Object["spec"].(map[string]any)["ingressClassName"] = "theirs"
	})
	b.Settle(rollout.Split(10))
	if got, _, _ := unstructured.NestedString(b.Routing().Object, "spec", classField); got != "theirs" {
		t.Errorf("the class became %q", got)
	}
}

// An HTTPProxy that serves nobody would be half and half to Contour.
func TestNoWeightsAreRefused(t *testing.T) {
	_, err := render(class, routertest.Canary(), nil, rollout.Traffic{})
	if err == nil || err.Error() != "HTTPProxy podinfo.test update failed: no valid weights" {
		t.Errorf("got error %v", err)
	}
}

func TestObserveTellsWhatContourSays(t *testing.T) {
	b := newBench(t, class)
	b.Settle(rollout.ToPrimary())
	want := rollout.Routing{
		Traffic: rollout.ToPrimary(), Acceptance: rollout.Unconfirmed,
		Message: "HTTPProxy podinfo." + b.Canary.Namespace + " is not confirmed by Contour yet",
	}
	if diff := cmp.Diff(want, b.Observe()); diff != "" {
		t.Errorf("before Contour answers (-want +got):\n%s", diff)
	}
	proxy := b.Routing()
	proxy.Object["status"] = map[string]any{"currentStatus": "valid", "conditions": []any{map[string]any{
		"type": "Valid", "status": "True", "reason": "Valid", "message": "Valid HTTPProxy",
		"observedGeneration": proxy.GetGeneration(), "lastTransitionTime": "2026-01-02T03:04:05Z",
	}}}
	b.Report(proxy)
	if got := b.Observe(); got != (rollout.Routing{Traffic: rollout.ToPrimary()}) {
		t.Errorf("when Contour has taken it: %+v", got)
	}
	b.Apply(rollout.Split(10), 1)
	if got := b.Observe(); got.Acceptance != rollout.Unconfirmed {
		t.Errorf("before Contour answers again: %+v", got)
	}
}
