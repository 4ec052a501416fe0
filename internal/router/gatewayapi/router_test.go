package gatewayapi

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router/routertest"
)

func TestConformance(t *testing.T) {
	for _, version := range []Version{V1, V1beta1} {
		t.Run(version.api, func(t *testing.T) { routertest.Run(t, provider(t, version)) })
	}
}

// canary shifts traffic of the Service podinfo by weight, behind one gateway.
func canary() *v1beta1.Canary {
	c := routertest.Canary()
	c.Spec.Service.GatewayRefs = []gatewayv1.ParentReference{{Name: "gateway"}}
	c.Spec.Service.Hosts = []string{"app.example.com"}
	return c
}

func provider(t *testing.T, v Version) routertest.Provider {
	return routertest.Provider{
		Row:    Row(v),
		CRDs:   []string{crds(t)},
		Canary: canary,
		Object: "podinfo",
		Edit: func(b *routertest.Bench) {
			b.Canary.Spec.Service.Match = []istio.HTTPMatchRequest{{Headers: map[string]istio.StringMatch{"x-a": {Exact: "1"}, "x-b": {Exact: "2"}}}}
		},
		Damage: func(route *unstructured.Unstructured) {
			route.SetLabels(map[string]string{"somebody": "else"})
			route.Object["spec"].(map[string]any)["hostnames"] = []any{"other.example.com"}
			route.Object["spec"].(map[string]any)["rules"] = []any{map[string]any{"backendRefs": []any{
				map[string]any{"name": "podinfo", "port": int64(80)},
			}}}
		},
		Users: func() *unstructured.Unstructured { return usersRoute(v) },
		Refused: map[string]func(*v1beta1.Canary){
			"NoGateways": func(c *v1beta1.Canary) { c.Spec.Service.GatewayRefs = nil },
			"AConditionThatWouldMatchEverybody": func(c *v1beta1.Canary) {
				c.Spec.Analysis.Match = []istio.HTTPMatchRequest{{Headers: map[string]istio.StringMatch{"x-canary": {Prefix: "in"}}}}
			},
			"AffinityWithConditions": func(c *v1beta1.Canary) {
				c.Spec.Analysis.Match = []istio.HTTPMatchRequest{{Headers: map[string]istio.StringMatch{"x-canary": {Exact: "in"}}}}
				c.Spec.Analysis.SessionAffinity = &v1beta1.SessionAffinity{CookieName: "side"}
			},
		},
	}
}

// usersRoute has what a canary's never has: two other backends, a redirect, a rule name and labels.
func usersRoute(v Version) *unstructured.Unstructured {
	route := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"parentRefs": []any{map[string]any{"group": gatewayv1.GroupName, "kind": "Gateway", "name": "theirs"}},
		"hostnames":  []any{"app.example.com", "old.example.com"},
		"rules": []any{
			map[string]any{
				"name":        "main",
				"matches":     []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": "/"}}},
				"backendRefs": []any{map[string]any{"group": "", "kind": "Service", "name": "podinfo", "port": int64(80), "weight": int64(3)}},
			},
			map[string]any{
				"matches": []any{map[string]any{"path": map[string]any{"type": "Exact", "value": "/old"}}},
				"filters": []any{map[string]any{
					"type":            "RequestRedirect",
					"requestRedirect": map[string]any{"hostname": "old.example.com", "statusCode": int64(301)},
				}},
			},
		},
	}}}
	route.SetGroupVersionKind(v.kind())
	route.SetName("podinfo")
	route.SetLabels(map[string]string{"app.kubernetes.io/instance": "theirs"})
	route.SetAnnotations(map[string]string{
		"example.com/theirs":                    "yes",
		"helm.toolkit.fluxcd.io/driftDetection": "enabled",
	})
	return route
}
