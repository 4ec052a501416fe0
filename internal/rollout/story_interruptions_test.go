package rollout_test

import (
	"time"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	rt "flagger.app/flagger/internal/rollout/rollouttest"
)

// interruptions are stories of what others do in the middle of a run.
func interruptions() map[string]rt.Story {
	weighted := canary(steps(20, 50))
	mid := rt.AtWeight(40).Later(5 * time.Second)
	return map[string]rt.Story{
		"suspend-resume": tell(weighted, rt.On(mid, rt.Suspend(true)), rt.On(rt.AtRest(), rt.Suspend(false))),
		"suspend-while-draining": tell(canary(steps(20, 50), metric("errors")),
			rt.On(rt.AtWeight(20), rt.Say("errors", rollout.Fail, "Halt podinfo.test advancement errors 7.00 > 5")),
			rt.On(rt.InPhase(v1beta1.PhaseFailed).Later(5*time.Second), rt.Suspend(true)), rt.On(rt.AtRest(), rt.Suspend(false))),
		"restart":                       tell(weighted, rt.On(mid, rt.Push("C"))),
		"restart-in-waiting-promotion":  tell(canary(steps(50, 50), hook(v1beta1.HookConfirmPromotion, "g")), rt.On(rt.First(), rt.Say("g", rollout.Fail, "")), rt.On(rt.Called("g", 2), rt.Push("C")), rt.On(rt.InPhase(v1beta1.PhaseProgressing), rt.Say("g", rollout.Pass, ""))),
		"restart-during-primary-outage": tell(weighted, rt.On(mid, rt.Outage(rt.Primary, 20*time.Second)), rt.On(rt.AtWeight(40), rt.Push("C"))),
		"restart-bluegreen":             tell(canary(iterations(2)), rt.On(rt.AtIteration(3), rt.Push("C"))),
		"revert":                        tell(weighted, rt.On(mid, rt.Push("A"))),
		"revert-with-config": tell(weighted, rt.On(rt.First(), rt.Configure("configmap/app", "1")),
			rt.On(mid, rt.Configure("configmap/app", "2")), rt.On(rt.AtWeight(40), rt.Push("A"))),
		"revert-bluegreen":                tell(canary(iterations(2)), rt.On(rt.AtIteration(3), rt.Push("A"))),
		"revert-then-push":                tell(weighted, rt.On(mid, rt.Push("A")), rt.On(rt.InPhase(v1beta1.PhaseFinalising), rt.Push("C"))),
		"drift-to-primary":                tell(weighted, rt.On(mid, rt.Drift(0))),
		"drift-to-half":                   tell(weighted, rt.On(mid, rt.Drift(50))),
		"drift-to-canary":                 tell(weighted, rt.On(mid, rt.Drift(100))),
		"drift-at-rest":                   tell(weighted, rt.On(rt.AtRest(), rt.Drift(30))),
		"drift-while-draining":            tell(weighted, rt.On(rt.InPhase(v1beta1.PhaseFinalising).Later(9*time.Second), rt.Drift(30))),
		"push-while-promoting":            tell(weighted, rt.On(rt.InPhase(v1beta1.PhasePromoting).Later(2*time.Second), rt.Push("C"))),
		"push-while-promoting-in-steps":   tell(canary(steps(50, 50), promotion(20)), rt.On(rt.InPhase(v1beta1.PhasePromoting).Later(17*time.Second), rt.Push("C"))),
		"push-while-finalising":           tell(weighted, rt.On(rt.InPhase(v1beta1.PhaseFinalising).Later(3*time.Second), rt.Push("C"))),
		"revert-while-promoting":          tell(weighted, rt.On(rt.InPhase(v1beta1.PhasePromoting).Later(2*time.Second), rt.Push("A"))),
		"push-back-and-forth":             tell(weighted, rt.On(rt.AtWeight(20), rt.Push("C")), rt.On(rt.AtWeight(20), rt.Push("B")), rt.On(mid, rt.Push("C"))),
		"push-during-primary-outage":      story(weighted, rt.On(rt.AtRest(), rt.Outage(rt.Primary, time.Minute)), rt.On(rt.InPhase(v1beta1.PhaseInitialized), rt.Push("B"))),
		"route-refused":                   tell(weighted, rt.On(rt.AtWeight(20), rt.RefuseRoute("HTTPRoute podinfo.test is refused by gateway istio-ingress: NotAllowedByListeners")), rt.On(rt.AtWeight(20).Later(2*time.Minute), rt.RefuseRoute(""))),
		"promotion-interrupted-by-outage": tell(canary(steps(50, 100), promotion(40)), rt.On(rt.InPhase(v1beta1.PhasePromoting).Later(20*time.Second), rt.Outage(rt.Primary, 40*time.Second))),
	}
}
