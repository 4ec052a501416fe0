package world

import (
	"context"
	"errors"
	"sync"
	"time"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

// oracle answers for metrics and webhooks. It implements the controller's Checks and Hooks.
type oracle struct {
	*world
	// mu guards what the answers of one round, which are given at the same time, are noted in.
	mu sync.Mutex
	// verdicts are those of metrics, and of "providers", that do not pass; closed are hooks that do not agree.
	verdicts map[string]rollout.Verdict
	closed   map[string]bool
}

// providers is the name of the question whether all providers can be reached.
const providers = "providers"

var errClosed = errors.New("not now")

func newOracle(w *world) *oracle {
	o := &oracle{world: w}
	o.clear()
	return o
}

// clear makes everything pass, and nobody ask for a rollback.
func (o *oracle) clear() {
	o.verdicts = map[string]rollout.Verdict{}
	o.closed = map[string]bool{string(v1beta1.HookRollback): true}
}

// Measure implements controller.Checks.
func (o *oracle) Measure(_ context.Context, c *v1beta1.Canary, index int) rollout.Answer {
	o.mu.Lock()
	defer o.mu.Unlock()
	name := c.GetAnalysis().Metrics[index].Name
	answer := o.verdict(name)
	if answer.Verdict == rollout.Fail {
		answer.Value = new(7.0) // out of bounds; a metric that cannot be measured has none
	}
	o.referee.measured(name, answer.Verdict)
	return answer
}

// Available implements controller.Checks.
func (o *oracle) Available(context.Context, *v1beta1.Canary) rollout.Answer {
	return o.verdict(providers)
}

func (o *oracle) verdict(name string) rollout.Answer {
	verdict, told := o.verdicts[name]
	if !told {
		verdict = rollout.Pass
	}
	o.log.answer(name, string(verdict))
	return rollout.Answer{Verdict: verdict, Message: name + " by chance"}
}

// Call implements controller.Hooks. Users may do something while they are asked.
func (o *oracle) Call(_ context.Context, _ *v1beta1.Canary, hook v1beta1.CanaryWebhook, _ v1beta1.CanaryPhase) error {
	if !o.calm && o.chance.OneIn(12) {
		o.surprise()
	}
	if o.closed[hook.Name] {
		o.log.answer(hook.Name, "no")
		o.referee.called(hook.Type, false)
		return errClosed
	}
	o.log.answer(hook.Name, "yes")
	o.referee.called(hook.Type, true)
	return nil
}

// Announce implements controller.Hooks.
func (o *oracle) Announce(_ *v1beta1.Canary, e rollout.Event, _ time.Time) {
	o.log.tell("says", "%s %s", e.Type[:1], e.Message)
}
