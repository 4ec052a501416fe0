package contour

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// original is what of a user's HTTPProxy is overwritten; Spec has those of our fields that it had.
type original struct {
	v1beta1.CustomMetadata
	Spec map[string]any `json:"spec,omitempty"`
}

// fields are those of the spec that are ours.
func (r *Router) fields() []string {
	if r.class == "" {
		return []string{routesField}
	}
	return []string{routesField, classField}
}

// originalOf is the original of live, an HTTPProxy that c did not make, which rendered will overwrite, or nil if live leads
// to one of our sides. What does more than lead the canary's requests to the apex Service is router.ErrForeign.
func (r *Router) originalOf(c *v1beta1.Canary, live, rendered *unstructured.Unstructured) (*original, error) {
	if _, ours := read(c, live); ours {
		return nil, nil
	}
	if _, found, _ := unstructured.NestedFieldNoCopy(live.Object, "spec", "tcpproxy"); found {
		return nil, router.Foreign(live, "has spec.tcpproxy, by which its routes count for nothing")
	}
	list := routes(live)
	if len(list) > 1 {
		return nil, router.Foreign(live, "has %d routes, of which one alone could stay", len(list))
	}
	for _, one := range list {
		if err := check(c, live, one); err != nil {
			return nil, err
		}
	}
	before := &original{CustomMetadata: router.Overwritten(live, rendered), Spec: map[string]any{}}
	for _, field := range r.fields() {
		if value, found, _ := unstructured.NestedFieldNoCopy(live.Object, "spec", field); found {
			before.Spec[field] = value
		}
	}
	return before, nil
}

// check says why one, the only route of live, is not for the canary's requests alone or leads elsewhere too.
func check(c *v1beta1.Canary, live *unstructured.Unstructured, one route) error {
	for _, field := range []string{"requestRedirectPolicy", "directResponsePolicy"} {
		if one[field] != nil {
			return router.Foreign(live, "answers in spec.routes[0] by %s", field)
		}
	}
	conditions, found := one["conditions"]
	if found && !equality.Semantic.DeepEqual(conditions, plain(c)) || !found && prefix(c) != "/" {
		return router.Foreign(live, "has other conditions in spec.routes[0] than the prefix %s", prefix(c))
	}
	for i, e := range router.Objects(one, "services") {
		if e["name"] != router.ApexService(c) || e["mirror"] == true {
			return router.Foreign(live, "leads in spec.routes[0].services[%d] to %v, not to Service %s alone", i, e["name"], router.ApexService(c))
		}
	}
	return nil
}

// handBack is live as it was before it was taken over; where that is not known, all traffic goes to the apex Service.
// It returns nil for an object that was never taken over.
func (r *Router) handBack(c *v1beta1.Canary, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	before, err := router.SavedOriginal[original](live)
	if err != nil {
		return nil, err
	}
	if before == nil {
		if _, ours := read(c, live); !ours {
			return nil, nil
		}
		before = &original{Spec: map[string]any{routesField: []any{toApex(c, routes(live))}, classField: r.class}}
	}
	restored := live.DeepCopy()
	router.PutBack(restored, router.ApexMetadata(c), before.CustomMetadata)
	for _, field := range r.fields() {
		value, found := before.Spec[field]
		if !found {
			unstructured.RemoveNestedField(restored.Object, "spec", field)
			continue
		}
		if err := unstructured.SetNestedField(restored.Object, value, "spec", field); err != nil {
			return nil, fmt.Errorf("restore spec.%s of %s: %w", field, router.Describe(live), err)
		}
	}
	return restored, nil
}

// toApex is the last of list, by which go all requests that the others do not take, as a way to the apex Service.
func toApex(c *v1beta1.Canary, list []route) route {
	one := lay(c, list[len(list)-1], plain(c), rollout.ToPrimary())
	like := find(entries(one), router.PrimaryService(c))
	one["services"] = []any{lead(c, like, router.ApexService(c), rollout.ToPrimary().Primary)}
	return one
}
