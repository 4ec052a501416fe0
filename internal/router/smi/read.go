package smi

import (
	"math"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
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
	return shares(weights[primaryService(c)], weights[canaryService(c)]), ours, nil
}

// isSide says whether b leads to the primary or the canary.
func isSide(c *v1beta1.Canary, b backend) bool {
	return b["service"] == primaryService(c) || b["service"] == canaryService(c)
}

// shares turns weights, which somebody may have edited, into percent. A side with any weight has at least 1, so that
// it is never taken for idle; two zeros, by which nobody is served, stay two zeros.
func shares(primary, canary float64) rollout.Traffic {
	switch {
	case primary == 0 && canary == 0:
		return rollout.Traffic{}
	case canary == 0:
		return rollout.ToPrimary()
	case primary == 0:
		return rollout.ToCanary()
	}
	const whole = 100
	percent := math.Round(whole * (canary / (primary + canary)))
	return rollout.Split(rollout.Weight(min(max(percent, 1), whole-1)))
}
