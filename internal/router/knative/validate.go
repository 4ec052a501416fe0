package knative

import (
	"errors"
	"fmt"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

// Texts of the contract, which users see in events.
const textTarget = "can't use %s/%s as target if provider is set to knative"

var errAutoscaler = errors.New("spec.autoscalerRef: can't use autoscaler with Knative Service")

// validate says what of the spec cannot be routed, as router.ErrInvalidSpec. Observe and Apply refuse such a spec, so
// it never moves traffic.
func validate(c *v1beta1.Canary) error {
	switch ref := c.Spec.TargetRef; {
	case !isTarget(ref):
		return router.InvalidSpec(fmt.Errorf("spec.targetRef: "+textTarget, ref.APIVersion, ref.Kind))
	case c.Spec.AutoscalerRef != nil:
		return router.InvalidSpec(errAutoscaler)
	}
	return nil
}

// isTarget says whether ref is to a Knative Service.
func isTarget(ref v1beta1.LocalObjectReference) bool {
	return ref.APIVersion == kind.GroupVersion().String() && ref.Kind == kind.Kind
}
