package kuma

import (
	"fmt"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

// validate says what of the spec the TrafficRoute cannot express, as router.ErrInvalidSpec. A target that is a Service
// may do without a port elsewhere, but Kuma knows a Service by name and port.
func validate(c *v1beta1.Canary) error {
	const last = 65535
	port := c.Spec.Service.Port
	if port != v1beta1.Number(int64(port)) || port < 1 || port > last {
		return router.InvalidSpec(fmt.Errorf("service.port %v is not between 1 and %d", port, last))
	}
	return nil
}
