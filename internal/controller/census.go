package controller

import (
	"context"
	"maps"
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// census counts the canaries of every namespace as they come and go, and tells their number from time to time. To list
// them all would copy them all.
type census struct {
	*Reconciler
	mu     sync.Mutex
	counts map[string]int
}

func newCensus(r *Reconciler) *census { return &census{Reconciler: r, counts: map[string]int{}} }

// Start tells the number until ctx ends.
func (c *census) Start(ctx context.Context) error {
	ticker := time.NewTicker(c.Census)
	defer ticker.Stop()
	for {
		c.tell()
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (c *census) tell() {
	c.mu.Lock()
	counts := maps.Clone(c.counts)
	c.mu.Unlock()
	c.Telemetry.Total(counts)
}

// handler sees canaries come and go, and wakes nobody.
func (c *census) handler() handler.EventHandler {
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, _ queue) { c.add(e.Object.GetNamespace(), 1) },
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, _ queue) { c.add(e.Object.GetNamespace(), -1) },
	}
}

func (c *census) add(namespace string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[namespace] += n
	if c.counts[namespace] == 0 {
		delete(c.counts, namespace)
	}
}
