package knative

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// kind is that of the target, which is the routing object.
var kind = schema.GroupVersionKind{Group: "serving.knative.dev", Version: "v1", Kind: "Service"}

// Row is the provider's row of the registry.
func Row() router.Row {
	watched := kind
	return router.Row{
		Provider:     "knative",
		Capabilities: rollout.Capabilities{Routes: true},
		Watch:        &watched,
		AtHome:       true,
		New:          func(deps router.Deps) router.Router { return New(deps) },
	}
}
