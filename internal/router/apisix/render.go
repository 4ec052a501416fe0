package apisix

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// Texts of the contract, which users see in events, and our own of the same kind.
const (
	textNoWeights  = "RoutingRule %s.%s update failed: no valid weights"
	textNoRules    = "APISIX route %s.%s's spec.http is empty"
	textNoBackend  = "Can not find %s backend on apisix route %s.%s"
	textOneBackend = "APISIX route %s.%s's http route %s only one http backend is supported"
	textUpstreams  = "APISIX route %s.%s's http route %s has upstreams beside the backend %s, whose weight must be 100"
	textTakesFrom  = "APISIX route %s.%s's http route %s would lose requests to the canary's copy of %s, unless its priority is above %d"
)

// render makes the canary route that divides traffic as want says out of source, the user's. Its fields are all that
// we own; whose the object is, is not its matter. It changes nothing of c or source. A source that cannot be divided is
// router.ErrInvalidSpec.
func render(c *v1beta1.Canary, source *unstructured.Unstructured, want rollout.Traffic) (*unstructured.Unstructured, error) {
	if want.Primary <= 0 && want.Canary <= 0 {
		return nil, fmt.Errorf(textNoWeights, router.ObjectName(c), c.Namespace)
	}
	divided, err := divide(c, source, want)
	if err != nil {
		return nil, router.InvalidSpec(fmt.Errorf(field+": %w", err))
	}
	route := router.CopyOf(c, source, canaryRoute(c))
	spec := route.Object["spec"].(map[string]any) // it has rules
	spec["http"] = divided
	delete(spec, "stream")
	return route, nil
}

// divide returns copies of those rules of source that lead to the apex Service, which lead to its two sides instead and
// rank above the rules that they were made from.
func divide(c *v1beta1.Canary, source *unstructured.Unstructured, want rollout.Traffic) ([]any, error) {
	all := rules(source)
	if len(all) == 0 {
		return nil, fmt.Errorf(textNoRules, source.GetName(), source.GetNamespace())
	}
	var divided []any
	for _, one := range all {
		like := find(one, router.ApexService(c))
		if like == nil {
			continue
		}
		if err := check(c, source, one); err != nil {
			return nil, err
		}
		copied := runtime.DeepCopyJSON(one)
		copied["priority"] = priorityOf(one) + lift
		copied["backends"] = sides(c, like, want)
		divided = append(divided, copied)
	}
	if len(divided) == 0 {
		return nil, fmt.Errorf(textNoBackend, router.ApexService(c), source.GetName(), source.GetNamespace())
	}
	return divided, nil
}

// check says why one, a rule of source that leads to the apex Service, cannot be divided without harm to what else the
// user's route leads to.
func check(c *v1beta1.Canary, source *unstructured.Unstructured, one rule) error {
	route, namespace := source.GetName(), source.GetNamespace()
	if len(router.Objects(one, "backends")) > 1 {
		return fmt.Errorf(textOneBackend, route, namespace, one["name"])
	}
	if len(router.Objects(one, "upstreams")) > 0 && weightOf(find(one, router.ApexService(c))) != defaultWeight {
		return fmt.Errorf(textUpstreams, route, namespace, one["name"], router.ApexService(c))
	}
	for _, other := range rules(source) {
		if find(other, router.ApexService(c)) == nil && takesFrom(one, other) {
			return fmt.Errorf(textTakesFrom, route, namespace, other["name"], one["name"], priorityOf(one)+lift)
		}
	}
	return nil
}
