package nginx

import (
	"errors"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/ingress"
)

var errNoIterations = errors.New("spec.analysis.match: needs spec.analysis.iterations, as ingress-nginx cannot divide matching users by weight")

// validate says what of the spec the canary Ingress cannot express, as router.ErrInvalidSpec. Observe and Apply refuse
// such a spec, so it never moves traffic.
func validate(c *v1beta1.Canary) error {
	if err := ingress.Validate(c); err != nil {
		return err
	}
	if analysis := router.Analysis(c); len(analysis.Match) > 0 && analysis.Iterations < 1 {
		return router.InvalidSpec(errNoIterations)
	}
	_, err := condition(c)
	return router.InvalidSpec(err)
}
