package rollouttest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"

	"flagger.app/flagger/internal/rollout"
)

// mostSteps ends stories that do not end.
const mostSteps = 4000

// mostRounds bounds the questions of one decision.
const mostRounds = 32

// retryPause is the back-off of a step that failed.
const retryPause = time.Second

var (
	// ErrForbidden says that a step did what must never happen.
	ErrForbidden = errors.New("forbidden")
	// ErrEndless says that a story does not come to its end.
	ErrEndless = errors.New("endless")

	errKilled    = errors.New("killed")
	errOvertaken = errors.New("overtaken by a change")
)

// Play takes a story to its end. Its error, with the record until then, is the first thing that must not happen.
func Play(s Story) (Record, error) {
	p := newPlayer(s)
	err := p.run()
	p.record.Log = p.log.String()
	p.record.Final = p.cluster.Canary.Status
	p.record.Primary = p.cluster.workloads[Primary].revision
	p.record.Gone = p.cluster.gone
	return p.record, err
}

// player steps through a story.
type player struct {
	story   Story
	cluster *Cluster
	referee referee
	chance  *rand.Rand
	log     *narrator
	record  Record
	// due is when the operator asked to be woken, zero for never; woken says that something else wakes it now.
	due   time.Time
	woken bool
	// beats are those to come; met is when the moment of the first was met.
	beats []Beat
	met   time.Time
}

func newPlayer(s Story) *player {
	if s.Decide == nil {
		s.Decide = rollout.Decide
	}
	p := &player{story: s, cluster: newCluster(s), beats: s.Beats, woken: true}
	p.referee = newReferee(p.cluster)
	p.log = newNarrator(p.cluster)
	if s.Seed != 0 {
		p.chance = rand.New(rand.NewPCG(s.Seed, s.Seed))
	}
	return p
}

func (p *player) run() error {
	for range mostSteps {
		if err := p.cue(); err != nil {
			return err
		}
		if p.woken {
			p.woken = false
			if err := p.step(); err != nil {
				return err
			}
			continue
		}
		if p.cluster.gone {
			return nil
		}
		if !p.advance() {
			return p.ending()
		}
	}
	return fmt.Errorf("%w: still %s after %d steps", ErrEndless, p.cluster.Canary.Status.Phase, mostSteps)
}

// ending checks that a story at rest may end.
func (p *player) ending() error {
	if len(p.beats) > 0 {
		return fmt.Errorf("%w: the moment %q never came", ErrEndless, p.beats[0].When.title)
	}
	return p.referee.rest()
}

// cue does the acts whose moment has come.
func (p *player) cue() error {
	for len(p.beats) > 0 {
		when := p.beats[0].When
		if p.met.IsZero() && !p.reached(when) {
			return nil
		}
		if p.met.IsZero() {
			p.met = p.cluster.Now
		}
		if p.cluster.Now.Before(p.met.Add(when.pause)) {
			return nil
		}
		p.act(p.beats[0].Do)
		p.beats, p.met = p.beats[1:], time.Time{}
	}
	return nil
}

func (p *player) reached(when Moment) bool {
	if when.rest {
		return !p.woken && p.due.IsZero() && p.cluster.next().IsZero()
	}
	return when.met(p.cluster)
}

func (p *player) act(a Act) {
	p.log.line("given", a.Title)
	a.do(p.cluster)
	p.log.look()
	p.woken = true
}

