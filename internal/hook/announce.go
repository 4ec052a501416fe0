package hook

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

const (
	// workers deliver events at the same time, each to another receiver.
	workers = 8
	// receiverBacklog is how many events wait for one receiver of one canary, totalBacklog how many for all of
	// them: some three megabytes.
	receiverBacklog = 64
	totalBacklog    = 4096
)

// receiver is one event hook of one canary; its events keep their order.
type receiver struct {
	canary types.NamespacedName
	url    string
}

// delivery is one event for one receiver.
type delivery struct {
	hook v1beta1.CanaryWebhook
	body []byte
}

// events holds what is still to be delivered.
type events struct {
	dropped func()
	// turns hands a receiver to one worker at a time, in the order in which they were added.
	turns *workqueue.Typed[receiver]

	mu      sync.Mutex
	waiting map[receiver][]delivery
	total   int
}

func newEvents(dropped func()) events {
	if dropped == nil {
		dropped = func() {}
	}
	return events{
		dropped: dropped,
		turns:   workqueue.NewTyped[receiver](),
		waiting: map[receiver][]delivery{},
	}
}

// Announce queues e, which happened to c at the given time, for every hook of type event that c has or, if it has
// none, for the global receiver. It never blocks and keeps nothing of c. A receiver that is too far behind loses its
// oldest event; when all of them together are, e is lost.
func (h *Caller) Announce(c *v1beta1.Canary, e rollout.Event, at time.Time) {
	for _, w := range h.eventHooks(c) {
		body, err := encode(c, e.Phase, eventMetadata(w.Metadata, e, at))
		if err != nil {
			h.logFailure(key(c), err)
			continue
		}
		w.Metadata = nil // written into the body, and shared with c
		h.events.add(receiver{canary: key(c), url: w.URL}, delivery{hook: w, body: body})
	}
}

// Run delivers queued events until ctx ends; what is left then is lost. It returns nil once no delivery is under
// way. It may run once.
func (h *Caller) Run(ctx context.Context) error {
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for h.deliverNext(ctx) {
			}
		})
	}
	<-ctx.Done()
	h.events.turns.ShutDown()
	running.Wait()
	return nil
}

// deliverNext delivers the oldest event of the receiver whose turn it is. It returns false once there is no more to
// do.
func (h *Caller) deliverNext(ctx context.Context) bool {
	r, over := h.events.turns.Get()
	if over {
		return false
	}
	defer h.events.turns.Done(r)
	d, ok := h.events.take(r)
	if !ok || ctx.Err() != nil {
		return ctx.Err() == nil
	}
	if err := h.post(ctx, d.hook, d.body); err != nil && ctx.Err() == nil {
		h.logFailure(r.canary, err)
	}
	return true
}

// eventHooks returns the hooks that are told of c's events.
func (h *Caller) eventHooks(c *v1beta1.Canary) []v1beta1.CanaryWebhook {
	var own []v1beta1.CanaryWebhook
	if analysis := c.GetAnalysis(); analysis != nil {
		for _, w := range analysis.Webhooks {
			if w.Type == v1beta1.HookEvent {
				own = append(own, w)
			}
		}
	}
	if len(own) == 0 {
		return h.global
	}
	return own
}

// logFailure says that an event did not arrive. The message holds the cause, as users search for it.
func (h *Caller) logFailure(canary types.NamespacedName, err error) {
	h.log.Error(nil, fmt.Sprintf("error sending event to webhook: %v", err), "canary", canary.Name+"."+canary.Namespace)
}

func key(c *v1beta1.Canary) types.NamespacedName {
	return types.NamespacedName{Namespace: c.Namespace, Name: c.Name}
}

// add queues d behind the other events of r.
func (e *events) add(r receiver, d delivery) {
	e.mu.Lock()
	defer e.mu.Unlock()
	queue := e.waiting[r]
	switch {
	case len(queue) >= receiverBacklog:
		queue = queue[1:]
		e.total--
		e.dropped()
	case e.total >= totalBacklog:
		e.dropped()
		return
	}
	e.waiting[r] = append(queue, d)
	e.total++
	e.turns.Add(r)
}

// take removes the oldest event of r, and asks for another turn if it was not the last.
func (e *events) take(r receiver) (delivery, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	queue := e.waiting[r]
	if len(queue) == 0 {
		return delivery{}, false
	}
	e.total--
	if len(queue) == 1 {
		delete(e.waiting, r)
		return queue[0], true
	}
	e.waiting[r] = queue[1:]
	e.turns.Add(r)
	return queue[0], true
}
