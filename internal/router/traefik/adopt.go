package traefik

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// original is what of a user's TraefikService is overwritten.
type original struct {
	v1beta1.CustomMetadata
	Services []entry `json:"services,omitempty"`
}

// originalOf is the original of live, a TraefikService that c did not make, which rendered will overwrite, or nil if
// live leads to one of our sides. What does more than lead to the apex Service is router.ErrForeign.
func originalOf(c *v1beta1.Canary, live, rendered *unstructured.Unstructured) (*original, error) {
	if _, ours, err := read(c, live); err != nil || ours {
		return nil, err
	}
	list, err := entries(live)
	if err != nil {
		return nil, err
	}
	for i, e := range list {
		if !leadsTo(c, e, router.ApexService(c)) {
			return nil, router.Foreign(live, "leads in spec.weighted.services[%d] to %v, not to Service %s", i, e["name"], router.ApexService(c))
		}
	}
	if kind := kindOf(live); len(list) == 0 && kind != "" {
		return nil, router.Foreign(live, "has spec.%s, which cannot be divided by weight", kind)
	}
	return &original{CustomMetadata: router.Overwritten(live, rendered), Services: list}, nil
}

// kindOf is the field of live's spec that says what it does instead of dividing by weight, the first by name, or "".
func kindOf(live *unstructured.Unstructured) string {
	spec, _ := live.Object["spec"].(map[string]any)
	for _, field := range slices.Sorted(maps.Keys(spec)) {
		if field != "weighted" {
			return field
		}
	}
	return ""
}

// handBack is live as it was before it was taken over; where that is not known, all traffic goes to the apex Service.
// It returns nil for an object that was never taken over.
func handBack(c *v1beta1.Canary, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	list, err := entries(live)
	if err != nil {
		return nil, err
	}
	before, err := router.SavedOriginal[original](live)
	if err != nil {
		return nil, err
	}
	if before == nil {
		like := find(c, list, router.PrimaryService(c), router.CanaryService(c))
		if like == nil {
			return nil, nil
		}
		before = &original{Services: []entry{lead(c, like, router.ApexService(c), rollout.ToPrimary().Primary)}}
	}
	restored := live.DeepCopy()
	router.PutBack(restored, router.ApexMetadata(c), before.CustomMetadata)
	return restored, restore(restored, before.Services)
}

// restore gives object the list of entries, or none at all.
func restore(object *unstructured.Unstructured, list []entry) error {
	if len(list) > 0 {
		return unstructured.SetNestedSlice(object.Object, router.Items(list), listPath...)
	}
	unstructured.RemoveNestedField(object.Object, listPath...)
	weighted := listPath[:len(listPath)-1]
	if left, _, err := unstructured.NestedMap(object.Object, weighted...); err == nil && len(left) == 0 {
		unstructured.RemoveNestedField(object.Object, weighted...)
	}
	return nil
}
