package nginx

import (
	"maps"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router/routertest"
)

func TestConformance(t *testing.T) {
	for _, prefix := range []string{prefix, "ingress.example.com"} {
		t.Run(prefix, func(t *testing.T) { routertest.Run(t, provider(prefix)) })
	}
}

func provider(prefix string) routertest.Provider {
	return routertest.Provider{
		Row:    Row(prefix),
		Canary: canary,
		Given:  []*unstructured.Unstructured{usersIngress()},
		Object: "podinfo-canary",
		Edit:   func(b *routertest.Bench) { b.Canary.Spec.Service.Name = "web" },
		Damage: func(object *unstructured.Unstructured) {
			annotations := object.GetAnnotations()
			maps.Copy(annotations, map[string]string{prefix + "/canary-weight": "90", prefix + "/canary-weight-total": "1000"})
			object.SetAnnotations(annotations)
			object.Object["spec"].(map[string]any)["ingressClassName"] = "other"
		},
		Refused: map[string]func(*v1beta1.Canary){
			"NoIngress": func(c *v1beta1.Canary) { c.Spec.IngressRef = nil },
			"AConditionThatSaysLess": func(c *v1beta1.Canary) {
				c.Spec.Analysis.Iterations = 5
				c.Spec.Analysis.Match = []istio.HTTPMatchRequest{{Headers: map[string]istio.StringMatch{"x-canary": {Prefix: "in"}}}}
			},
			"AConditionInAWeightedRun": func(c *v1beta1.Canary) {
				c.Spec.Analysis.Match = []istio.HTTPMatchRequest{{Headers: map[string]istio.StringMatch{"x-canary": {Exact: "in"}}}}
			},
		},
	}
}
