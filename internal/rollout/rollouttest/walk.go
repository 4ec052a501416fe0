package rollouttest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

// Weather is what may happen on a walk besides pushes, outages and answers.
type Weather int

const (
	// Drifting has somebody edit the routing object.
	Drifting Weather = iota
	// Faulty loses status writes and kills the process.
	Faulty
)

// Walk lets chance, seeded by the story, decide what happens for a number of steps. Then everything is healed, and the
// revision that is pushed last must be promoted, whatever happened before.
func Walk(s Story, steps int, weather Weather) (Record, error) {
	p := newPlayer(s)
	walker := walker{player: p, chance: rand.New(rand.NewPCG(s.Seed, uint64(steps))), weather: weather}
	err := walker.walk(steps)
	p.record.Log = p.log.String()
	return p.record, err
}

type walker struct {
	*player
	chance  *rand.Rand
	weather Weather
}

func (w *walker) walk(steps int) error {
	for range steps {
		if w.chance.IntN(4) == 0 {
			w.act(w.choose())
		}
		if w.weather == Faulty && w.chance.IntN(12) == 0 {
			w.fault()
		}
		if err := w.forward(); err != nil {
			return err
		}
	}
	w.story.Lose, w.story.Kill = 0, 0
	for _, act := range w.calm() {
		w.act(act)
	}
	if err := w.settle(); err != nil {
		return err
	}
	w.act(Push("last"))
	if err := w.settle(); err != nil {
		return err
	}
	return w.happyEnd()
}

// forward takes one step, or lets time pass until the next is due.
func (w *walker) forward() error {
	if w.woken {
		w.woken = false
		return w.step()
	}
	w.advance()
	return nil
}

// settle goes on until nothing more is due.
func (w *walker) settle() error {
	for range mostSteps {
		if !w.woken && !w.advance() {
			return w.referee.rest()
		}
		w.woken = false
		if err := w.step(); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: phase %s never settles", ErrEndless, w.cluster.Canary.Status.Phase)
}

// fault makes one of the next writes the last thing that the process does, or does not.
func (w *walker) fault() {
	soon := 1 + w.chance.IntN(2)
	if w.chance.IntN(2) == 0 {
		w.story.Lose = w.record.Writes + soon
		return
	}
	w.story.Kill = w.record.Changes + soon
}

// choose picks what happens next.
func (w *walker) choose() Act {
	letter := string("ABCD"[w.chance.IntN(4)])
	side := Side(w.chance.IntN(2))
	pause := time.Duration(1+w.chance.IntN(90)) * time.Second
	acts := []func() Act{
		func() Act { return Push(letter) },
		func() Act { return Push(letter) },
		func() Act { return PushScaled(letter) },
		func() Act { return Outage(side, pause) },
		func() Act { return Break(side, letter) },
		func() Act { return Heal(side) },
		func() Act { return w.say() },
		func() Act { return w.say() },
		func() Act { return Configure("configmap/app", letter) },
		func() Act { return Suspend(!w.cluster.Canary.Spec.Suspend) },
		func() Act { return skip(!w.cluster.Canary.Spec.SkipAnalysis) },
		func() Act { return w.refuse() },
		func() Act { return w.drift() },
	}
	return acts[w.chance.IntN(len(acts))]()
}

// say changes what some hook or metric answers.
func (w *walker) say() Act {
	analysis := w.cluster.Canary.GetAnalysis()
	var names []string
	for _, metric := range analysis.Metrics {
		names = append(names, metric.Name)
	}
	for _, hook := range analysis.Webhooks {
		names = append(names, hook.Name)
	}
	if len(names) == 0 {
		return Heal(Target)
	}
	verdicts := []rollout.Verdict{rollout.Pass, rollout.Pass, rollout.Fail, rollout.NoData, rollout.ProviderError}
	return Say(names[w.chance.IntN(len(names))], verdicts[w.chance.IntN(len(verdicts))], "by chance")
}

// skip has the user do without the analysis, or ask for it again.
func skip(on bool) Act {
	return Edit(fmt.Sprintf("skipAnalysis becomes %t", on), func(spec *v1beta1.CanarySpec) { spec.SkipAnalysis = on })
}

func (w *walker) refuse() Act {
	if w.chance.IntN(3) == 0 {
		return RefuseRoute("HTTPRoute podinfo.test is refused")
	}
	return RefuseRoute("")
}

// drift edits the routing object, if there is one and the weather is so.
func (w *walker) drift() Act {
	if w.weather != Drifting || !w.cluster.route.exists {
		return Heal(Primary)
	}
	return Drift(rollout.Weight(w.chance.IntN(101)))
}

// calm is what it takes to heal everything.
func (w *walker) calm() []Act {
	acts := []Act{Heal(Target), Heal(Primary), RefuseRoute(""), Suspend(false), skip(false)}
	analysis := w.cluster.Canary.GetAnalysis()
	for _, metric := range analysis.Metrics {
		acts = append(acts, Say(metric.Name, rollout.Pass, ""))
	}
	for _, hook := range analysis.Webhooks {
		verdict := rollout.Pass
		if hook.Type == v1beta1.HookRollback {
			verdict = rollout.Fail
		}
		acts = append(acts, Say(hook.Name, verdict, ""))
	}
	return acts
}

// happyEnd checks that the last revision serves everybody.
func (w *walker) happyEnd() error {
	c := w.cluster
	status := c.Canary.Status
	switch {
	case status.Phase != v1beta1.PhaseSucceeded || c.workloads[Primary].revision != Revision("last"):
		return forbid("the last revision ends %s with %s on the primary", status.Phase, letter(c.workloads[Primary].revision))
	case c.route.traffic.Canary > 0:
		return forbid("the walk ends with weight %d", c.route.traffic.Canary)
	case c.workloads[Target].replicas > 0:
		return forbid("the walk ends with pods of the target")
	}
	return nil
}
