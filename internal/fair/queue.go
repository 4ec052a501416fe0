package fair

import (
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Queue is the priority queue of a controller that puts the requests of a namespace aside while that has its share of the
// workers. No worker waits with them.
//
// For the inner queue, a request that is aside was handed out and is done, and is added again once its namespace may
// have another worker. One that is added meanwhile comes out of the inner queue and meets the one that is aside.
type Queue struct {
	priorityqueue.PriorityQueue[reconcile.Request]
	lines *Lines[reconcile.Request]
}

// NewQueue returns a Queue in front of inner, which nobody else may use from now on, for that many workers, at least one.
func NewQueue(inner priorityqueue.PriorityQueue[reconcile.Request], workers int) *Queue {
	return &Queue{
		PriorityQueue: inner,
		lines:         NewLines(workers, func(r reconcile.Request) string { return r.Namespace }),
	}
}

// Get returns the next request, and waits for one. The worker that called has it until Done.
func (q *Queue) Get() (request reconcile.Request, shutdown bool) {
	request, _, shutdown = q.GetWithPriority()
	return request, shutdown
}

// GetWithPriority is Get, and tells the request's priority.
func (q *Queue) GetWithPriority() (request reconcile.Request, priority int, shutdown bool) {
	for {
		request, priority, shutdown = q.PriorityQueue.GetWithPriority()
		if shutdown || q.lines.Begin(request, priority) {
			return request, priority, shutdown
		}
		q.PriorityQueue.Done(request)
	}
}

// Done gives the worker back that had the request.
func (q *Queue) Done(request reconcile.Request) {
	q.PriorityQueue.Done(request)
	for _, next := range q.lines.End(request) {
		q.AddWithOpts(priorityqueue.AddOpts{Priority: &next.Priority}, next.Item)
	}
}

// Len returns the number of requests that are due and have no worker.
func (q *Queue) Len() int { return q.PriorityQueue.Len() + q.lines.Len() }
