package skipper

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/ingress"
)

// read is the inverse of render: the traffic that Skipper divides by the canary Ingress. One that is at rest leaves all
// requests to the user's own, and so to the primary.
func read(c *v1beta1.Canary, copied *unstructured.Unstructured) rollout.Traffic {
	annotations := copied.GetAnnotations()
	if strings.HasPrefix(strings.TrimSpace(annotations[predicate]), disabled) {
		return rollout.ToPrimary()
	}
	shares := weights(annotations)
	primary, canary := shares[router.PrimaryService(c)], shares[router.CanaryService(c)]
	if primary <= 0 && canary <= 0 {
		primary, canary = 1, 1 // as Skipper takes it
	}
	return router.Shares(primary, canary)
}

// isFlaggers says whether copied, which nobody claims, was made for c by a Flagger that could not set one.
func isFlaggers(c *v1beta1.Canary, copied *unstructured.Unstructured) bool {
	shares := weights(copied.GetAnnotations())
	for _, side := range []string{router.PrimaryService(c), router.CanaryService(c)} {
		if _, weighed := shares[side]; !weighed || !ingress.LeadsTo(copied, side) {
			return false
		}
	}
	return true
}
