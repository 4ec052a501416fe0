package rollout_test

import (
	"time"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	rt "flagger.app/flagger/internal/rollout/rollouttest"
)

// gates are stories of hooks that hold a rollout.
func gates() map[string]rt.Story {
	closed := func(name string) rt.Beat { return rt.On(rt.First(), rt.Say(name, rollout.Fail, "closed")) }
	open := func(name string, calls int) rt.Beat {
		return rt.On(rt.Called(name, calls), rt.Say(name, rollout.Pass, ""))
	}
	every := canary(steps(100, 100), promotion(50), metric("request-success-rate"),
		hook(v1beta1.HookConfirmRollout, "confirm"), hook(v1beta1.HookPreRollout, "pre"), hook(v1beta1.HookRollout, "load"),
		hook(v1beta1.HookConfirmTrafficIncrease, "increase"), hook(v1beta1.HookConfirmPromotion, "promote"),
		hook(v1beta1.HookPostRollout, "post"), hook(v1beta1.HookRollback, "rollback"), hook(v1beta1.HookEvent, "events"))
	confirmed := canary(steps(50, 50), hook(v1beta1.HookConfirmRollout, "gate"))
	return map[string]rt.Story{
		"hooks-all":                         tell(every),
		"gate-promotion-weighted":           tell(canary(steps(50, 50), hook(v1beta1.HookConfirmPromotion, "g")), closed("g"), open("g", 4)),
		"gate-promotion-bluegreen":          tell(canary(iterations(2), hook(v1beta1.HookConfirmPromotion, "g")), closed("g"), open("g", 3)),
		"gate-promotion-bluegreen-recloses": tell(canary(iterations(2), hook(v1beta1.HookConfirmPromotion, "g")), rt.On(rt.AtIteration(3), rt.Say("g", rollout.Fail, "closed")), open("g", 4)),
		"gate-promotion-abtest":             tell(canary(iterations(2), match(), hook(v1beta1.HookConfirmPromotion, "g")), closed("g"), open("g", 3)),
		"gate-promotion-check-fails": tell(canary(steps(50, 50), metric("errors"), hook(v1beta1.HookConfirmPromotion, "g")), closed("g"),
			rt.On(rt.InPhase(v1beta1.PhaseWaitingPromotion), rt.Say("errors", rollout.Fail, "Halt podinfo.test advancement errors 7.00 > 5")),
		),
		"gate-promotion-more-steps": tell(canary(steps(50, 50), hook(v1beta1.HookConfirmPromotion, "g")), closed("g"),
			rt.On(rt.InPhase(v1beta1.PhaseWaitingPromotion), rt.Edit("the user asks for one more step", func(spec *v1beta1.CanarySpec) { spec.Analysis.MaxWeight = 80 })),
			open("g", 3),
		),
		"gate-rollout": tell(confirmed, closed("gate"), open("gate", 3)),
		"gate-rollout-two": tell(canary(steps(50, 50), hook(v1beta1.HookConfirmRollout, "one"), hook(v1beta1.HookConfirmRollout, "two")),
			closed("two"), open("two", 3)),
		"gate-rollout-reverted":        tell(confirmed, closed("gate"), rt.On(rt.InPhase(v1beta1.PhaseWaiting).Later(45*time.Second), rt.Push("A"))),
		"gate-rollout-reverted-scaled": tell(confirmed, closed("gate"), rt.On(rt.InPhase(v1beta1.PhaseWaiting).Later(45*time.Second), rt.PushScaled("A"))),
		"gate-rollout-superseded": tell(confirmed, closed("gate"), rt.On(rt.InPhase(v1beta1.PhaseWaiting).Later(45*time.Second), rt.Push("C")),
			open("gate", 4)),
		"gate-rollout-back-to-failed": tell(canary(steps(50, 50), metric("errors"), hook(v1beta1.HookConfirmRollout, "gate")),
			rt.On(rt.InPhase(v1beta1.PhaseProgressing), rt.Say("errors", rollout.Fail, "Halt podinfo.test advancement errors 7.00 > 5")),
			rt.On(rt.AtRest(), rt.Say("gate", rollout.Fail, "closed")),
			rt.On(rt.AtRest(), rt.PushScaled("C")),
			rt.On(rt.InPhase(v1beta1.PhaseWaiting).Later(45*time.Second), rt.Push("B")),
		),
		"gate-increase": tell(canary(steps(50, 50), hook(v1beta1.HookConfirmTrafficIncrease, "g")),
			rt.On(rt.AtWeight(50), rt.Say("g", rollout.Fail, "closed")), open("g", 5)),
		"pre-rollout-fails-once": tell(canary(steps(50, 50), hook(v1beta1.HookPreRollout, "smoke"), hook(v1beta1.HookPreRollout, "load")),
			rt.On(rt.First(), rt.Say("load", rollout.Fail, "404 page not found")), open("load", 1)),
		"post-rollout-fails": tell(canary(steps(50, 50), hook(v1beta1.HookPostRollout, "report"), hook(v1beta1.HookPostRollout, "clean-up")),
			rt.On(rt.First(), rt.Say("report", rollout.Fail, "POST http://hooks.test/report giving up after 1 attempt(s)"))),
		"rollback-hook": tell(canary(steps(20, 60), hook(v1beta1.HookRollback, "undo"), hook(v1beta1.HookPostRollout, "report")),
			rt.On(rt.AtWeight(40), rt.Say("undo", rollout.Pass, ""))),
		"rollback-hook-waiting": tell(canary(steps(50, 50), hook(v1beta1.HookConfirmRollout, "gate"), hook(v1beta1.HookRollback, "undo")),
			closed("gate"), rt.On(rt.Called("gate", 3), rt.Say("undo", rollout.Pass, ""))),
	}
}
