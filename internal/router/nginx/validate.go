package nginx

import (
	"errors"
	"fmt"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

var (
	errNoIngress    = errors.New("spec.ingressRef: ingress selector is empty") // as users know it
	errNoIterations = errors.New("spec.analysis.match: needs spec.analysis.iterations, as ingress-nginx cannot divide matching users by weight")
)

// validate says what of the spec the canary Ingress cannot express, as router.ErrInvalidSpec. Observe and Apply refuse
// such a spec, so it never moves traffic.
func validate(c *v1beta1.Canary) error {
	ref := c.Spec.IngressRef
	switch {
	case ref == nil || ref.Name == "":
		return router.InvalidSpec(errNoIngress)
	case ref.Kind != ingressKind:
		return router.InvalidSpec(fmt.Errorf("spec.ingressRef.kind: %q is not %s", ref.Kind, ingressKind))
	case len(analysisOf(c).Match) > 0 && analysisOf(c).Iterations < 1:
		return router.InvalidSpec(errNoIterations)
	}
	_, err := condition(c)
	return router.InvalidSpec(err)
}
