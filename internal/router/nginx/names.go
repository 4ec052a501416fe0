package nginx

import "flagger.app/flagger/api/v1beta1"

// canaryIngress is the name of the Ingress that is ours; the reference must have been validated.
func canaryIngress(c *v1beta1.Canary) string { return c.Spec.IngressRef.Name + "-canary" }

// analysisOf is the canary's analysis; an empty one stands for none.
func analysisOf(c *v1beta1.Canary) v1beta1.CanaryAnalysis {
	if analysis := c.GetAnalysis(); analysis != nil {
		return *analysis
	}
	return v1beta1.CanaryAnalysis{}
}
