package kuma

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

var kind = schema.GroupVersionKind{Group: "kuma.io", Version: "v1alpha1", Kind: "TrafficRoute"}

// Row is the provider's row of the registry.
func Row() router.Row {
	watched := kind
	return router.Row{
		Provider:     "kuma",
		Capabilities: rollout.Capabilities{Routes: true, Uncollected: true},
		Watch:        &watched,
		New:          func(deps router.Deps) router.Router { return New(deps) },
	}
}
