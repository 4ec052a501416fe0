package istio

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

var (
	errNoCondition = errors.New("has no headers, sourceLabels or queryParams and would match every request")
	errConflict    = errors.New("is asked for something else")
)

// analysisMatches narrows each of the service's matches by each condition of the A/B test, in the order of the test.
func analysisMatches(c *v1beta1.Canary) ([]istio.HTTPMatchRequest, error) {
	service := c.Spec.Service.Match
	if len(service) == 0 {
		service = []istio.HTTPMatchRequest{{}}
	}
	var matches []istio.HTTPMatchRequest
	for i, condition := range router.Analysis(c).Match {
		if len(condition.Headers)+len(condition.SourceLabels)+len(condition.QueryParams) == 0 {
			return nil, fmt.Errorf("spec.analysis.match[%d] %w", i, errNoCondition)
		}
		for j, match := range service {
			narrowed, err := narrow(match, condition)
			if err != nil {
				return nil, fmt.Errorf("spec.analysis.match[%d]: %w in spec.service.match[%d]", i, err, j)
			}
			matches = append(matches, narrowed)
		}
	}
	return matches, nil
}

// narrow is match with the headers, source labels and query parameters of condition on top.
func narrow(match, condition istio.HTTPMatchRequest) (istio.HTTPMatchRequest, error) {
	narrowed := *match.DeepCopy()
	var err error
	if narrowed.Headers, err = union(match.Headers, withoutSuffixes(condition.Headers)); err != nil {
		return narrowed, fmt.Errorf("header %w", err)
	}
	if narrowed.SourceLabels, err = union(match.SourceLabels, condition.SourceLabels); err != nil {
		return narrowed, fmt.Errorf("source label %w", err)
	}
	if narrowed.QueryParams, err = union(match.QueryParams, condition.QueryParams); err != nil {
		return narrowed, fmt.Errorf("query parameter %w", err)
	}
	return narrowed, nil
}

// union has the entries of both. One key can be asked for one thing only, so two different wishes are errConflict.
func union[Wish comparable](a, b map[string]Wish) (map[string]Wish, error) {
	both := maps.Clone(a)
	if both == nil {
		both = map[string]Wish{}
	}
	for _, key := range slices.Sorted(maps.Keys(b)) {
		if wish, found := a[key]; found && wish != b[key] {
			return nil, fmt.Errorf("%s %w", key, errConflict)
		}
		both[key] = b[key]
	}
	return both, nil
}

// withoutSuffixes says by regular expressions what Istio has no suffixes for. Istio compares them with the whole value.
func withoutSuffixes(headers map[string]istio.StringMatch) map[string]istio.StringMatch {
	known := map[string]istio.StringMatch{}
	for name, match := range headers {
		if match.Suffix != "" {
			match = istio.StringMatch{Regex: ".*" + regexp.QuoteMeta(match.Suffix)}
		}
		known[name] = match
	}
	return known
}

// withCookie is matches for those requests only that carry cookie, a "name=value". The cookie header is taken over: who
// sends the cookie got it by meeting what match asks of that header.
func withCookie(matches []istio.HTTPMatchRequest, cookie string) []istio.HTTPMatchRequest {
	if len(matches) == 0 {
		matches = []istio.HTTPMatchRequest{{}}
	}
	var sticky []istio.HTTPMatchRequest
	for _, match := range matches {
		match := *match.DeepCopy()
		headers := map[string]istio.StringMatch{}
		for name, wish := range match.Headers {
			if !isCookie(name) {
				headers[name] = wish
			}
		}
		headers[router.CookieHeader] = istio.StringMatch{Regex: router.CookiePattern(cookie)}
		match.Headers = headers
		sticky = append(sticky, match)
	}
	return sticky
}

// needsCookie says whether match is for requests that carry a cookie.
func needsCookie(match istio.HTTPMatchRequest) bool {
	for name := range match.Headers {
		if isCookie(name) {
			return true
		}
	}
	return false
}

func isCookie(header string) bool { return strings.EqualFold(header, router.CookieHeader) }
