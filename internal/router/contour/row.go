package contour

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// kind is the routing object's.
var kind = schema.GroupVersionKind{Group: "projectcontour.io", Version: "v1", Kind: "HTTPProxy"}

// Row is the provider's row of the registry. ingressClass says which Contour is meant, the operator's -ingress-class;
// if it is empty, the class of an HTTPProxy is left alone.
func Row(ingressClass string) router.Row {
	watched := kind
	return router.Row{
		Provider:     "contour",
		Capabilities: rollout.Capabilities{Routes: true, Match: true},
		Watch:        &watched,
		New:          func(deps router.Deps) router.Router { return New(ingressClass, deps) },
	}
}
