package gatewayapi

import (
	"flagger.app/flagger/api/v1beta1"
)

// apex is the name of the Service that users call, and of the HTTPRoute.
func apex(c *v1beta1.Canary) string {
	if c.Spec.Service.Name != "" {
		return c.Spec.Service.Name
	}
	return c.Spec.TargetRef.Name
}

func primaryService(c *v1beta1.Canary) string { return apex(c) + "-primary" }

func canaryService(c *v1beta1.Canary) string { return apex(c) + "-canary" }

// analysisOf is the canary's analysis; an empty one stands for none.
func analysisOf(c *v1beta1.Canary) v1beta1.CanaryAnalysis {
	if analysis := c.GetAnalysis(); analysis != nil {
		return *analysis
	}
	return v1beta1.CanaryAnalysis{}
}
