package nginx

import (
	"maps"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
)

func TestConformance(t *testing.T) {
	for _, prefix := range []string{prefix, "ingress.example.com"} {
		t.Run(prefix, func(t *testing.T) { routertest.Run(t, provider(t, prefix)) })
	}
}

// provider is what the suite knows of us. It knows nothing of the user's Ingress, which is made in the canary's
// namespace when the suite asks for the router.
func provider(t *testing.T, prefix string) routertest.Provider {
	direct := connect(t)
	var c *v1beta1.Canary
	row := Row(prefix)
	makeRouter := row.New
	row.New = func(deps router.Deps) router.Router {
		if err := direct.Create(t.Context(), usersIngress(c.Namespace)); err != nil && !apierrors.IsAlreadyExists(err) {
			t.Errorf("create the user's Ingress: %v", err)
		}
		return makeRouter(deps)
	}
	return routertest.Provider{
		Row: row,
		Canary: func() *v1beta1.Canary {
			c = canary()
			return c
		},
		Object: "podinfo-canary",
		Edit:   func(c *v1beta1.Canary) { c.Spec.Service.Name = "web" },
		Damage: func(ingress *unstructured.Unstructured) {
			annotations := ingress.GetAnnotations()
			maps.Copy(annotations, map[string]string{prefix + "/canary-weight": "90", prefix + "/canary-weight-total": "1000"})
			ingress.SetAnnotations(annotations)
			ingress.Object["spec"].(map[string]any)["ingressClassName"] = "other"
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
