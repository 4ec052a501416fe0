package istio

import (
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/router"
)

// renderRule makes the DestinationRule of the Service of a side.
func renderRule(c *v1beta1.Canary, service string) (*unstructured.Unstructured, error) {
	spec, err := encode(&ruleSpec{Host: service, TrafficPolicy: c.Spec.Service.TrafficPolicy})
	if err != nil {
		return nil, err
	}
	rule := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	rule.SetGroupVersionKind(ruleKind)
	rule.SetNamespace(c.Namespace)
	rule.SetName(service)
	rule.SetAnnotations(maps.Clone(kube.Guards))
	return rule, nil
}

// desiredRule is the DestinationRule of a side's Service as it is to be, given the one that is there, or nil.
func desiredRule(deps router.Deps, c *v1beta1.Canary, live *unstructured.Unstructured, service string) (kube.Manifest, error) {
	if live != nil && !deps.Claimed(c, live) && !isFlaggers(live) {
		return kube.Manifest{}, router.Foreign(live, "exists and was not made for this canary")
	}
	rule, err := renderRule(c, service)
	if err != nil {
		return kube.Manifest{}, err
	}
	deps.Claim(c, rule)
	return kube.Manifest{Object: rule, Whole: []string{"spec.trafficPolicy"}}, nil
}

// isFlaggers says whether rule was made for the Service of a side by a Flagger that could not set an owner: it says
// what Flagger's do and nothing else.
func isFlaggers(rule *unstructured.Unstructured) bool {
	if metav1.GetControllerOf(rule) != nil || len(rule.GetLabels())+len(rule.GetAnnotations()) > 0 {
		return false
	}
	spec, _ := rule.Object["spec"].(map[string]any)
	for field := range spec {
		if field != "host" && field != "trafficPolicy" {
			return false
		}
	}
	return spec["host"] == rule.GetName()
}
