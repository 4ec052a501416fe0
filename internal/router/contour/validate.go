package contour

import (
	"fmt"
	"strings"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

// validate says what of the spec the HTTPProxy cannot express, as router.ErrInvalidSpec. Observe and Apply refuse such a
// spec, so it never moves traffic. A target that is a Service may do without a port elsewhere, but Contour knows a
// Service by its port alone.
func validate(c *v1beta1.Canary) error {
	const last = 65535
	port := c.Spec.Service.Port
	if port != v1beta1.Number(int64(port)) || port < 1 || port > last {
		return router.InvalidSpec(fmt.Errorf("service.port %v is not between 1 and %d", port, last))
	}
	if !strings.HasPrefix(prefix(c), "/") {
		return router.InvalidSpec(fmt.Errorf("spec.service.match[0].uri.prefix: %q does not begin with a slash", prefix(c)))
	}
	if _, err := matching(c); err != nil {
		return router.InvalidSpec(err)
	}
	return nil
}
