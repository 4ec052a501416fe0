package apisix

import (
	"errors"
	"fmt"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

var errNoRoute = errors.New("spec.routeRef: apisix route selector is empty") // as users know it

// validate says what of the spec cannot be routed, as router.ErrInvalidSpec. Observe and Apply refuse such a spec, so
// it never moves traffic.
func validate(c *v1beta1.Canary) error {
	ref := c.Spec.RouteRef
	switch {
	case ref == nil || ref.Name == "":
		return router.InvalidSpec(errNoRoute)
	case ref.Kind != kind.Kind:
		return router.InvalidSpec(fmt.Errorf("spec.routeRef.kind: %q is not %s", ref.Kind, kind.Kind))
	}
	return nil
}
