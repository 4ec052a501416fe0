// Package kubernetes is the provider for clusters without a mesh or an ingress that can split traffic: Blue/Green on
// ClusterIP Services alone. There is no routing object. Users reach the primary through the apex Service all the
// time; the canary is reached by tests only, through its own Service.
package kubernetes

import (
	"context"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// Row is the provider's row of the registry.
func Row() router.Row {
	return router.Row{Provider: "kubernetes", New: func(router.Deps) router.Router { return Router{} }}
}

// Router has nothing to route with.
type Router struct{}

// Observe reports all traffic on the primary, where the apex Service sends it.
func (Router) Observe(context.Context, *v1beta1.Canary) (rollout.Routing, error) {
	return rollout.Routing{Traffic: rollout.ToPrimary(), Acceptance: rollout.Taken}, nil
}

// Apply does nothing.
func (Router) Apply(context.Context, *v1beta1.Canary, rollout.Traffic) error { return nil }

// Release does nothing.
func (Router) Release(context.Context, *v1beta1.Canary) error { return nil }
