package controller

import (
	"slices"
	"testing"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/internal/workload/scaler"
)

// Whatever wakes a canary must lead to it: a name without a stem in the index would be a change that nobody sees.
func TestStemsLeadToEveryName(t *testing.T) {
	ref := func(name string) *v1beta1.LocalObjectReference { return &v1beta1.LocalObjectReference{Name: name} }
	tests := map[string]struct {
		reason string
		change func(*v1beta1.Canary)
		want   []string
	}{
		"Plain":    {"One value is enough for most.", func(*v1beta1.Canary) {}, []string{"web"}},
		"Service":  {"Services may have a name of their own.", func(c *v1beta1.Canary) { c.Spec.Service.Name = "shop" }, []string{"shop", "web"}},
		"Ingress":  {"So may what routes are copied from.", func(c *v1beta1.Canary) { c.Spec.IngressRef = ref("front") }, []string{"front", "front-web", "web"}},
		"Route":    {"Under whatever kind.", func(c *v1beta1.Canary) { c.Spec.RouteRef = ref("front") }, []string{"front", "front-web", "web"}},
		"Upstream": {"Gloo's template.", func(c *v1beta1.Canary) { c.Spec.UpstreamRef = &v1beta1.CrossNamespaceObjectReference{Name: "up"} }, []string{"up", "web"}},
		"Scaler": {"An autoscaler.", func(c *v1beta1.Canary) {
			c.Spec.AutoscalerRef = &v1beta1.AutoscalerReference{APIVersion: "autoscaling/v2", Kind: "HorizontalPodAutoscaler", Name: "hpa"}
		}, []string{"hpa", "web"}},
		"Endings": {"Names that look like ours.", func(c *v1beta1.Canary) { c.Spec.TargetRef.Name = "web-canary-primary" }, []string{"web-canary-primary"}},
		"Dots":    {"Names that look like hosts.", func(c *v1beta1.Canary) { c.Spec.IngressRef = ref("front.ns") }, []string{"front.ns", "front.ns-web", "web"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := testkit.Canary()
			c.Namespace = "ns"
			test.change(c)
			stems := Stems(c)
			expect(t, test.reason, test.want, stems)
			for _, name := range slices.Concat(Workloads(c), Apexes(c), Routes(c), scaler.Names(c)) {
				if !slices.ContainsFunc(stemsOf(c.Namespace, name), func(stem string) bool { return slices.Contains(stems, stem) }) {
					t.Errorf("%s: %s is made of %v, and none is in %v", test.reason, name, stemsOf(c.Namespace, name), stems)
				}
			}
		})
	}
}
