package controller

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/testkit"
)

// heldChecks do not answer until they are released.
type heldChecks struct {
	testkit.Checks
	asked    atomic.Int32
	released chan struct{}
}

// Measure answers with the index.
func (k *heldChecks) Measure(_ context.Context, _ *v1beta1.Canary, index int) rollout.Answer {
	k.asked.Add(1)
	<-k.released
	return rollout.Answer{Verdict: rollout.Pass, Value: new(float64(index))}
}

func TestQuestionsOfOneRoundAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const many = 3*mostAtOnce + 1
		var questions []rollout.Question
		for i := range many {
			questions = append(questions, rollout.Question{Kind: rollout.AskMetric, Index: i})
		}
		checks := &heldChecks{released: make(chan struct{})}
		r := &Reconciler{Options: Options{Checks: checks}}
		answers := rollout.Answers{}
		done := make(chan struct{})
		go func() {
			defer close(done)
			r.answer(t.Context(), testkit.Canary(), questions, answers)
		}()
		synctest.Wait()
		expect(t, "A canary with many metrics does not ask them all at once.", mostAtOnce, int(checks.asked.Load()))
		checks.released <- struct{}{}
		synctest.Wait()
		expect(t, "The next is asked as soon as one is answered.", mostAtOnce+1, int(checks.asked.Load()))
		close(checks.released)
		<-done
		for _, question := range questions {
			answer, answered := answers[question]
			if !answered || *answer.Value != float64(question.Index) {
				t.Errorf("every question has its own answer: got %+v for %+v", answer, question)
			}
		}
	})
}
