package kuma

import (
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// render makes the TrafficRoute of the name that divides traffic as want says, with the fields that we own; whose the
// object is, is not its matter. It does not change c.
func render(c *v1beta1.Canary, name string, want rollout.Traffic) *unstructured.Unstructured {
	route := &unstructured.Unstructured{Object: map[string]any{
		"mesh": mesh(c),
		"spec": map[string]any{
			"sources":      []any{selector("*")},
			"destinations": []any{selector(tag(c, router.ApexService(c)))},
			"conf": map[string]any{"split": []any{
				portion(tag(c, router.PrimaryService(c)), int64(want.Primary)),
				portion(tag(c, router.CanaryService(c)), int64(want.Canary)),
			}},
		},
	}}
	route.SetGroupVersionKind(kind)
	route.SetName(name)
	metadata := router.ApexMetadata(c)
	if len(metadata.Labels) > 0 {
		route.SetLabels(maps.Clone(metadata.Labels))
	}
	route.SetAnnotations(metadata.Annotations)
	return route
}
