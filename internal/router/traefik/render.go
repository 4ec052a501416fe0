package traefik

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// textNoWeights is a text of the contract, which users see in events.
const textNoWeights = "RoutingRule %s.%s update failed: no valid weights"

// render makes the TraefikService that divides traffic as want says, with the fields that we own and, in its entries,
// what live has besides; whose the object is, is not its matter. It changes neither c nor live, which may be nil.
func render(kind schema.GroupVersionKind, c *v1beta1.Canary, live *unstructured.Unstructured, want rollout.Traffic) (*unstructured.Unstructured, error) {
	if want.Primary <= 0 && want.Canary <= 0 {
		return nil, fmt.Errorf(textNoWeights, router.ObjectName(c), c.Namespace)
	}
	present, err := entries(live)
	if err != nil {
		return nil, err
	}
	spec := map[string]any{"weighted": map[string]any{"services": sides(c, present, want)}}
	return router.ApexObject(c, kind, spec), nil
}

// sides are the entries of those sides that get traffic; the primary's comes first.
func sides(c *v1beta1.Canary, present []entry, want rollout.Traffic) []any {
	primary, canary := router.PrimaryService(c), router.CanaryService(c)
	var list []any
	if want.Primary > 0 {
		list = append(list, lead(c, find(c, present, primary, canary, router.ApexService(c)), primary, want.Primary))
	}
	if want.Canary > 0 {
		list = append(list, lead(c, find(c, present, canary, primary, router.ApexService(c)), canary, want.Canary))
	}
	return list
}
