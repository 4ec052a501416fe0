package nginx

import (
	networkingv1 "k8s.io/api/networking/v1"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// kind is the Ingress that both the user's and the canary's are.
var kind = networkingv1.SchemeGroupVersion.WithKind(ingressKind)

const ingressKind = "Ingress"

// Row is the provider's row of the registry. prefix is that of ingress-nginx's annotations, its --annotations-prefix,
// without a slash at the end; it must not be empty.
func Row(prefix string) router.Row {
	watched := kind
	return router.Row{
		Provider:     "nginx",
		Capabilities: rollout.Capabilities{Routes: true, Match: true},
		Watch:        &watched,
		New:          func(deps router.Deps) router.Router { return New(prefix, deps) },
	}
}
