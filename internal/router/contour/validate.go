package contour

import (
	"fmt"
	"strings"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

// validate says what of the spec the HTTPProxy cannot express, as router.ErrInvalidSpec. Observe and Apply refuse such a
// spec, so it never moves traffic.
func validate(c *v1beta1.Canary) error {
	if err := router.ValidatePort(c); err != nil {
		return err
	}
	if !strings.HasPrefix(prefix(c), "/") {
		return router.InvalidSpec(fmt.Errorf("spec.service.match[0].uri.prefix: %q does not begin with a slash", prefix(c)))
	}
	_, err := matching(c)
	return router.InvalidSpec(err)
}
