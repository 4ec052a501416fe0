package rollouttest

import (
	"fmt"
	"time"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

// Story is a canary and what happens to it.
type Story struct {
	Canary       *v1beta1.Canary
	Capabilities rollout.Capabilities
	Settings     rollout.Settings
	Pace         Pace
	// Configs are the checksums of the tracked configs; nil while none are tracked.
	Configs map[string]string
	// Beats are what happens, in this order.
	Beats []Beat
	// Seed other than 0 delays wake-ups by chance, so that what happens at the same time is seen in another order.
	Seed uint64
	// Lose is the status write, counted from 1, that is lost; Kill the other write after which the process dies once.
	Lose, Kill int
	// Decide is the core under test; nil for rollout.Decide.
	Decide func(rollout.Observation) rollout.Decision
	// Permit is the door; nil for rollout.Permit.
	Permit func(rollout.Observation, rollout.Decision) error
}

// Beat is an act and the moment for it.
type Beat struct {
	When Moment
	Do   Act
}

// Moment is a condition of the stored status or of the clock.
type Moment struct {
	title string
	rest  bool
	met   func(*Cluster) bool
	// pause is how long after the condition is met the act is done.
	pause time.Duration
}

// On makes a beat.
func On(when Moment, do Act) Beat { return Beat{When: when, Do: do} }

// First is the moment before the operator looks for the first time.
func First() Moment { return Moment{title: "first", met: func(*Cluster) bool { return true }} }

// AtRest is when nothing more is due.
func AtRest() Moment { return Moment{title: "at rest", rest: true} }

// InPhase is when the stored status has a phase.
func InPhase(phase v1beta1.CanaryPhase) Moment {
	return Moment{title: "in phase " + string(phase), met: func(c *Cluster) bool { return c.Canary.Status.Phase == phase }}
}

// AtWeight is when the stored status has a canary weight.
func AtWeight(weight int) Moment {
	return Moment{title: fmt.Sprintf("at weight %d", weight), met: func(c *Cluster) bool {
		return c.Canary.Status.CanaryWeight == weight
	}}
}

// AtIteration is when the stored status has a number of iterations.
func AtIteration(n int) Moment {
	return Moment{title: fmt.Sprintf("at iteration %d", n), met: func(c *Cluster) bool { return c.Canary.Status.Iterations == n }}
}

// Called is when a hook or metric has been called so often.
func Called(name string, times int) Moment {
	return Moment{title: fmt.Sprintf("%s called %d times", name, times), met: func(c *Cluster) bool { return c.calls[name] >= times }}
}

// Later is a moment, and then a pause.
func (m Moment) Later(pause time.Duration) Moment {
	m.pause = pause
	return m
}

// Record is how a story went.
type Record struct {
	// Log is the narrated story.
	Log string
	// Events are the texts of all events.
	Events []string
	// Alerts are what chats were told.
	Alerts []rollout.Alert
	Final  v1beta1.CanaryStatus
	// Primary is the revision that the primary ended with; Rolls counts how often its template changed.
	Primary string
	Rolls   int
	// Writes counts status writes, Changes the other writes.
	Writes, Changes int
	// Gone is set if the canary was deleted to the end.
	Gone bool
}
