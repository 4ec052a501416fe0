package apisix

import (
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

// canaryRoute is the name of the ApisixRoute that is ours; the reference must have been validated.
func canaryRoute(c *v1beta1.Canary) string {
	return c.Spec.RouteRef.Name + "-" + router.ObjectName(c) + "-canary"
}
