package gloo

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

var (
	tableKind    = schema.GroupVersionKind{Group: "gateway.solo.io", Version: "v1", Kind: "RouteTable"}
	upstreamKind = schema.GroupVersionKind{Group: "gloo.solo.io", Version: "v1", Kind: "Upstream"}
)

// Row is the provider's row of the registry. labelPrefixes say which labels of spec.upstreamRef the canary's Upstreams
// inherit, the operator's -include-label-prefix.
func Row(labelPrefixes []string) router.Row {
	watched := tableKind
	return router.Row{
		Provider:     "gloo",
		Aliases:      []string{"gloo:v1"},
		Capabilities: rollout.Capabilities{Routes: true, Match: true},
		Watch:        &watched,
		Also:         []schema.GroupVersionKind{upstreamKind},
		New:          func(deps router.Deps) router.Router { return New(labelPrefixes, deps) },
	}
}
