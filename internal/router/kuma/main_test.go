package kuma

import (
	"os"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
	"flagger.app/flagger/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// usersRoute is one of the canary's name that leads to the apex Service as conf says.
func usersRoute(c *v1beta1.Canary, conf map[string]any) *unstructured.Unstructured {
	route := &unstructured.Unstructured{Object: map[string]any{
		"mesh": "default",
		"spec": map[string]any{
			"sources":      []any{selector("*")},
			"destinations": []any{selector(tag(c, router.ApexService(c)))},
			"conf":         conf,
		},
	}}
	route.SetGroupVersionKind(kind)
	route.SetName("podinfo")
	return route
}

// toTheApex leads there, as a single destination.
func toTheApex(c *v1beta1.Canary) map[string]any {
	return map[string]any{serviceTag: tag(c, router.ApexService(c))}
}

// provider is what the suite knows of us. What a TrafficRoute is for has the namespace in it.
func provider(t *testing.T) routertest.Provider {
	t.Helper()
	c := routertest.Canary()
	return routertest.Provider{
		Row:       Row(),
		CRDs:      []string{routertest.CRD(t, "kuma_trafficroutes.yaml")},
		Canary:    routertest.Canary,
		Namespace: c.Namespace,
		Object:    "podinfo",
		Edit:      func(b *routertest.Bench) { b.Canary.Spec.Service.Port = 9898 },
		Damage: func(route *unstructured.Unstructured) {
			route.SetLabels(map[string]string{"somebody": "else"})
			route.Object["mesh"] = "other"
			spec := route.Object["spec"].(map[string]any)
			spec["sources"] = []any{selector("web_test_svc_80")}
			spec["conf"].(map[string]any)["http"] = []any{map[string]any{"destination": toTheApex(c)}}
		},
		Users: func() *unstructured.Unstructured {
			users := usersRoute(c, map[string]any{
				"destination":  toTheApex(c),
				"loadBalancer": map[string]any{"leastRequest": map[string]any{"choiceCount": int64(3)}},
			})
			users.SetLabels(map[string]string{"app.kubernetes.io/instance": "theirs"})
			users.SetAnnotations(map[string]string{"example.com/theirs": "yes", "helm.toolkit.fluxcd.io/driftDetection": "enabled"})
			return users
		},
		Refused: map[string]func(*v1beta1.Canary){
			"NoPort":   func(c *v1beta1.Canary) { c.Spec.Service.Port = 0 },
			"HalfPort": func(c *v1beta1.Canary) { c.Spec.Service.Port = 80.5 },
		},
	}
}
