package apisix

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// kind is what both the user's route and the canary's are.
var kind = schema.GroupVersionKind{Group: "apisix.apache.org", Version: "v2", Kind: "ApisixRoute"}

// Row is the provider's row of the registry.
func Row() router.Row {
	watched := kind
	return router.Row{
		Provider:     "apisix",
		Capabilities: rollout.Capabilities{Routes: true},
		Watch:        &watched,
		New:          func(deps router.Deps) router.Router { return New(deps) },
	}
}
