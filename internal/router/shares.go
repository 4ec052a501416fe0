package router

import (
	"math"

	"flagger.app/flagger/internal/rollout"
)

// Shares turns the weights of the two sides, which somebody may have edited, into percent; a weight below 0 counts as
// 0. A side with any weight has at least 1, so that it is never taken for idle; two zeros, by which nobody is served,
// stay two zeros.
func Shares[Weight int64 | float64](primary, canary Weight) rollout.Traffic {
	switch {
	case primary <= 0 && canary <= 0:
		return rollout.Traffic{}
	case canary <= 0:
		return rollout.ToPrimary()
	case primary <= 0:
		return rollout.ToCanary()
	}
	const whole = 100
	percent := math.Round(whole * (float64(canary) / (float64(primary) + float64(canary))))
	return rollout.Split(rollout.Weight(min(max(percent, 1), whole-1)))
}
