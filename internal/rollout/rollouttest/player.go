package rollouttest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/testkit/chance"
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
	// chance delays wake-ups; in a storm it decides what happens.
	chance *chance.Chance
	storm  bool
	log    *narrator
	record Record
	// moved is when this process changed the traffic last, or began.
	moved time.Time
	// tampered is set once a tampered decision was tried; phases may then change in ways that nobody draws.
	tampered bool
	// due is when the operator asked to be woken, late when it hears of what happened, zero for never; woken says that
	// something else wakes it now.
	due, late time.Time
	woken     bool
	// plan is that of the generation of the spec that it was made for.
	plan       rollout.Plan
	generation int64
	// beats are those to come; met is when the moment of the first was met.
	beats []Beat
	met   time.Time
}

func newPlayer(s Story) *player {
	if s.Decide == nil {
		s.Decide = rollout.Decide
	}
	if s.Permit == nil {
		s.Permit = rollout.Permit
	}
	p := &player{story: s, cluster: newCluster(s), beats: s.Beats, woken: true}
	p.referee = newReferee(p.cluster)
	p.log = newNarrator(p.cluster)
	if s.Seed != 0 {
		p.chance = chance.Seeded(s.Seed)
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
	times := []time.Time{p.due, p.late}
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
	if !p.late.After(p.cluster.Now) {
		p.late = time.Time{}
	}
	p.log.world()
	p.woken = true
	return true
}

// step is one call of the controller.
func (p *player) step() error {
	p.due = time.Time{}
	if p.cluster.gone {
		return nil
	}
	if p.chance != nil && (p.storm || p.story.Seed != 0) {
		p.cluster.Now = p.cluster.Now.Add(time.Duration(p.chance.IntN(1500)) * time.Millisecond)
		p.log.world()
	}
	err := p.reconcile()
	p.log.look()
	if errors.Is(err, errKilled) {
		p.moved = p.cluster.Now
	}
	switch {
	case err == nil:
	case comesBack(err):
		p.log.line("error", err.Error())
		p.wakeIn(retryPause)
		return nil
	default:
		return fmt.Errorf("at %s: %w", p.log.clock(), err)
	}
	return nil
}

func (p *player) wakeIn(d time.Duration) { p.due = p.cluster.Now.Add(d) }

func (p *player) reconcile() error {
	in, dec, err := p.decide()
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

// decide asks in rounds until there is a decision that passes the door. The cluster is observed anew in each.
func (p *player) decide() (rollout.Observation, rollout.Decision, error) {
	answers := rollout.Answers{}
	p.referee.round = answers
	var in rollout.Observation
	for range mostRounds {
		if err := p.replan(); err != nil {
			return in, rollout.Decision{}, err
		}
		in = p.cluster.observe(p.plan)
		p.referee.hopeless = p.cluster.workloads[Target].stuck(p.cluster.Now)
		in.Answers, in.Moved = answers, p.moved
		dec := p.story.Decide(in)
		if len(dec.Ask) == 0 {
			return in, dec, p.pass(in, &dec)
		}
		for _, q := range dec.Ask {
			if _, again := answers[q]; again {
				return in, dec, fmt.Errorf("%w: question %v is asked twice", ErrForbidden, q)
			}
			answers[q] = p.answer(in.Plan, q)
		}
		if err := p.meanwhile(); err != nil {
			return in, dec, err
		}
	}
	return in, rollout.Decision{}, fmt.Errorf("%w: more than %d rounds of questions", ErrEndless, mostRounds)
}

// replan parses the spec where it is a new one.
func (p *player) replan() error {
	if p.generation == p.cluster.Canary.Generation {
		return nil
	}
	plan, err := p.cluster.plan()
	p.plan, p.generation = plan, p.cluster.Canary.Generation
	return err
}

// pass takes a decision through the core's own door. In a storm some are tampered with before, and the door may refuse
// those; the core's own it never refuses.
func (p *player) pass(in rollout.Observation, dec *rollout.Decision) error {
	tampered := p.storm && !in.Deleting && p.chance.OneIn(16)
	if tampered {
		tamper(p.chance, in, dec)
		p.tampered = true
	}
	err := p.story.Permit(in, *dec)
	switch {
	case err == nil:
		return nil
	case tampered:
		return fmt.Errorf("%w: %w", errDefect, err)
	}
	return fmt.Errorf("%w: %w", ErrForbidden, err)
}

// meanwhile lets something happen while somebody is being asked. What was asked about another spec counts for nothing.
func (p *player) meanwhile() error {
	if p.storm && p.chance.OneIn(12) {
		p.act(p.choose())
	}
	if p.generation != p.cluster.Canary.Generation || p.cluster.gone {
		return errOvertaken
	}
	return nil
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
	if p.cluster.gone || rollout.SameStatus(in.Status, dec.Status) {
		return nil
	}
	p.record.Writes++
	if p.record.Writes == p.story.Lose {
		return fmt.Errorf("%w before the status was written", errKilled)
	}
	if err := p.before(); err != nil {
		return err
	}
	if err := p.referee.stored(in.Plan, in.Status, dec.Status, p.tampered); err != nil {
		return err
	}
	p.cluster.Canary.Status = *dec.Status.DeepCopy()
	p.woken = true
	return p.behind()
}

// announce sends the events and calls the hooks that close a run.
func (p *player) announce(in rollout.Observation, dec rollout.Decision) {
	p.say(dec.Events)
	answers := rollout.Answers{}
	for _, q := range dec.Closing {
		answers[q] = p.answer(in.Plan, q)
	}
	p.say(rollout.Close(in, dec, answers))
	p.cluster.Canary.Status = rollout.Closed(in, p.cluster.Canary.Status, answers)
	p.log.state()
}

func (p *player) say(events []rollout.Event) {
	if p.log.mute {
		return
	}
	for _, e := range events {
		p.record.Events = append(p.record.Events, e.Message)
		if e.Alert != (rollout.Alert{}) {
			p.record.Alerts = append(p.record.Alerts, e.Alert)
		}
		p.log.line("says", fmt.Sprintf("%s %s (%s, %s)", e.Type[:1], e.Message, e.Reason, e.Phase))
	}
}
