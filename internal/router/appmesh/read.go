package appmesh

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// read is the inverse of render: the traffic that object, which has the weights, is configured for. The first route
// tells, which in an A/B test is that of the first condition. It returns false where that route leads to neither side.
func (d dialect) read(c *v1beta1.Canary, object *unstructured.Unstructured) (rollout.Traffic, bool, error) {
	list, err := routes(object)
	if err != nil || len(list) == 0 {
		return rollout.Traffic{}, false, err
	}
	weights := map[string]int64{}
	for _, target := range targetsOf(list[0]) {
		weight, _, _ := unstructured.NestedInt64(target, "weight")
		weights[d.node(c, target)] += weight
	}
	primary, toPrimary := weights[primaryNode(c)]
	canary, toCanary := weights[canaryNode(c)]
	return router.Shares(primary, canary), toPrimary || toCanary, nil
}

// destinations are the VirtualNodes that the routes of live lead to; the name of one in another namespace is empty.
func (d dialect) destinations(c *v1beta1.Canary, live *unstructured.Unstructured) ([]string, error) {
	list, err := routes(live)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, route := range list {
		for _, target := range targetsOf(route) {
			names = append(names, d.node(c, target))
		}
	}
	return names, nil
}

// routes are those of object, in the API's JSON.
func routes(object *unstructured.Unstructured) ([]map[string]any, error) {
	list, err := router.CopyObjects(object.Object, "spec", "routes")
	if err != nil {
		return nil, fmt.Errorf("read the routes of %s: %w", router.Describe(object), err)
	}
	return list, nil
}

// targetsOf are the weighted targets of route, whatever its protocol.
func targetsOf(route map[string]any) []map[string]any {
	var targets []map[string]any
	for _, field := range slices.Sorted(maps.Keys(route)) {
		targets = append(targets, router.Objects(route, field, "action", "weightedTargets")...) // name and priority have none
	}
	return targets
}

// hostAt tells the Service whose pods are those of a VirtualNode, by the host at path, or that host where it is none.
func hostAt(path string) func(c *v1beta1.Canary, live *unstructured.Unstructured) ([]string, error) {
	return func(c *v1beta1.Canary, live *unstructured.Unstructured) ([]string, error) {
		host, _ := value(live, path).(string)
		if service, found := router.ServiceOf(c, host); found {
			host = service
		}
		return []string{host}, nil
	}
}
