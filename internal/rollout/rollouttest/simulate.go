package rollouttest

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/testkit/chance"
)

const (
	// fewestSteps and mostRandomSteps bound the part of a sequence that chance rules.
	fewestSteps, mostRandomSteps = 10, 60
	// mostSettling bounds the calm part; a canary that has not come to rest by then never does.
	mostSettling = 1500
)

// Simulate lets chance tell a story: which canary it is, what users and the weather do, which writes fail, when the
// process dies, and which decisions are tampered with on their way to the core's own door. Then everything is healed,
// and the revision that is pushed last must be promoted, whatever happened before. It returns how often the operator
// decided, and the first thing that must not happen, which begins with the invariant that it breaks.
func Simulate(c *chance.Chance) (steps int, violation error) {
	s := newSimulation(c)
	s.log.mute = true
	violation = s.run()
	return s.steps, violation
}

// Narrate tells the story that the answers on a tape make.
func Narrate(tape []uint32) string {
	s := newSimulation(chance.Replay(tape))
	if err := s.run(); err != nil {
		s.log.line("wrong", err.Error())
	}
	return s.log.String()
}

// simulation is a player that chance leads.
type simulation struct {
	*player
	steps int
}

func newSimulation(c *chance.Chance) *simulation {
	s := &simulation{player: newPlayer(draw(c))}
	s.chance, s.storm = c, true
	return s
}

func (s *simulation) run() error {
	for range fewestSteps + s.chance.IntN(mostRandomSteps-fewestSteps) {
		if s.chance.OneIn(3) {
			s.act(s.choose())
			s.dull()
		}
		if err := s.forward(); err != nil {
			return err
		}
	}
	s.storm = false
	if err := s.heal(); err != nil {
		return err
	}
	if s.cluster.gone {
		s.act(Recreate())
		if err := s.heal(); err != nil {
			return err
		}
	}
	s.act(Push("last"))
	if err := s.settle(); err != nil {
		return err
	}
	return s.happyEnd()
}

// heal ends everything that is wrong, and waits until nothing more is due.
func (s *simulation) heal() error {
	for _, act := range s.calm() {
		s.act(act)
	}
	return s.settle()
}

// dull makes the operator hear late of what has just happened, now and then: a watch was lost.
func (s *simulation) dull() {
	if s.chance.OneIn(8) {
		s.woken, s.late = false, s.cluster.Now.Add(time.Duration(1+s.chance.IntN(300))*time.Second)
	}
}

// forward takes one step, or lets time pass until the next is due.
func (s *simulation) forward() error {
	if !s.woken {
		s.advance()
		return nil
	}
	s.woken = false
	s.steps++
	return s.step()
}

// settle goes on until nothing more is due.
func (s *simulation) settle() error {
	for range mostSettling {
		if !s.woken && !s.advance() {
			return s.referee.rest()
		}
		s.woken = false
		s.steps++
		if err := s.step(); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: phase %s never settles", ErrEndless, s.cluster.Canary.Status.Phase)
}

// happyEnd checks that the last revision serves everybody.
func (s *simulation) happyEnd() error {
	c := s.cluster
	status := c.Canary.Status
	switch {
	case status.Phase != v1beta1.PhaseSucceeded || c.workloads[Primary].revision != Revision("last"):
		return forbid("I5", "the last revision ends %s with %s on the primary", status.Phase, letter(c.workloads[Primary].revision))
	case c.route.traffic.Canary > 0:
		return forbid("I4", "the story ends with weight %d", c.route.traffic.Canary)
	case c.workloads[Target].replicas > 0:
		return forbid("I6", "the story ends with pods of the target")
	}
	return nil
}

// Errors of a stormy sea; the operator comes back after each.
var (
	errRefused = errors.New("refused by the API server")
	errDefect  = errors.New("a tampered decision met the door")
)

// before is what becomes of a write before it is made.
func (p *player) before() error {
	if p.storm && p.chance.OneIn(50) {
		return errRefused
	}
	return nil
}

// behind is what becomes of the process behind a write.
func (p *player) behind() error {
	if p.storm && p.chance.OneIn(50) {
		return fmt.Errorf("%w after a write", errKilled)
	}
	return nil
}

// comesBack tells whether an error is one that the operator tries again after.
func comesBack(err error) bool {
	for _, known := range []error{errKilled, errOvertaken, errRefused, errDefect} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// calm is what it takes to heal everything.
func (s *simulation) calm() []Act {
	acts := []Act{
		Heal(Target), Heal(Primary), RefuseRoute(""), Readable(), Unclaim(), Suspend(false), skip(false),
		Say("providers", rollout.Pass, ""),
	}
	if !s.cluster.workloads[Primary].exists {
		acts = append(acts, Revert()) // the operator makes a primary anew from nothing else
	}
	analysis := s.cluster.Canary.GetAnalysis()
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

// Invariant is the one that a violation names, empty for none.
func Invariant(violation error) string {
	return invariantName.FindString(violation.Error())
}

var invariantName = regexp.MustCompile(`\bI[1-9]\b`)
