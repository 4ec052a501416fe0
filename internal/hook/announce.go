package hook

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/courier"
	"flagger.app/flagger/internal/rollout"
)

// backlog of 64 events for one receiver of one canary and 4096 for all of them is some three megabytes.
var backlog = courier.Limits{Workers: 16, Backlog: 64, Total: 4096}

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
		h.events.Add(receiver{canary: key(c), url: w.URL}, delivery{hook: w, body: body})
	}
}

// Run delivers queued events until ctx ends; what is left then is lost. It returns nil once no delivery is under
// way. It may run once.
func (h *Caller) Run(ctx context.Context) error {
	h.events.Run(ctx, func(ctx context.Context, r receiver, d delivery) {
		if err := h.post(ctx, d.hook, d.body); err != nil && ctx.Err() == nil {
			h.logFailure(r.canary, err)
		}
	})
	return nil
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
