package smi

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// original is what of a user's TrafficSplit is overwritten.
type original struct {
	v1beta1.CustomMetadata
	Service  string    `json:"service"`
	Backends []backend `json:"backends"`
}

// originalOf is the original of live, a TrafficSplit that c did not make, which rendered will overwrite, or nil if live
// leads to one of our sides. What does more than lead from the root to the apex Service is router.ErrForeign.
func originalOf(c *v1beta1.Canary, live, rendered *unstructured.Unstructured) (*original, error) {
	if _, ours, err := read(c, live); err != nil || ours {
		return nil, err
	}
	list, err := backends(live)
	if err != nil {
		return nil, err
	}
	divided, root := rootOf(live), rootOf(rendered)
	if !isSame(c, divided, root) {
		return nil, router.Foreign(live, "divides the traffic of %s, not of %s", divided, root)
	}
	for i, b := range list {
		if b["service"] != router.ApexService(c) {
			return nil, router.Foreign(live, "leads in spec.backends[%d] to %v, not to Service %s", i, b["service"], router.ApexService(c))
		}
	}
	return &original{CustomMetadata: router.Overwritten(live, rendered), Service: divided, Backends: list}, nil
}

// isSame says whether two roots are the same or name the same Service.
func isSame(c *v1beta1.Canary, a, b string) bool {
	first, isService := router.ServiceOf(c, a)
	second, isToo := router.ServiceOf(c, b)
	return a == b || isService && isToo && first == second
}

// handBack is live as it was before it was taken over; where that is not known, all traffic goes to the apex Service.
// It returns nil for an object that was never taken over.
func (v Variant) handBack(c *v1beta1.Canary, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	list, err := backends(live)
	if err != nil {
		return nil, err
	}
	before, err := router.SavedOriginal[original](live)
	if err != nil {
		return nil, err
	}
	if before == nil {
		if !slices.ContainsFunc(list, func(b backend) bool { return isSide(c, b) }) {
			return nil, nil
		}
		all := rollout.ToPrimary().Primary
		apex := backend{"service": router.ApexService(c), "weight": v.form(list)(all)}
		before = &original{Service: rootOf(live), Backends: []backend{apex}}
	}
	ours, err := v.mesh.annotations(c)
	if err != nil {
		return nil, err
	}
	restored := live.DeepCopy()
	router.PutBack(restored, v1beta1.CustomMetadata{Annotations: ours}, before.CustomMetadata)
	return restored, divide(restored, before.Service, v.readable(before.Backends))
}
