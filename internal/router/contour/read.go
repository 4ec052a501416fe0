package contour

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// read is the inverse of render: the traffic that object is configured for. It returns false where object leads to
// neither side. Of several routes it is the one with the most for the canary: all others of an A/B test are the
// primary's, and a side which only one of them leads to has users.
func read(c *v1beta1.Canary, object *unstructured.Unstructured) (traffic rollout.Traffic, found bool) {
	for _, one := range routes(object) {
		list := entries(one)
		primary, canary := find(list, router.PrimaryService(c)), find(list, router.CanaryService(c))
		if primary == nil && canary == nil {
			continue
		}
		divided := shares(list, primary, canary)
		if !found || divided.Canary > traffic.Canary {
			traffic = divided
		}
		found = true
	}
	return traffic, found
}

// shares are those of the two sides, nil for none, among the entries of list. Where no entry has any weight, Contour
// divides equally.
func shares(list []entry, primary, canary entry) rollout.Traffic {
	for _, e := range list {
		if weightOf(e) > 0 {
			return router.Shares(weightOf(primary), weightOf(canary))
		}
	}
	return router.Shares(count(primary), count(canary))
}

func count(e entry) int64 { return int64(min(len(e), 1)) }
