package smi

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// read is the inverse of render: the traffic that split is configured for. It returns false where split leads to
// neither side.
func read(c *v1beta1.Canary, split *unstructured.Unstructured) (rollout.Traffic, bool, error) {
	list, err := backends(split)
	if err != nil {
		return rollout.Traffic{}, false, err
	}
	weights := map[any]float64{}
	for _, b := range list {
		weights[b["service"]] += weightOf(b)
	}
	ours := slices.ContainsFunc(list, func(b backend) bool { return isSide(c, b) })
	return router.Shares(weights[router.PrimaryService(c)], weights[router.CanaryService(c)]), ours, nil
}

// isSide says whether b leads to the primary or the canary.
func isSide(c *v1beta1.Canary, b backend) bool {
	return b["service"] == router.PrimaryService(c) || b["service"] == router.CanaryService(c)
}
