package smi

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

// root is what clients call: the first of the canary's hosts, if the mesh can divide its traffic, or the apex Service.
func (m mesh) root(c *v1beta1.Canary) string {
	hosts := c.Spec.Service.Hosts
	if len(hosts) == 0 || hosts[0] == "" {
		return router.ApexService(c)
	}
	if !m.servicesAlone {
		return hosts[0]
	}
	if service, found := serviceOf(c, hosts[0]); found {
		return service
	}
	return router.ApexService(c)
}

// serviceOf returns the Service of the canary's namespace that host is a name of: podinfo, podinfo.test,
// podinfo.test.svc or that with the cluster's domain.
func serviceOf(c *v1beta1.Canary, host string) (string, bool) {
	service, domain, _ := strings.Cut(host, ".")
	if len(validation.IsDNS1035Label(service)) > 0 {
		return "", false
	}
	local := domain == "" || domain == c.Namespace || strings.HasPrefix(domain+".", c.Namespace+".svc.")
	return service, local
}
