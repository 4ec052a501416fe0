package appmesh

import (
	"strings"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

// primaryNode is the VirtualNode of the pods that serve.
func primaryNode(c *v1beta1.Canary) string { return router.ObjectName(c) + "-primary" }

// canaryNode is the VirtualNode of the pods under analysis. It is the name, too, under which they are called whatever
// the weights.
func canaryNode(c *v1beta1.Canary) string { return router.ObjectName(c) + "-canary" }

// serviceOf is the Service of the canary's namespace that host is a name of, or host itself where it is none.
func serviceOf(c *v1beta1.Canary, host string) string {
	service, domain, _ := strings.Cut(strings.TrimSuffix(host, "."), ".")
	if domain == "" || domain == c.Namespace || strings.HasPrefix(domain+".", c.Namespace+".svc.") {
		return service
	}
	return host
}
