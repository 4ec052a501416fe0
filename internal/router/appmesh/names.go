package appmesh

import (
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

// primaryNode is the VirtualNode of the pods that serve.
func primaryNode(c *v1beta1.Canary) string { return router.ObjectName(c) + "-primary" }

// canaryNode is the VirtualNode of the pods under analysis. It is the name, too, under which they are called whatever
// the weights.
func canaryNode(c *v1beta1.Canary) string { return router.ObjectName(c) + "-canary" }
