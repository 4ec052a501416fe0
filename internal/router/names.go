package router

import (
	"cmp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
)

// ObjectName is the name of a routing object that is named after what users call.
func ObjectName(c *v1beta1.Canary) string { return cmp.Or(c.Spec.Service.Name, c.Spec.TargetRef.Name) }

// ApexService is the Service that users call, and after which those of the two sides are named. A target that is a
// Service itself is its own apex, whatever spec.service.name says.
func ApexService(c *v1beta1.Canary) string {
	if c.Spec.TargetRef.Kind == "Service" {
		return c.Spec.TargetRef.Name
	}
	return ObjectName(c)
}

// ApexMetadata are the labels and annotations of the apex Service that a routing object of its name carries too, and
// the annotations that keep Flux away from it. Nobody may write to the labels.
func ApexMetadata(c *v1beta1.Canary) v1beta1.CustomMetadata {
	apex := c.Spec.Service.Apex
	if apex == nil {
		apex = &v1beta1.CustomMetadata{}
	}
	return v1beta1.CustomMetadata{Labels: apex.Labels, Annotations: kube.Guarded(apex.Annotations)}
}

// PrimaryService is the Service of the pods that serve.
func PrimaryService(c *v1beta1.Canary) string { return ApexService(c) + "-primary" }

// CanaryService is the Service of the pods under analysis.
func CanaryService(c *v1beta1.Canary) string { return ApexService(c) + "-canary" }

// ServiceOf returns the Service of the canary's namespace that host is a name of: podinfo, podinfo.test,
// podinfo.test.svc or that with the cluster's domain, where a dot may end it.
func ServiceOf(c *v1beta1.Canary, host string) (service string, found bool) {
	service, domain, _ := strings.Cut(strings.TrimSuffix(host, "."), ".")
	if len(validation.IsDNS1035Label(service)) > 0 {
		return "", false
	}
	return service, domain == "" || domain == c.Namespace || strings.HasPrefix(domain+".", c.Namespace+".svc.")
}
