package controller

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

// mostAtOnce is how many questions about one canary are asked at the same time: as many as one server is asked at a time,
// so that none spends its time limit on waiting for the others. With the number of workers it bounds all queries.
const mostAtOnce = 16

// answer puts the answers to questions into answers; those of one round are asked at the same time, up to mostAtOnce. A
// panic on the way goes on in the caller's goroutine, where it stops one canary and not the operator.
func (r *Reconciler) answer(ctx context.Context, c *v1beta1.Canary, questions []rollout.Question, answers rollout.Answers) {
	ctx, end := r.Tracer.Step(ctx, "ask")
	defer end(nil)
	results, panics := make([]rollout.Answer, len(questions)), make([]any, len(questions))
	var group sync.WaitGroup
	asking := make(chan struct{}, mostAtOnce)
	for i, question := range questions {
		asking <- struct{}{}
		group.Go(func() {
			defer func() {
				<-asking
				if caught := recover(); caught != nil {
					panics[i] = fmt.Sprintf("%v\n%s", caught, debug.Stack())
				}
			}()
			results[i] = r.ask(ctx, c, question)
		})
	}
	group.Wait()
	for i, question := range questions {
		if panics[i] != nil {
			panic(panics[i])
		}
		answers[question] = results[i]
	}
}

func (r *Reconciler) ask(ctx context.Context, c *v1beta1.Canary, q rollout.Question) rollout.Answer {
	switch q.Kind {
	case rollout.AskMetric:
		return r.Checks.Measure(ctx, c, q.Index)
	case rollout.AskProviders:
		return r.Checks.Available(ctx, c)
	case rollout.AskHook:
	}
	hook := c.GetAnalysis().Webhooks[q.Index]
	if err := r.Hooks.Call(ctx, c, hook, q.Phase); err != nil {
		return rollout.Answer{Verdict: rollout.Fail, Message: err.Error()}
	}
	return rollout.Answer{Verdict: rollout.Pass}
}
