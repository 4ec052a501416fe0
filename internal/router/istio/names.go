package istio

import (
	"strings"

	"flagger.app/flagger/api/v1beta1"
)

// isTCP says whether c's service is routed by connection, of which Istio sees no requests.
func isTCP(c *v1beta1.Canary) bool { return strings.EqualFold(c.Spec.Service.AppProtocol, "tcp") }