// advance moves the clock to what is due next; it returns false if nothing ever is.
func (p *player) advance() bool {
	next := p.cluster.next()
	times := []time.Time{p.due}
	if !p.met.IsZero() {
		times = append(times, p.met.Add(p.beats[0].When.pause))
	}
	for _, t := range times {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	if next.IsZero() {
		return false
	}
	if next.After(p.cluster.Now) {
		p.cluster.Now = next
	}
	p.log.world()
	p.woken = true
	return true
}

// step is one call of the controller.
func (p *player) step() error {
	if p.cluster.gone {
		return nil
	}
	if p.chance != nil {
		p.cluster.Now = p.cluster.Now.Add(time.Duration(p.chance.IntN(1500)) * time.Millisecond)
		p.log.world()
	}
	p.due = time.Time{}
	err := p.reconcile()
	p.log.look()
	switch {
	case errors.Is(err, errKilled), errors.Is(err, errOvertaken):
		p.log.line("error", err.Error())
		p.wakeIn(retryPause)
		return nil
	case err != nil:
		return fmt.Errorf("at %s: %w", p.log.clock(), err)
	}
	return nil
}

func (p *player) wakeIn(d time.Duration) { p.due = p.cluster.Now.Add(d) }

func (p *player) reconcile() error {
	plan, err := p.cluster.plan()
	if err != nil {
		return err
	}
	in := p.cluster.observe(plan)
	dec, err := p.decide(in)
	if err != nil {
		return err
	}
	for _, action := range dec.Actions {
		if err := p.perform(in, action); err != nil {
			return err
		}
	}
	if err := p.store(in, dec); err != nil {
		return err
	}
	p.announce(in, dec)
	if dec.After > 0 {
		p.wakeIn(dec.After)
	}
	return nil
}

// decide asks in rounds until the decision stands.
func (p *player) decide(in rollout.Observation) (rollout.Decision, error) {
	for range mostRounds {
		dec := p.story.Decide(in)
		if len(dec.Ask) == 0 {
			return dec, nil
		}
		for _, q := range dec.Ask {
			if _, again := in.Answers[q]; again {
				return dec, fmt.Errorf("%w: question %v is asked twice", ErrForbidden, q)
			}
			in.Answers[q] = p.answer(in.Plan, q)
		}
	}
	return rollout.Decision{}, fmt.Errorf("%w: more than %d rounds of questions", ErrEndless, mostRounds)
}

// answer lets a hook, a metric or the providers answer as the story says.
func (p *player) answer(plan rollout.Plan, q rollout.Question) rollout.Answer {
	name, kind := nameOf(plan, q), "metric"
	switch q.Kind {
	case rollout.AskHook:
		kind = "hook"
	case rollout.AskProviders:
		kind = "probe"
	case rollout.AskMetric:
	}
	answer, told := p.cluster.answers[name]
	if !told {
		answer = rollout.Answer{Verdict: rollout.Pass}
	}
	if q.Kind == rollout.AskMetric && answer.Verdict == rollout.Fail {
		answer.Value = new(7.0) // out of bounds; a metric that cannot be measured has none
	}
	p.cluster.calls[name]++
	p.referee.answered(q, answer)
	p.log.line("asks", strings.TrimSpace(fmt.Sprintf("%s %s %s", kind, name, q.Phase))+": "+string(answer.Verdict))
	return answer
}

func nameOf(plan rollout.Plan, q rollout.Question) string {
	switch q.Kind {
	case rollout.AskMetric:
		return plan.Metrics[q.Index]
	case rollout.AskProviders:
		return "providers"
	case rollout.AskHook:
	}
	for _, hook := range plan.Hooks {
		if hook.Index == q.Index {
			return hook.Name
		}
	}
	return "?"
}

// store writes the status if it changed, and unless the story loses the write.
func (p *player) store(in rollout.Observation, dec rollout.Decision) error {
	if p.cluster.gone || equality.Semantic.DeepEqual(in.Status, dec.Status) {
		return nil
	}
	p.record.Writes++
	if p.record.Writes == p.story.Lose {
		return fmt.Errorf("%w before the status was written", errKilled)
	}
	if err := p.referee.stored(in.Plan, in.Status, dec.Status); err != nil {
		return err
	}
	p.cluster.Canary.Status = *dec.Status.DeepCopy()
	p.woken = true
	return nil
}

// announce sends the events and calls the hooks that close a run.
func (p *player) announce(in rollout.Observation, dec rollout.Decision) {
	p.say(dec.Events)
	answers := rollout.Answers{}
	for _, q := range dec.Closing {
		answers[q] = p.answer(in.Plan, q)
	}
	p.say(rollout.Close(in, dec, answers))
	p.log.state()
}

func (p *player) say(events []rollout.Event) {
	for _, e := range events {
		p.record.Events = append(p.record.Events, e.Message)
		p.log.line("says", fmt.Sprintf("%s %s (%s, %s)", e.Type[:1], e.Message, e.Reason, e.Phase))
	}
}
