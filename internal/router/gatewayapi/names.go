package gatewayapi

import "flagger.app/flagger/api/v1beta1"

// analysisOf is the canary's analysis; an empty one stands for none.
func analysisOf(c *v1beta1.Canary) v1beta1.CanaryAnalysis {
	if analysis := c.GetAnalysis(); analysis != nil {
		return *analysis
	}
	return v1beta1.CanaryAnalysis{}
}
