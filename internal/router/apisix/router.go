package apisix

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// texts are the contract's, which users see in events, and one of our own of the same kind.
var texts = router.CopyTexts{
	GetSource: "APISIX route %s.%s get query error: %w",
	Get:       "APISIX route %s.%s query error: %w",
	Texts:     router.Texts{Create: "APISIX route %s.%s create error: %w", Update: "APISIX route %s.%s update error: %w"},
	Foreign:   "ApisixRoute %s.%s, the copy of spec.routeRef, exists and was not made for this canary: %w",
}

// New makes a router that divides traffic by the backends of a canary route.
func New(deps router.Deps) *router.Copier { return router.NewCopier(copying(), deps) }

func copying() router.Copying {
	return router.Copying{
		Kind:       kind,
		Field:      field,
		Texts:      texts,
		Validate:   validate,
		Source:     usersRoute,
		Copy:       canaryRoute,
		Render:     render,
		Read:       read,
		Acceptance: acceptance,
		Empty:      empty,
		IsFlaggers: isFlaggers,
	}
}

// empty sends the users of live, the canary route, back to the primary and leaves it as it is otherwise.
func empty(c *v1beta1.Canary, live *unstructured.Unstructured) *unstructured.Unstructured {
	emptied := live.DeepCopy()
	for _, one := range rules(emptied) {
		if candidate := find(one, router.CanaryService(c)); candidate != nil {
			one["backends"] = sides(c, candidate, rollout.ToPrimary())
		}
	}
	return emptied
}
