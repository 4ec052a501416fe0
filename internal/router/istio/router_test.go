package istio

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router/routertest"
)

func TestConformance(t *testing.T) { routertest.Run(t, provider(t)) }

func provider(t *testing.T) routertest.Provider {
	damageRule := func(rule *unstructured.Unstructured) {
		rule.Object["spec"] = map[string]any{"host": "other", "trafficPolicy": map[string]any{"tls": map[string]any{"mode": "SIMPLE"}}}
	}
	return routertest.Provider{
		Row:    Row(),
		CRDs:   []string{routertest.CRD(t, "istio_virtualservices.yaml"), routertest.CRD(t, "istio_destinationrules.yaml")},
		Canary: routertest.Canary,
		Object: "podinfo",
		Damage: func(route *unstructured.Unstructured) {
			route.SetLabels(map[string]string{"somebody": "else"})
			route.Object["spec"] = map[string]any{
				"hosts": []any{"other.example.com"},
				"http":  []any{map[string]any{"route": []any{map[string]any{"destination": map[string]any{"host": "podinfo"}}}}},
			}
		},
		Further: []routertest.Object{
			{Kind: ruleKind, Name: "podinfo-canary", Damage: damageRule},
			{Kind: ruleKind, Name: "podinfo-primary", Damage: damageRule},
		},
		Edit: func(b *routertest.Bench) {
			b.Canary.Spec.Service.Match = []istio.HTTPMatchRequest{{Headers: map[string]istio.StringMatch{"x-a": {Exact: "1"}, "x-b": {Exact: "2"}}}}
		},
		Users: usersRoute,
		Refused: map[string]func(*v1beta1.Canary){
			"DelegationWithHosts": func(c *v1beta1.Canary) {
				c.Spec.Service.Delegation, c.Spec.Service.Hosts = true, []string{"app.example.com"}
			},
			"AConditionThatWouldMatchEverybody": func(c *v1beta1.Canary) {
				c.Spec.Analysis.Match = []istio.HTTPMatchRequest{{Name: "insiders"}}
			},
			"AConditionOnConnections": func(c *v1beta1.Canary) {
				c.Spec.Service.AppProtocol = "tcp"
				c.Spec.Analysis.Match = []istio.HTTPMatchRequest{{Headers: map[string]istio.StringMatch{"x-canary": {Exact: "in"}}}}
			},
			"AffinityWithConditions": func(c *v1beta1.Canary) {
				c.Spec.Analysis.Match = []istio.HTTPMatchRequest{{Headers: map[string]istio.StringMatch{"x-canary": {Exact: "in"}}}}
				c.Spec.Analysis.SessionAffinity = &v1beta1.SessionAffinity{CookieName: "side"}
			},
		},
	}
}

// usersRoute has what a canary's never has: a route to somebody else, a redirect, TLS and TCP routes, and labels.
func usersRoute() *unstructured.Unstructured {
	destination := func(host string) []any {
		return []any{map[string]any{"destination": map[string]any{"host": host, "port": map[string]any{"number": int64(80)}}}}
	}
	route := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"hosts":    []any{"app.example.com", "old.example.com"},
		"gateways": []any{"istio-system/theirs"},
		"exportTo": []any{"."},
		"http": []any{
			map[string]any{
				"name":     "old",
				"match":    []any{map[string]any{"uri": map[string]any{"prefix": "/old"}}},
				"redirect": map[string]any{"authority": "old.example.com"},
			},
			map[string]any{"name": "api", "match": []any{map[string]any{"uri": map[string]any{"prefix": "/api"}}}, "route": destination("api")},
			map[string]any{"route": destination("podinfo")},
		},
		"tls": []any{map[string]any{"match": []any{map[string]any{"sniHosts": []any{"tls.example.com"}}}, "route": destination("tls")}},
		"tcp": []any{map[string]any{"match": []any{map[string]any{"port": int64(5432)}}, "route": destination("postgres")}},
	}}}
	route.SetGroupVersionKind(routeKind)
	route.SetName("podinfo")
	route.SetLabels(map[string]string{"app.kubernetes.io/instance": "theirs"})
	route.SetAnnotations(map[string]string{
		"example.com/theirs":                    "yes",
		"helm.toolkit.fluxcd.io/driftDetection": "enabled",
	})
	return route
}
