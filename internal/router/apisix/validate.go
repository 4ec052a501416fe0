package apisix

import (
	"errors"
	"fmt"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

var errNoRoute = errors.New(field + ": apisix route selector is empty") // as users know it

// validate says what of the spec cannot be routed, as router.ErrInvalidSpec. Observe and Apply refuse such a spec, so
// it never moves traffic.
func validate(c *v1beta1.Canary) error {
	switch {
	case usersRoute(c) == "":
		return router.InvalidSpec(errNoRoute)
	case c.Spec.RouteRef.Kind != kind.Kind:
		return router.InvalidSpec(fmt.Errorf(field+".kind: %q is not %s", c.Spec.RouteRef.Kind, kind.Kind))
	}
	return nil
}
