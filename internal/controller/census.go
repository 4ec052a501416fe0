package controller

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"flagger.app/flagger/api/v1beta1"
)

// census counts the canaries of every namespace from time to time, in the cache.
type census struct{ *Reconciler }

// Start counts until ctx ends.
func (c census) Start(ctx context.Context) error {
	ticker := time.NewTicker(c.Census)
	defer ticker.Stop()
	for {
		c.take(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (c census) take(ctx context.Context) {
	canaries := &v1beta1.CanaryList{}
	if err := c.Client.List(ctx, canaries, client.DisableReadYourWritesConsistency); err != nil {
		log.FromContext(ctx).Error(err, "count canaries")
		return
	}
	counts := map[string]int{}
	for i := range canaries.Items {
		counts[canaries.Items[i].Namespace]++
	}
	c.Telemetry.Total(counts)
}
