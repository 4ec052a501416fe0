package gloo

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// read is the inverse of render: the traffic that table is configured for. It returns false where table leads to
// neither side. Of several routes it is the one with the most for the canary: all others of an A/B test are the
// primary's, and a side which only one of them leads to has users.
func read(c *v1beta1.Canary, table *unstructured.Unstructured) (traffic rollout.Traffic, found bool) {
	for _, one := range routes(table) {
		list := targets(one)
		primary, canary := find(c, list, primarySide(c)), find(c, list, canarySide(c))
		if primary == nil && canary == nil {
			continue
		}
		divided := router.Shares(weightOf(primary), weightOf(canary))
		if !found || divided.Canary > traffic.Canary {
			traffic = divided
		}
		found = true
	}
	return traffic, found
}
