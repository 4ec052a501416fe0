package smi

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"flagger.app/flagger/api/v1beta1"
)

// apex is the name of the TrafficSplit.
func apex(c *v1beta1.Canary) string {
	if c.Spec.Service.Name != "" {
		return c.Spec.Service.Name
	}
	return c.Spec.TargetRef.Name
}

// apexService is the Service that users reach the target by, and after which its two sides are named: the apex, but
// for a target that is a Service itself.
func apexService(c *v1beta1.Canary) string {
	if c.Spec.TargetRef.Kind == "Service" {
		return c.Spec.TargetRef.Name
	}
	return apex(c)
}

func primaryService(c *v1beta1.Canary) string { return apexService(c) + "-primary" }

func canaryService(c *v1beta1.Canary) string { return apexService(c) + "-canary" }

// root is what clients call: the first of the canary's hosts, if the mesh can divide its traffic, or the apex Service.
func (m mesh) root(c *v1beta1.Canary) string {
	hosts := c.Spec.Service.Hosts
	if len(hosts) == 0 || hosts[0] == "" {
		return apexService(c)
	}
	if !m.servicesAlone {
		return hosts[0]
	}
	if service, found := serviceOf(c, hosts[0]); found {
		return service
	}
	return apexService(c)
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
