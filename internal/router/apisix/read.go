package apisix

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// read is the inverse of render: the traffic that the canary route asks for. Rules that somebody made differ count
// alike, so that a side which only one of them leads to has users. A route that leads to neither side leaves all
// requests to the user's own, and so to the primary.
func read(c *v1beta1.Canary, route *unstructured.Unstructured) rollout.Traffic {
	var primary, canary int64
	found := false
	for _, one := range rules(route) {
		stable, candidate := find(one, router.PrimaryService(c)), find(one, router.CanaryService(c))
		if stable == nil && candidate == nil {
			continue
		}
		found = true
		share := router.Shares(weightOf(stable), weightOf(candidate))
		primary += int64(share.Primary)
		canary += int64(share.Canary)
	}
	if !found {
		return rollout.ToPrimary()
	}
	return router.Shares(primary, canary)
}

// isFlaggers says whether route, which nobody claims, was made for c by a Flagger that could not set one.
func isFlaggers(c *v1beta1.Canary, route *unstructured.Unstructured) bool {
	return slices.ContainsFunc(rules(route), func(one rule) bool {
		return priorityOf(one) == lift && find(one, router.PrimaryService(c)) != nil && find(one, router.CanaryService(c)) != nil
	})
}
