package istio

import (
	"errors"
	"fmt"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

// textDelegation is a text of the contract, which users see in events.
const textDelegation = "VirtualService %s.%s cannot have hosts and gateways when delegation enabled"

var (
	errAffinityMatch = errors.New("spec.analysis.sessionAffinity cannot be combined with spec.analysis.match")
	errTCP           = errors.New("needs requests, but with spec.service.appProtocol tcp there are only connections")
)

// validate says what of the spec cannot be routed, as router.ErrInvalidSpec. Observe and Apply refuse such a spec, so
// it never moves traffic.
func validate(c *v1beta1.Canary) error {
	service := c.Spec.Service
	if service.Delegation && len(service.Hosts)+len(service.Gateways) > 0 {
		return router.InvalidSpec(fmt.Errorf(textDelegation, router.ObjectName(c), c.Namespace))
	}
	if isTCP(c) {
		return router.InvalidSpec(validateTCP(router.Analysis(c)))
	}
	if _, err := analysisMatches(c); err != nil {
		return router.InvalidSpec(err)
	}
	return router.InvalidSpec(validateAffinity(c))
}

// validateTCP refuses what would be left out: an A/B test without its condition sends everybody to the canary.
func validateTCP(analysis v1beta1.CanaryAnalysis) error {
	switch {
	case len(analysis.Match) > 0:
		return fmt.Errorf("spec.analysis.match %w", errTCP)
	case analysis.Mirror:
		return fmt.Errorf("spec.analysis.mirror %w", errTCP)
	case analysis.SessionAffinity != nil:
		return fmt.Errorf("spec.analysis.sessionAffinity %w", errTCP)
	}
	return nil
}

func validateAffinity(c *v1beta1.Canary) error {
	analysis := router.Analysis(c)
	affinity := analysis.SessionAffinity
	switch {
	case affinity == nil:
		return nil
	case len(analysis.Match) > 0:
		return errAffinityMatch
	case affinity.CookieName == affinity.PrimaryCookieName:
		return router.ErrSameCookies
	case affinity.PrimaryCookieName != "":
		_, err := router.PrimaryCookie(c, affinity.PrimaryCookieName)
		return err
	}
	return nil
}
