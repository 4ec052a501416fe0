package kuma

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

// original is what of a user's TrafficRoute is overwritten.
type original struct {
	v1beta1.CustomMetadata `json:",inline"`
	Mesh                   string `json:"mesh"`
	// Split and Destination are where the route led; it had one of them.
	Split       []any          `json:"split,omitempty"`
	Destination map[string]any `json:"destination,omitempty"`
}

// save writes down what rendered will overwrite in live, if all that live does is lead to the apex Service; else it is
// router.ErrForeign.
func save(c *v1beta1.Canary, live, rendered *unstructured.Unstructured) (*original, error) {
	apex := tag(c, router.ApexService(c))
	if sources := selected(live, sourcesPath); !slices.Equal(sources, []string{"*"}) {
		return nil, router.Foreign(live, "is for the sources %v alone", sources)
	}
	if destinations := selected(live, destinationsPath); !slices.Equal(destinations, []string{apex}) {
		return nil, router.Foreign(live, "is for the destinations %v, not for %s alone", destinations, apex)
	}
	if len(router.Objects(live.Object, httpPath...)) > 0 {
		return nil, router.Foreign(live, "has spec.conf.http, which cannot be divided by weight")
	}
	for _, to := range slices.Sorted(maps.Keys(targets(live))) {
		if to != apex {
			return nil, router.Foreign(live, "leads to %s, not to %s", to, apex)
		}
	}
	split, _, _ := unstructured.NestedSlice(live.Object, splitPath...)
	destination, _, _ := unstructured.NestedMap(live.Object, destinationPath...)
	return &original{router.Overwritten(live, rendered), meshOf(live), split, destination}, nil
}

// handBack is live as it was before it was taken over, or nil for an object that never was.
func handBack(c *v1beta1.Canary, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	before, err := router.SavedOriginal[original](live)
	if err != nil || before == nil {
		return nil, err
	}
	restored := live.DeepCopy()
	router.PutBack(restored, router.ApexMetadata(c), before.CustomMetadata)
	restored.Object["mesh"] = before.Mesh
	unstructured.RemoveNestedField(restored.Object, splitPath...)
	if len(before.Split) > 0 {
		err = unstructured.SetNestedSlice(restored.Object, before.Split, splitPath...)
	}
	if err == nil && len(before.Destination) > 0 {
		err = unstructured.SetNestedMap(restored.Object, before.Destination, destinationPath...)
	}
	return restored, err
}
