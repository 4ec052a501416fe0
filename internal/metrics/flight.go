package metrics

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// question is what a provider is asked; two that are equal have the same answer.
type question struct {
	Scope
	query string
	// probe asks whether the provider is online, and has no query.
	probe bool
}

// flights holds the questions that are on their way to one provider.
//
// It is the single flight of golang.org/x/sync with two differences. A question is no caller's own, so it ends with the
// last who waits for the answer and not with the first who asked. And a panic reaches those who wait, where it stops
// their canaries and not the operator.
type flights struct {
	mu   sync.Mutex
	open map[question]*flight
}

// flight is one question on its way. The answer may be read when done is closed.
type flight struct {
	done   chan struct{}
	cancel context.CancelFunc
	// waiting is how many wait for the answer.
	waiting int

	value    float64
	err      error
	panicked any
}

// ask returns the answer to q that is on its way already, or sends send for one, which may take as long as limit. It
// returns the error of ctx when that ends first, and cancels send when nobody waits any more.
func (f *flights) ask(
	ctx context.Context, q question, limit time.Duration, send func(context.Context) (float64, error),
) (float64, error) {
	shared := f.join(ctx, q, limit, send)
	select {
	case <-shared.done:
		return shared.answer()
	case <-ctx.Done():
		f.leave(q, shared)
		return 0, fmt.Errorf("wait for the answer: %w", ctx.Err())
	}
}

// join returns the flight for q with one more who waits.
func (f *flights) join(
	ctx context.Context, q question, limit time.Duration, send func(context.Context) (float64, error),
) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	shared, found := f.open[q]
	if !found {
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
		shared = &flight{done: make(chan struct{}), cancel: cancel}
		f.open[q] = shared
		go f.fly(own, q, shared, send)
	}
	shared.waiting++
	return shared
}

// fly sends the question and brings the answer.
func (f *flights) fly(ctx context.Context, q question, shared *flight, send func(context.Context) (float64, error)) {
	defer close(shared.done)
	defer f.land(q, shared)
	defer func() {
		if caught := recover(); caught != nil {
			shared.panicked = fmt.Sprintf("%v\n%s", caught, debug.Stack())
		}
	}()
	shared.value, shared.err = send(ctx)
}

// leave takes one who waited from a flight; without anybody the answer is of no use.
func (f *flights) leave(q question, shared *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if shared.waiting--; shared.waiting == 0 {
		f.close(q, shared)
	}
}

// land ends a flight that has its answer.
func (f *flights) land(q question, shared *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.close(q, shared)
}

// close makes whoever asks q from now on begin another flight. The caller holds mu.
func (f *flights) close(q question, shared *flight) {
	shared.cancel()
	if f.open[q] == shared {
		delete(f.open, q)
	}
}

// answer is what the flight brought. It panics as the provider did.
func (s *flight) answer() (float64, error) {
	if s.panicked != nil {
		panic(s.panicked)
	}
	return s.value, s.err
}
