package rollouttest

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/testkit/chance"
)

// everything is what the ablest provider can do.
var everything = rollout.Capabilities{
	Routes: true, Match: true, Mirror: true, MirrorSteps: true, Affinity: true, PrimaryAffinity: true, AffinityMatch: true,
}

// draw makes a canary of any kind.
func draw(c *chance.Chance) Story {
	canary := &v1beta1.Canary{ObjectMeta: metav1.ObjectMeta{Name: "podinfo", Namespace: "test"}}
	spec := &canary.Spec
	spec.TargetRef = v1beta1.LocalObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "podinfo"}
	spec.Service.Port = 80
	spec.Analysis = &v1beta1.CanaryAnalysis{Interval: "30s", Threshold: v1beta1.Number(1 + c.IntN(3))}
	s := Story{
		Canary:       canary,
		Capabilities: everything,
		Settings:     rollout.Settings{Drain: 10 * time.Second},
		Pace: Pace{
			Startup: 12 * time.Second, Deadline: time.Minute,
			Confirm: time.Duration(chance.Pick(c, 0, 0, 3, 90)) * time.Second,
			Hear:    time.Duration(chance.Pick(c, 0, 3)) * time.Second,
		},
	}
	s.Settings.Settle = s.Pace.Hear
	if !c.OneIn(4) {
		s.Configs = map[string]string{}
	}
	strategies[c.IntN(len(strategies))](c, spec.Analysis)
	if spec.Analysis.Iterations > 0 && len(spec.Analysis.Match) == 0 && c.OneIn(4) {
		s.Capabilities, spec.Analysis.Mirror = rollout.Capabilities{}, false
	}
	spec.RevertOnDeletion = c.OneIn(2)
	spec.SkipAnalysis = c.OneIn(10)
	if c.OneIn(4) {
		spec.AutoscalerRef = &v1beta1.AutoscalerReference{APIVersion: "autoscaling/v2", Kind: "HorizontalPodAutoscaler", Name: "podinfo"}
	}
	drawChecks(c, spec.Analysis)
	return s
}

// strategies are the ways to release.
var strategies = []func(*chance.Chance, *v1beta1.CanaryAnalysis){
	func(c *chance.Chance, a *v1beta1.CanaryAnalysis) {
		a.StepWeight, a.MaxWeight = v1beta1.Number(20+10*c.IntN(5)), v1beta1.Number(50+25*c.IntN(3))
	},
	func(c *chance.Chance, a *v1beta1.CanaryAnalysis) {
		a.StepWeights = []v1beta1.Number{v1beta1.Number(1 + c.IntN(10)), 30, 60}
		a.StepWeightPromotion = v1beta1.Number(20 * c.IntN(4))
	},
	func(c *chance.Chance, a *v1beta1.CanaryAnalysis) {
		a.StepWeight, a.MaxWeight, a.Mirror = 30, 60, true
	},
	func(c *chance.Chance, a *v1beta1.CanaryAnalysis) {
		a.StepWeight, a.MaxWeight = 50, 100
		a.SessionAffinity = &v1beta1.SessionAffinity{CookieName: "canary", PrimaryCookieName: "primary"}
	},
	func(c *chance.Chance, a *v1beta1.CanaryAnalysis) {
		a.Iterations, a.Mirror = v1beta1.Number(1+c.IntN(3)), c.OneIn(2)
	},
	func(c *chance.Chance, a *v1beta1.CanaryAnalysis) {
		a.Iterations = v1beta1.Number(1 + c.IntN(3))
		a.Match = []istio.HTTPMatchRequest{{Headers: map[string]istio.StringMatch{"x-user": {Exact: "insider"}}}}
	},
}

// drawChecks adds metrics, and hooks of some types.
func drawChecks(c *chance.Chance, a *v1beta1.CanaryAnalysis) {
	for i := range c.IntN(3) {
		a.Metrics = append(a.Metrics, v1beta1.CanaryMetric{Name: fmt.Sprint("metric-", i)})
	}
	if c.OneIn(4) {
		a.OnProviderError = v1beta1.OnProviderErrorFail
	}
	for _, kind := range []v1beta1.HookType{
		v1beta1.HookConfirmRollout, v1beta1.HookPreRollout, v1beta1.HookRollout, v1beta1.HookConfirmTrafficIncrease,
		v1beta1.HookConfirmPromotion, v1beta1.HookPostRollout, v1beta1.HookRollback,
	} {
		if c.OneIn(4) {
			a.Webhooks = append(a.Webhooks, v1beta1.CanaryWebhook{Type: kind, Name: string(kind), URL: "http://hooks.test"})
		}
	}
}
