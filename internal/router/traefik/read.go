package traefik

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/router"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

// read is the inverse of render: the traffic that object is configured for. It returns false where object leads to
// neither side.
func read(c *v1beta1.Canary, object *unstructured.Unstructured) (rollout.Traffic, bool, error) {
	list, err := entries(object)
	if err != nil {
		return rollout.Traffic{}, false, err
	}
	primary, canary := find(c, list, router.PrimaryService(c)), find(c, list, router.CanaryService(c))
	if primary == nil && canary == nil {
		return rollout.Traffic{}, false, nil
	}
	return shares(weightOf(primary), weightOf(canary)), true, nil
}

// shares turns weights, which somebody may have edited, into percent. A side with any weight has at least 1, so that
// it is never taken for idle; two zeros, by which nobody is served, stay two zeros.
func shares(primary, canary int64) rollout.Traffic {
	total := primary + canary
	switch {
	case total <= 0:
		return rollout.Traffic{}
	case canary <= 0:
		return rollout.ToPrimary()
	case primary <= 0:
		return rollout.ToCanary()
	}
	const whole = 100
	rounded := (canary*whole + total/2) / total
	return rollout.Split(rollout.Weight(min(max(rounded, 1), whole-1)))
}
