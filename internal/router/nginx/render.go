package nginx

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/ingress"
)

// textNoBackend is the contract's.
const textNoBackend = "backend %s not found in ingress %s"

// render makes the canary Ingress that divides traffic as want says out of source, the user's: every path to the apex
// Service leads to the canary's. Its fields are all that we own; whose the object is, is not its matter. It changes
// nothing of c or source.
func (d dialect) render(c *v1beta1.Canary, source *unstructured.Unstructured, want rollout.Traffic) (*unstructured.Unstructured, error) {
	chosen, err := condition(c)
	if err != nil {
		return nil, router.InvalidSpec(err)
	}
	if !ingress.LeadsTo(source, router.ApexService(c)) {
		return nil, router.InvalidSpec(fmt.Errorf(ingress.Field+": "+textNoBackend, router.ApexService(c), source.GetName()))
	}
	copied := router.CopyOf(c, source, ingress.CopyName(c))
	ingress.Redirect(copied, func(paths []any) []any {
		for _, path := range paths {
			if ingress.ServiceName(path) == router.ApexService(c) {
				ingress.PointTo(path, router.CanaryService(c))
			}
		}
		return paths
	})
	copied.SetAnnotations(d.reroute(copied.GetAnnotations(), d.routing(chosen, want)))
	return copied, nil
}
