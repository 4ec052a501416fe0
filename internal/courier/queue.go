package courier

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/go-logr/logr"
	"k8s.io/client-go/util/workqueue"

	"flagger.app/flagger/internal/fair"
)

// Limits bound a Queue; all are required.
type Limits struct {
	// Workers deliver letters at the same time, each to another receiver; a namespace alone has half of them.
	Workers int
	// Backlog is how many letters wait for one receiver, Total how many for all of them.
	Backlog, Total int
}

// Queue holds letters of type L for receivers of type R. It is safe for concurrent use.
type Queue[R comparable, L any] struct {
	limits  Limits
	dropped func()
	// turns hands a receiver to one worker at a time, in the order in which they were added.
	turns *workqueue.Typed[R]
	// lines keep the receivers of one namespace from taking all workers.
	lines *fair.Lines[R]

	mu      sync.Mutex
	waiting map[R][]L
	total   int
}

// NewQueue returns an empty queue. namespace is the one of a receiver. dropped is called once for each letter that is
// given up to make room.
func NewQueue[R comparable, L any](limits Limits, namespace func(R) string, dropped func()) *Queue[R, L] {
	return &Queue[R, L]{
		limits:  limits,
		dropped: dropped,
		turns:   workqueue.NewTyped[R](),
		lines:   fair.NewLines(limits.Workers, namespace),
		waiting: map[R][]L{},
	}
}

// Add queues letter behind the others for receiver. It never blocks. A receiver that is too far behind loses its
// oldest letter; when all of them together are, letter is lost.
func (q *Queue[R, L]) Add(receiver R, letter L) {
	q.mu.Lock()
	defer q.mu.Unlock()
	letters := q.waiting[receiver]
	switch {
	case len(letters) >= q.limits.Backlog:
		letters = letters[1:]
		q.total--
		q.dropped()
	case q.total >= q.limits.Total:
		q.dropped()
		return
	}
	q.waiting[receiver] = append(letters, letter)
	q.total++
	q.turns.Add(receiver)
}

// Run has queued letters delivered until ctx ends; what is left then is lost. It returns once no delivery is under
// way. It may run once.
func (q *Queue[R, L]) Run(ctx context.Context, deliver func(ctx context.Context, receiver R, letter L)) {
	var running sync.WaitGroup
	for range q.limits.Workers {
		running.Go(func() {
			for q.deliverNext(ctx, deliver) {
			}
		})
	}
	<-ctx.Done()
	q.turns.ShutDown()
	running.Wait()
}

// deliverNext delivers the oldest letter of the receiver whose turn it is. It returns false once there is no more to
// do.
func (q *Queue[R, L]) deliverNext(ctx context.Context, deliver func(context.Context, R, L)) bool {
	receiver, over := q.turns.Get()
	if over {
		return false
	}
	defer q.turns.Done(receiver)
	if !q.lines.Begin(receiver, 0) {
		return ctx.Err() == nil
	}
	defer q.callNext(receiver)
	letter, found := q.take(receiver)
	if found && ctx.Err() == nil {
		q.spared(ctx, func() { deliver(ctx, receiver, letter) })
	}
	return ctx.Err() == nil
}

// callNext gives the worker of receiver to those that it is the turn of now.
func (q *Queue[R, L]) callNext(receiver R) {
	for _, next := range q.lines.End(receiver) {
		q.turns.Add(next.Item)
	}
}

// spared delivers a letter. A panic costs that letter, and not the process.
func (q *Queue[R, L]) spared(ctx context.Context, deliver func()) {
	defer func() {
		if cause := recover(); cause != nil {
			logr.FromContextOrDiscard(ctx).Error(fmt.Errorf("%v", cause), "Delivery panicked", "stack", string(debug.Stack()))
			q.dropped()
		}
	}()
	deliver()
}

// take removes the oldest letter of receiver, and asks for another turn if it was not the last.
func (q *Queue[R, L]) take(receiver R) (L, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	letters := q.waiting[receiver]
	if len(letters) == 0 {
		var none L
		return none, false
	}
	q.total--
	if len(letters) == 1 {
		delete(q.waiting, receiver)
	} else {
		q.waiting[receiver] = letters[1:]
		q.turns.Add(receiver)
	}
	return letters[0], true
}
