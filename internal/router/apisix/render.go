package apisix

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// Texts of the contract, which users see in events, and our own of the same kind.
const (
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
	divided, err := divide(c, source, want)
	if err != nil {
		return nil, router.InvalidSpec(fmt.Errorf("spec.routeRef: %w", err))
	}
	spec := map[string]any{}
	for field, value := range source.Object["spec"].(map[string]any) { // it has rules
		spec[field] = runtime.DeepCopyJSONValue(value)
	}
	spec["http"] = divided
	delete(spec, "stream")
	route := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	route.SetGroupVersionKind(kind)
	route.SetNamespace(c.Namespace)
	route.SetName(canaryRoute(c))
	if labels := kube.WithoutTracking(source.GetLabels()); len(labels) > 0 {
		route.SetLabels(labels)
	}
	route.SetAnnotations(kube.Guarded(kube.WithoutTracking(source.GetAnnotations())))
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
	if len(objects(one, "backends")) > 1 {
		return fmt.Errorf(textOneBackend, route, namespace, one["name"])
	}
	if len(objects(one, "upstreams")) > 0 && weightOf(find(one, router.ApexService(c))) != defaultWeight {
		return fmt.Errorf(textUpstreams, route, namespace, one["name"], router.ApexService(c))
	}
	for _, other := range rules(source) {
		if find(other, router.ApexService(c)) == nil && takesFrom(one, other) {
			return fmt.Errorf(textTakesFrom, route, namespace, other["name"], one["name"], priorityOf(one)+lift)
		}
	}
	return nil
}
