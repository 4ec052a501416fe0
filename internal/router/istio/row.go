package istio

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

var (
	routeKind = schema.GroupVersionKind{Group: "networking.istio.io", Version: "v1beta1", Kind: "VirtualService"}
	ruleKind  = schema.GroupVersionKind{Group: "networking.istio.io", Version: "v1beta1", Kind: "DestinationRule"}
)

// Row is the provider's row of the registry.
func Row() router.Row {
	watched := routeKind
	return router.Row{
		Provider: "istio",
		Capabilities: rollout.Capabilities{
			Routes:          true,
			Match:           true,
			Mirror:          true,
			MirrorSteps:     true,
			Affinity:        true,
			PrimaryAffinity: true,
		},
		Watch: &watched,
		Also:  []schema.GroupVersionKind{ruleKind},
		New:   func(deps router.Deps) router.Router { return New(deps) },
	}
}
