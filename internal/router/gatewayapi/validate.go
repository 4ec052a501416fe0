package gatewayapi

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

// textNoGateways is a text of the contract, which users see in events.
const textNoGateways = "GatewayRefs must be specified when using Gateway API as a provider."

var (
	errNoGateways    = errors.New(textNoGateways)
	errAffinityMatch = errors.New("analysis.sessionAffinity cannot be combined with analysis.match")
)

// duration is the syntax of GEP-2257, a subset of Go's.
var duration = regexp.MustCompile(`^([0-9]{1,5}(h|m|s|ms)){1,4}$`)

// Validate says what of the spec the HTTPRoute cannot express, as router.ErrInvalidSpec. Observe and Apply refuse such
// a spec, so it never moves traffic.
func (r *Router) Validate(c *v1beta1.Canary) error {
	return router.InvalidSpec(validate(r.version.features, c))
}

func validate(f features, c *v1beta1.Canary) error {
	if len(c.Spec.Service.GatewayRefs) == 0 {
		return errNoGateways
	}
	service, err := serviceMatches(c)
	if err != nil {
		return err
	}
	if _, err := analysisMatches(c, service); err != nil {
		return err
	}
	if f.timeouts {
		if err := validateTimeouts(c.Spec.Service); err != nil {
			return err
		}
	}
	return validateAffinity(f, c)
}

func validateAffinity(f features, c *v1beta1.Canary) error {
	analysis := router.Analysis(c)
	switch {
	case analysis.SessionAffinity == nil:
		return nil
	case len(analysis.Match) > 0:
		return errAffinityMatch
	case analysis.SessionAffinity.CookieName == analysis.SessionAffinity.PrimaryCookieName:
		return router.ErrSameCookies
	case f.primaryCookie && analysis.SessionAffinity.PrimaryCookieName != "":
		_, err := router.PrimaryCookie(c, analysis.SessionAffinity.PrimaryCookieName)
		return err
	}
	return nil
}

func validateTimeouts(service v1beta1.CanaryService) error {
	request, err := parseTimeout("service.timeout", service.Timeout)
	if err != nil {
		return err
	}
	backend, err := parseTimeout("service.backendTimeout", service.BackendTimeout)
	if err != nil {
		return err
	}
	if request > 0 && backend > request {
		return fmt.Errorf("service.backendTimeout %s is longer than service.timeout %s", service.BackendTimeout, service.Timeout)
	}
	return nil
}

// parseTimeout reads a time-out; none is 0, as is one that is switched off.
func parseTimeout(field, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	if !duration.MatchString(text) {
		return 0, fmt.Errorf("%s %q is no duration of the Gateway API, such as 15s or 1m30s", field, text)
	}
	return time.ParseDuration(text)
}
