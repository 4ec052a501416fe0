package apisix

import (
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

// field is where the spec refers to the user's route.
const field = "spec.routeRef"

// usersRoute is the name of the user's ApisixRoute, "" where the spec refers to none.
func usersRoute(c *v1beta1.Canary) string {
	if ref := c.Spec.RouteRef; ref != nil {
		return ref.Name
	}
	return ""
}

// canaryRoute is the name of the copy of the ApisixRoute that the spec refers to.
func canaryRoute(c *v1beta1.Canary) string {
	return usersRoute(c) + "-" + router.ObjectName(c) + "-canary"
}
