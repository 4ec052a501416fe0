package routertest

import (
	"errors"
	"testing"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

// feature is something that not every provider can do.
type feature struct {
	name string
	able bool
	// ask changes an analysis so that it needs the feature.
	ask func(*v1beta1.CanaryAnalysis)
	// field is what a provider that cannot do it is told about.
	field string
	test  func(*Bench)
}

// runFeatures plays what the provider says it can do. What it cannot must be refused before any traffic moves: sent to
// the canary, a condition that is not looked at would be everybody.
func runFeatures(t *testing.T, p Provider) {
	can := p.Row.Capabilities
	for _, one := range []feature{
		{"ABTest", can.Match, askForConditions, "spec.analysis.match", dividesByCondition},
		{"Mirror", can.Mirror, askForMirror, "spec.analysis.mirror", mirrors},
		{"Affinity", can.Affinity, askForAffinity, "spec.analysis.sessionAffinity", pinsToTheCanary},
	} {
		t.Run(one.name, func(t *testing.T) {
			if !one.able {
				isRefused(t, p, one)
				return
			}
			b := NewBench(t, p)
			one.ask(b.Canary.GetAnalysis())
			one.test(b)
		})
	}
	if can.PrimaryAffinity { // without it, the canary's cookie alone is set
		t.Run("PrimaryAffinity", func(t *testing.T) { pinsToThePrimary(NewBench(t, p)) })
	}
}

func isRefused(t *testing.T, p Provider, one feature) {
	c := p.Canary()
	if _, err := rollout.NewPlan(c, p.Row.Capabilities, rollout.Settings{}); err != nil {
		t.Fatalf("the canary is refused as it is: %v", err)
	}
	one.ask(c.GetAnalysis())
	_, err := rollout.NewPlan(c, p.Row.Capabilities, rollout.Settings{})
	var invalid *rollout.Invalid
	if !errors.As(err, &invalid) || invalid.Field != one.field {
		t.Errorf("got error %v, want one about %s", err, one.field)
	}
}

func askForConditions(analysis *v1beta1.CanaryAnalysis) {
	analysis.StepWeight, analysis.Iterations = 0, 5
	analysis.Match = []istio.HTTPMatchRequest{
		{Headers: map[string]istio.StringMatch{"x-canary": {Exact: "insider"}}},
	}
}

func dividesByCondition(b *Bench) {
	for _, want := range []rollout.Traffic{rollout.ToPrimary(), rollout.ToCanary(), rollout.ToPrimary()} {
		b.Settle(want)
	}
}

func askForMirror(analysis *v1beta1.CanaryAnalysis) {
	analysis.StepWeight, analysis.Iterations, analysis.Mirror = 0, 5, true
}

func mirrors(b *Bench) {
	b.Settle(rollout.ToPrimary())
	mirrored := rollout.ToPrimary()
	mirrored.Mirrored = true
	b.Settle(mirrored)
	b.Settle(rollout.ToCanary())
}

func askForAffinity(analysis *v1beta1.CanaryAnalysis) {
	analysis.SessionAffinity = &v1beta1.SessionAffinity{CookieName: "side", MaxAge: 60}
}

func pinsToTheCanary(b *Bench) {
	pinned := aTenth
	pinned.Affinity.Cookie = "side=abcdefghij"
	forgotten := rollout.ToPrimary()
	forgotten.Affinity.Expired = pinned.Affinity.Cookie
	for _, want := range []rollout.Traffic{rollout.ToPrimary(), pinned, forgotten, pinned} {
		b.Settle(want)
	}
}

func pinsToThePrimary(b *Bench) {
	b.Canary.GetAnalysis().SessionAffinity = &v1beta1.SessionAffinity{CookieName: "side", PrimaryCookieName: "main"}
	pinned := aTenth
	pinned.Affinity = rollout.Affinity{Cookie: "side=abcdefghij", PrimaryCookie: "main=klmnopqrst"}
	b.Settle(pinned)
	b.Settle(rollout.ToPrimary())
}
