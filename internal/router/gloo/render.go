package gloo

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// textNoWeights is a text of the contract, which users see in events.
const textNoWeights = "RoutingRule %s.%s update failed: no valid weights"

// render makes the RouteTable that divides traffic as want says, with the fields that we own and, in its routes, what
// live has besides; whose the object is, is not its matter. It changes neither c nor live, which may be nil.
func render(c *v1beta1.Canary, live *unstructured.Unstructured, want rollout.Traffic) (*unstructured.Unstructured, error) {
	if want.Primary <= 0 && want.Canary <= 0 {
		return nil, fmt.Errorf(textNoWeights, router.ObjectName(c), c.Namespace)
	}
	list, err := divide(c, routes(live), want)
	if err != nil {
		return nil, router.InvalidSpec(err)
	}
	return router.ApexObject(c, tableKind, map[string]any{"routes": list}), nil
}

// divide makes the routes: in an A/B test only the matching requests are divided, and the primary has the others.
func divide(c *v1beta1.Canary, present []route, want rollout.Traffic) ([]any, error) {
	chosen, err := matching(c)
	if err != nil {
		return nil, err
	}
	var first, last route
	if len(present) > 0 {
		first, last = present[0], present[len(present)-1]
	}
	if chosen == nil {
		return []any{lay(c, last, want)}, nil
	}
	test := lay(c, first, want)
	test["matchers"] = []any{chosen}
	return []any{test, lay(c, last, rollout.ToPrimary())}, nil
}

// lay makes a route of all requests, which is as like says in the fields that are not ours; like may be nil.
func lay(c *v1beta1.Canary, like route, want rollout.Traffic) route {
	one := route{}
	if like != nil {
		one = runtime.DeepCopyJSON(like)
	}
	present := targets(one)
	for _, field := range append([]string{"matchers"}, actions...) {
		delete(one, field)
	}
	primary, canary := primarySide(c), canarySide(c)
	one["inheritablePathMatchers"] = true
	one["routeAction"] = map[string]any{"multi": map[string]any{"destinations": []any{
		lead(c, find(c, present, primary, canary), primary, want.Primary),
		lead(c, find(c, present, canary, primary), canary, want.Canary),
	}}}
	return one
}
