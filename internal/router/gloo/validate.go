package gloo

import (
	"fmt"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

// validate says what of the spec Gloo's objects cannot express, as router.ErrInvalidSpec. Observe and Apply refuse such
// a spec, so it never moves traffic. A target that is a Service may do without a port elsewhere, but the Upstreams are
// named after it.
func validate(c *v1beta1.Canary) error {
	const last = 65535
	port := c.Spec.Service.Port
	if port != v1beta1.Number(portOf(c)) || port < 1 || port > last {
		return router.InvalidSpec(fmt.Errorf("service.port %v is not between 1 and %d", port, last))
	}
	if ref := c.Spec.UpstreamRef; ref != nil {
		if ref.Name == "" {
			return router.InvalidSpec(fmt.Errorf("spec.upstreamRef.name: must not be empty"))
		}
		if ref.Kind != "" && ref.Kind != upstreamKind.Kind {
			return router.InvalidSpec(fmt.Errorf("spec.upstreamRef.kind: %q is not %s", ref.Kind, upstreamKind.Kind))
		}
	}
	_, err := matching(c)
	return router.InvalidSpec(err)
}
