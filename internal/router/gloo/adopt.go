package gloo

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// original is what of a user's RouteTable is overwritten.
type original struct {
	v1beta1.CustomMetadata
	Routes []any `json:"routes,omitempty"`
}

var routesPath = []string{"spec", "routes"}

// originalOf is the original of live, a RouteTable that c did not make, which rendered will overwrite, or nil if live
// leads to one of our sides. What does more than lead to the apex Service is router.ErrForeign.
func originalOf(c *v1beta1.Canary, live, rendered *unstructured.Unstructured) (*original, error) {
	if _, ours := read(c, live); ours {
		return nil, nil
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
	saved, _, _ := unstructured.NestedSlice(live.Object, routesPath...)
	return &original{CustomMetadata: router.Overwritten(live, rendered), Routes: saved}, nil
}

// check says why one, the only route of live, is not for any path or leads elsewhere than to the apex Service.
func check(c *v1beta1.Canary, live *unstructured.Unstructured, one route) error {
	everything := []any{matcher{"prefix": "/"}}
	if matchers, found := one["matchers"]; found && !equality.Semantic.DeepEqual(matchers, everything) {
		return router.Foreign(live, "has other matchers in spec.routes[0] than the prefix /")
	}
	list := targets(one)
	if len(list) == 0 {
		return router.Foreign(live, "leads in spec.routes[0] to no Service")
	}
	for _, t := range list {
		if !isApex(c, t) {
			return router.Foreign(live, "leads in spec.routes[0] to %v, not to Service %s alone", t["destination"], router.ApexService(c))
		}
	}
	return nil
}

// isApex says whether t leads to the apex Service, by its name or by that of the Upstream which discovery makes of it,
// and asks nothing else of the destination.
func isApex(c *v1beta1.Canary, t target) bool {
	destination, _ := t["destination"].(map[string]any)
	if len(destination) != 1 {
		return false
	}
	if name, found, _ := unstructured.NestedString(destination, "upstream", "name"); found {
		return name == fmt.Sprintf("%s-%s-%d", c.Namespace, router.ApexService(c), portOf(c))
	}
	reference, _, _ := unstructured.NestedStringMap(destination, "kube", "ref")
	local := reference["namespace"] == "" || reference["namespace"] == c.Namespace
	return local && reference["name"] == router.ApexService(c)
}

// handBack is live as it was before it was taken over; where that is not known, all traffic goes to the apex Service.
// It returns nil for an object that was never taken over.
func handBack(c *v1beta1.Canary, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	before, err := router.SavedOriginal[original](live)
	if err != nil {
		return nil, err
	}
	if before == nil {
		if _, ours := read(c, live); !ours {
			return nil, nil
		}
		before = &original{Routes: []any{toApex(c, routes(live))}}
	}
	restored := live.DeepCopy()
	router.PutBack(restored, router.ApexMetadata(c), before.CustomMetadata)
	if len(before.Routes) == 0 {
		unstructured.RemoveNestedField(restored.Object, routesPath...)
		return restored, nil
	}
	return restored, unstructured.SetNestedSlice(restored.Object, before.Routes, routesPath...)
}

// toApex is the last of list, by which go all requests that the others do not take, as a way to the apex Service.
func toApex(c *v1beta1.Canary, list []route) route {
	one := lay(c, list[len(list)-1], rollout.ToPrimary())
	one["routeAction"] = map[string]any{"single": map[string]any{"kube": map[string]any{
		"ref":  map[string]any{"name": router.ApexService(c), "namespace": c.Namespace},
		"port": portOf(c),
	}}}
	return one
}
