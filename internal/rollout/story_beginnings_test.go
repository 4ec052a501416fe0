package rollout_test

import (
	"time"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	rt "flagger.app/flagger/internal/rollout/rollouttest"
)

// beginnings are stories of how canaries come and go.
func beginnings() map[string]rt.Story {
	weighted := canary(steps(20, 50), metric("request-success-rate"))
	reverting := canary(steps(20, 50), spec(revertOnDeletion))
	return map[string]rt.Story{
		"initialization":            story(weighted),
		"initialization-kubernetes": plain(story(canary(iterations(2)))),
		"initialization-without-metrics-provider": story(weighted,
			rt.On(rt.First(), rt.Say("providers", rollout.ProviderError, "prometheus not avaiable: connection refused")),
			rt.On(rt.InPhase(v1beta1.PhaseInitialized).Later(65*time.Second), rt.Say("providers", rollout.Pass, "")),
		),
		"initialization-stuck-then-healed": story(weighted,
			rt.On(rt.First(), rt.Break(rt.Primary, "A")),
			rt.On(rt.AtRest(), rt.Heal(rt.Primary)),
		),
		"initialization-push-meanwhile": story(weighted,
			rt.On(rt.InPhase(v1beta1.PhaseInitializing).Later(14*time.Second), rt.Push("B")),
		),
		"initialization-outage-while-draining": story(weighted,
			rt.On(rt.InPhase(v1beta1.PhaseInitializing).Later(15*time.Second), rt.Outage(rt.Primary, time.Minute)),
		),
		"initialization-suspended": story(weighted,
			rt.On(rt.First(), rt.Suspend(true)),
			rt.On(rt.AtRest(), rt.Suspend(false)),
		),
		"initialization-route-refused": story(weighted,
			rt.On(rt.InPhase(v1beta1.PhaseInitializing).Later(13*time.Second),
				rt.RefuseRoute("HTTPRoute podinfo.test is refused by gateway istio-ingress: NotAllowedByListeners")),
			rt.On(rt.InPhase(v1beta1.PhaseInitializing).Later(5*time.Minute), rt.RefuseRoute("")),
		),
		"primary-deleted":               story(weighted, rt.On(rt.AtRest(), rt.DropPrimary())),
		"deletion-mid-run":              tell(reverting, rt.On(rt.AtWeight(40).Later(time.Second), rt.Delete())),
		"deletion-at-rest":              tell(reverting, rt.On(rt.AtRest(), rt.Delete())),
		"deletion-without-revert":       tell(weighted, rt.On(rt.AtRest(), rt.Delete())),
		"deletion-with-a-target-broken": tell(reverting, rt.On(rt.AtRest(), rt.Break(rt.Target, "B")), rt.On(rt.AtRest(), rt.Delete()), rt.On(rt.AtRest(), rt.Heal(rt.Target))),
	}
}
