package gloo

import (
	"fmt"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

// validate says what of the spec Gloo's objects cannot express, as router.ErrInvalidSpec. Observe and Apply refuse such
// a spec, so it never moves traffic.
func validate(c *v1beta1.Canary) error {
	if err := router.ValidatePort(c); err != nil {
		return err
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
