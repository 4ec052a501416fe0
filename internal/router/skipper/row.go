package skipper

import (
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/ingress"
)

// Row is the provider's row of the registry.
func Row() router.Row {
	watched := ingress.Kind
	return router.Row{
		Provider:     "skipper",
		Capabilities: rollout.Capabilities{Routes: true},
		Watch:        &watched,
		AtHome:       true,
		New:          func(deps router.Deps) router.Router { return New(deps) },
	}
}
