package smi

import (
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
	if service, found := router.ServiceOf(c, hosts[0]); found {
		return service
	}
	return router.ApexService(c)
}
