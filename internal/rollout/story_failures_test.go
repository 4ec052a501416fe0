package rollout_test

import (
	"time"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	rt "flagger.app/flagger/internal/rollout/rollouttest"
)

// failures are stories of revisions that are no good, or seem so.
func failures() map[string]rt.Story {
	const (
		tooMany = "Halt podinfo.test advancement errors 7.00 > 5"
		noData  = "Halt advancement no values found for custom metric: errors: no values found"
		lost    = "Metric query failed for errors: connection refused"
	)
	measured := canary(steps(20, 60), metric("errors"))
	stuck := canary(steps(20, 50), hook(v1beta1.HookPreRollout, "pre"))
	failing := rt.On(rt.AtWeight(40), rt.Say("errors", rollout.Fail, tooMany))
	breaking := rt.On(rt.First(), rt.Break(rt.Primary, "B"))
	return map[string]rt.Story{
		"rollout-hook-fails": tell(canary(steps(20, 60), hook(v1beta1.HookRollout, "h"), hook(v1beta1.HookPostRollout, "report")),
			rt.On(rt.AtWeight(20), rt.Say("h", rollout.Fail, "load test failed"))),
		"metric-fails":         tell(measured, failing),
		"metric-fails-once":    tell(measured, failing, rt.On(rt.Called("errors", 2), rt.Say("errors", rollout.Pass, ""))),
		"metric-no-data":       tell(measured, rt.On(rt.AtWeight(20), rt.Say("errors", rollout.NoData, noData))),
		"provider-error":       tell(measured, rt.On(rt.AtWeight(20), rt.Say("errors", rollout.ProviderError, lost)), rt.On(rt.Called("errors", 3), rt.Say("errors", rollout.Pass, ""))),
		"provider-error-fails": tell(canary(steps(20, 60), metric("errors"), spec(onProviderErrorFail)), rt.On(rt.AtWeight(20), rt.Say("errors", rollout.ProviderError, lost))),
		"provider-error-beside-failure": tell(canary(steps(20, 60), metric("latency"), metric("errors")),
			rt.On(rt.AtWeight(20), rt.Say("latency", rollout.ProviderError, "Metric query failed for latency: connection refused")), failing2(tooMany)),
		"failed-pushed-again": tell(measured, failing,
			rt.On(rt.AtRest(), rt.Push("A")), rt.On(rt.AtRest(), rt.Say("errors", rollout.Pass, "")), rt.On(rt.AtRest(), rt.Push("B"))),
		"failed-then-fixed":                    tell(measured, failing, rt.On(rt.AtRest(), rt.Say("errors", rollout.Pass, "")), rt.On(rt.AtRest(), rt.Push("C"))),
		"canary-stuck":                         tell(stuck, rt.On(rt.First(), rt.Break(rt.Target, "B"))),
		"canary-outage":                        tell(stuck, rt.On(rt.AtWeight(20).Later(3*time.Second), rt.Outage(rt.Target, 20*time.Second))),
		"primary-outage":                       tell(stuck, rt.On(rt.AtWeight(20).Later(3*time.Second), rt.Outage(rt.Primary, 50*time.Second))),
		"rollback-affinity":                    tell(canary(steps(20, 60), metric("errors"), affinity()), failing),
		"promotion-stuck":                      tell(stuck, breaking, rt.On(rt.AtRest(), rt.Heal(rt.Primary))),
		"promotion-stuck-k8s":                  plain(tell(canary(iterations(1)), breaking, rt.On(rt.AtRest(), rt.Push("A")))),
		"promotion-stuck-then-fixed":           tell(stuck, breaking, rt.On(rt.AtRest(), rt.Push("C"))),
		"promotion-stuck-then-fixed-bluegreen": tell(canary(iterations(2), hook(v1beta1.HookPreRollout, "pre")), breaking, rt.On(rt.AtRest(), rt.Push("C"))),
		"promotion-stuck-then-skipped": tell(stuck, breaking,
			rt.On(rt.AtRest(), rt.Edit("the user skips the analysis", skipAnalysis)), rt.On(rt.AtRest(), rt.Outage(rt.Primary, time.Hour)), rt.On(rt.InPhase(v1beta1.PhaseFailed).Later(time.Minute), rt.Push("C"))),
		"promotion-stuck-then-reverted": tell(stuck, breaking, rt.On(rt.AtRest(), rt.Push("A"))),
		"promotion-stuck-fix-is-gated": tell(canary(steps(20, 50), hook(v1beta1.HookPreRollout, "pre")), breaking,
			rt.On(rt.AtRest(), rt.Say("pre", rollout.Fail, "smoke test failed")), rt.On(rt.AtRest(), rt.Push("C"))),
		"promotion-stuck-twice": tell(stuck, breaking, rt.On(rt.First(), rt.Break(rt.Primary, "C")),
			rt.On(rt.AtRest(), rt.Push("C")), rt.On(rt.AtRest(), rt.Push("D"))),
		"promotion-stuck-healed-then-reverted": tell(stuck, breaking, rt.On(rt.AtRest(), rt.Heal(rt.Primary)), rt.On(rt.AtRest(), rt.Push("A"))),
	}
}

// failing2 makes the second metric fail while the first cannot be asked.
func failing2(message string) rt.Beat {
	return rt.On(rt.Called("latency", 3), rt.Say("errors", rollout.Fail, message))
}
