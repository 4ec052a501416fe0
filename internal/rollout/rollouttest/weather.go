package rollouttest

import (
	"fmt"
	"time"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/testkit/chance"
)

// choose picks what users and the weather do next.
func (p *player) choose() Act {
	c := p.chance
	letter := string("ABCD"[c.IntN(4)])
	side := Side(c.IntN(2))
	acts := []func() Act{
		func() Act { return Push(letter) },
		func() Act { return Push(letter) },
		func() Act { return PushScaled(letter) },
		func() Act { return Outage(side, time.Duration(1+c.IntN(90))*time.Second) },
		func() Act { return Outage(side, time.Duration(1+c.IntN(90))*time.Second) },
		func() Act { return Break(side, letter) },
		p.ruinByChance,
		func() Act { return Heal(side) },
		p.sayByChance,
		p.sayByChance,
		p.sayByChance,
		p.configureByChance,
		p.configureByChance,
		func() Act { return chance.Pick(c, Unclaim(), Claim()) },
		func() Act { return Suspend(!p.cluster.Canary.Spec.Suspend) },
		p.editByChance,
		p.editByChance,
		p.refuseByChance,
		p.driftByChance,
		func() Act { return Resize(side, 1+c.IntN(4)) },
		func() Act { return Jump(time.Duration(c.IntN(1200)-300) * time.Second) },
		p.endByChance,
	}
	return acts[c.IntN(len(acts))]()
}

// ruinByChance makes what is released now fail, on either side. Few promotions would ever fail else.
func (p *player) ruinByChance() Act {
	return Break(chance.Pick(p.chance, Primary, Primary, Target), letter(p.cluster.workloads[Target].revision))
}

// configureByChance edits a config, or takes it away, where configs are tracked.
func (p *player) configureByChance() Act {
	switch {
	case p.cluster.configs == nil:
		return Heal(Target)
	case p.chance.OneIn(2):
		return chance.Pick(p.chance, Readable(), Unreadable())
	}
	return Configure("configmap/app", string("ABCD"[p.chance.IntN(4)]))
}

// sayByChance changes what some hook or metric answers.
func (p *player) sayByChance() Act {
	analysis := p.cluster.Canary.GetAnalysis()
	names := []string{"providers"}
	for _, metric := range analysis.Metrics {
		names = append(names, metric.Name)
	}
	for _, hook := range analysis.Webhooks {
		names = append(names, hook.Name)
	}
	verdict := chance.Pick(p.chance, rollout.Pass, rollout.Pass, rollout.Fail, rollout.NoData, rollout.ProviderError, rollout.ProviderError)
	return Say(chance.Pick(p.chance, names...), verdict, "by chance")
}

// editByChance changes the spec within the strategy.
func (p *player) editByChance() Act {
	c := p.chance
	return chance.Pick(c,
		skip(!p.cluster.Canary.Spec.SkipAnalysis),
		Edit("the steps become others", func(spec *v1beta1.CanarySpec) {
			a := spec.Analysis
			switch {
			case a.Iterations > 0:
				a.Iterations = v1beta1.Number(1 + c.IntN(4))
			case len(a.StepWeights) > 0:
				a.StepWeights = []v1beta1.Number{v1beta1.Number(5 + c.IntN(20)), v1beta1.Number(40 + c.IntN(40))}
			default:
				a.StepWeight = v1beta1.Number(10 + c.IntN(60))
			}
		}),
		Edit("the threshold becomes another", func(spec *v1beta1.CanarySpec) {
			spec.Analysis.Threshold = v1beta1.Number(1 + c.IntN(4))
		}),
	)
}

// skip has the user do without the analysis, or ask for it again.
func skip(on bool) Act {
	return Edit(fmt.Sprintf("skipAnalysis becomes %t", on), func(spec *v1beta1.CanarySpec) { spec.SkipAnalysis = on })
}

func (p *player) refuseByChance() Act {
	if p.chance.OneIn(3) {
		return RefuseRoute("HTTPRoute podinfo.test is refused")
	}
	return RefuseRoute("")
}

// driftByChance edits the routing object or deletes it, if there is one.
func (p *player) driftByChance() Act {
	weight := rollout.Weight(p.chance.IntN(101))
	switch {
	case !p.cluster.route.exists:
		return Heal(Primary)
	case p.chance.OneIn(4):
		return DropRoute()
	}
	return Drift(weight)
}

// endByChance deletes the canary, or its primary, or makes the canary anew.
func (p *player) endByChance() Act {
	switch {
	case p.cluster.gone:
		return Recreate()
	case p.chance.OneIn(2):
		return DropPrimary()
	}
	return Delete()
}
