package nginx

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

// cookieHeader, in this spelling, stands for the cookie that its exact value names.
const cookieHeader = "cookie"

var (
	errNotByHeader = errors.New("ingress-nginx can match headers and cookies alone")
	errNotAlone    = errors.New("must hold one header or one cookie, as ingress-nginx cannot match several at once")
	errSecond      = errors.New("ingress-nginx can match one header and one cookie, and another comes before it")
	errNotExact    = errors.New("must be exact: the name of a cookie that has the value always")
	errAffix       = errors.New("ingress-nginx can compare by exact or regex alone")
)

// condition returns the annotations, without their prefix, that choose the users of an A/B test; none where the spec
// has no conditions. Its error names what ingress-nginx cannot match.
func condition(c *v1beta1.Canary) (map[string]string, error) {
	chosen := map[string]string{}
	for i, match := range router.Analysis(c).Match {
		field := fmt.Sprintf("spec.analysis.match[%d]", i)
		if !equality.Semantic.DeepEqual(match, istio.HTTPMatchRequest{Name: match.Name, Headers: match.Headers}) {
			return nil, fmt.Errorf("%s: %w", field, errNotByHeader)
		}
		if len(match.Headers) != 1 {
			return nil, fmt.Errorf("%s.headers: %w", field, errNotAlone)
		}
		for header, value := range match.Headers {
			if err := add(chosen, header, value); err != nil {
				return nil, fmt.Errorf("%s.headers.%s: %w", field, header, err)
			}
		}
	}
	return chosen, nil
}

// add puts one header or cookie among those that are chosen by.
func add(chosen map[string]string, header string, value istio.StringMatch) error {
	if header == cookieHeader {
		return addCookie(chosen, value)
	}
	_, second := chosen[byHeader]
	switch {
	case second:
		return errSecond
	case value.Prefix != "" || value.Suffix != "":
		return errAffix
	}
	chosen[byHeader] = header
	if value.Exact != "" {
		chosen[headerValue] = value.Exact
	}
	if value.Regex != "" {
		chosen[headerPattern] = value.Regex
	}
	return nil
}

func addCookie(chosen map[string]string, value istio.StringMatch) error {
	_, second := chosen[byCookie]
	switch {
	case second:
		return errSecond
	case value.Exact == "" || value != istio.StringMatch{Exact: value.Exact}:
		return errNotExact
	}
	chosen[byCookie] = value.Exact
	return nil
}
