package kuma

import (
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// render makes the TrafficRoute of the name that divides traffic as want says, with the fields that we own; whose the
// object is, is not its matter. It does not change c.
func render(c *v1beta1.Canary, name string, want rollout.Traffic) *unstructured.Unstructured {
	route := router.ApexObject(c, kind, map[string]any{
		"sources":      []any{selector("*")},
		"destinations": []any{selector(tag(c, router.ApexService(c)))},
		"conf": map[string]any{"split": []any{
			portion(tag(c, router.PrimaryService(c)), int64(want.Primary)),
			portion(tag(c, router.CanaryService(c)), int64(want.Canary)),
		}},
	})
	route.SetNamespace("")
	route.SetName(name)
	route.Object["mesh"] = mesh(c)
	return route
}

// withoutDestination is live, nil for none, with the split of route and its annotations in exchange for a single
// destination: Kuma refuses a TrafficRoute with both, and an apply would not take it out. It is nil if there is none.
func withoutDestination(live, route *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if live == nil {
		return nil, nil
	}
	if _, found, _ := unstructured.NestedFieldNoCopy(live.Object, destinationPath...); !found {
		return nil, nil
	}
	cleared := live.DeepCopy()
	unstructured.RemoveNestedField(cleared.Object, destinationPath...)
	split, _, _ := unstructured.NestedSlice(route.Object, splitPath...)
	if err := unstructured.SetNestedSlice(cleared.Object, split, splitPath...); err != nil {
		return nil, fmt.Errorf("take spec.conf.destination out of %s: %w", router.Describe(live), err)
	}
	annotations := map[string]string{}
	maps.Copy(annotations, live.GetAnnotations())
	maps.Copy(annotations, route.GetAnnotations())
	cleared.SetAnnotations(annotations)
	return cleared, nil
}
