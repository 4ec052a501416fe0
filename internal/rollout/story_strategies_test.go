package rollout_test

import (
	"time"

	"flagger.app/flagger/api/v1beta1"
	rt "flagger.app/flagger/internal/rollout/rollouttest"
)

// strategies are stories in which everything goes well.
func strategies() map[string]rt.Story {
	mirrored := steps(10, 20)
	return map[string]rt.Story{
		"weighted":                      tell(canary(steps(20, 50), metric("request-success-rate"), metric("request-duration"))),
		"weighted-promotion-steps":      tell(canary(steps(50, 100), promotion(40))),
		"weighted-slow-data-plane":      confirming(20*time.Second, tell(canary(steps(50, 50)))),
		"weighted-silent-data-plane":    confirming(time.Hour, tell(canary(steps(50, 50)))),
		"weighted-mirror":               tell(canary(mirrored, mirror())),
		"weighted-affinity":             tell(canary(steps(25, 50), affinity(), promotion(50))),
		"weighted-affinity-twice":       tell(canary(steps(50, 50), affinity()), rt.On(rt.AtRest(), rt.Push("C"))),
		"bluegreen":                     tell(canary(iterations(2), metric("request-success-rate"))),
		"bluegreen-mirror":              tell(canary(iterations(2), mirror())),
		"bluegreen-kubernetes":          plain(tell(canary(iterations(2), metric("request-success-rate")))),
		"bluegreen-kubernetes-weighted": plain(tell(canary(steps(10, 50), match()))),
		"abtest":                        tell(canary(iterations(2), match())),
		"abtest-promotion-steps":        tell(canary(iterations(2), match(), promotion(50))),
		"skip-analysis":                 tell(canary(steps(20, 50), spec(skipAnalysis), hook(v1beta1.HookPostRollout, "report"))),
		"skip-analysis-mid-run": tell(canary(steps(20, 50)),
			rt.On(rt.AtWeight(40).Later(5*time.Second), rt.Edit("the user skips the analysis", skipAnalysis)),
		),
		"no-analysis": tell(canary(func(c *v1beta1.Canary) { c.Spec.Analysis = nil; c.Spec.SkipAnalysis = true })),
		"second-run":  tell(canary(steps(50, 50)), rt.On(rt.AtRest(), rt.PushScaled("C"))),
		"config-change": tell(canary(steps(50, 50)),
			rt.On(rt.AtRest(), rt.Configure("configmap/app", "1")),
			rt.On(rt.AtRest(), rt.Push("C")),
			rt.On(rt.AtRest(), rt.Configure("configmap/app", "2")),
		),
		"strategy-switched-mid-run": tell(canary(steps(20, 50)),
			rt.On(rt.AtWeight(40).Later(5*time.Second), rt.Edit("the user asks for Blue/Green", func(spec *v1beta1.CanarySpec) {
				spec.Analysis.StepWeight, spec.Analysis.MaxWeight, spec.Analysis.Iterations = 0, 0, 2
			})),
		),
		"steps-edited-mid-run": tell(canary(steps(20, 50)),
			rt.On(rt.AtWeight(20).Later(5*time.Second), rt.Edit("the user lists other steps", func(spec *v1beta1.CanarySpec) {
				spec.Analysis.StepWeight, spec.Analysis.StepWeights = 0, []v1beta1.Number{5, 30, 60}
			})),
		),
	}
}

// confirming is a story whose data plane takes its time.
func confirming(pause time.Duration, s rt.Story) rt.Story {
	s.Pace.Confirm = pause
	return s
}
