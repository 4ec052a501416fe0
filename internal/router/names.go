package router

import (
	"cmp"

	"flagger.app/flagger/api/v1beta1"
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

// PrimaryService is the Service of the pods that serve.
func PrimaryService(c *v1beta1.Canary) string { return ApexService(c) + "-primary" }

// CanaryService is the Service of the pods under analysis.
func CanaryService(c *v1beta1.Canary) string { return ApexService(c) + "-canary" }
