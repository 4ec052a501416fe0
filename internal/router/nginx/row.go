package nginx

import (
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/ingress"
)

// Row is the provider's row of the registry. prefix is that of ingress-nginx's annotations, its --annotations-prefix,
// without a slash at the end; it must not be empty.
func Row(prefix string) router.Row {
	watched := ingress.Kind
	return router.Row{
		Provider:     "nginx",
		Capabilities: rollout.Capabilities{Routes: true, Match: true},
		Watch:        &watched,
		AtHome:       true,
		New:          func(deps router.Deps) router.Router { return New(prefix, deps) },
	}
}
