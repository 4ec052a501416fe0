package gatewayapi

import (
	"slices"
	"strings"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/internal/router"
)

// withCookie is matches for those requests only that carry cookie, a "name=value". The cookie header is taken over: who
// sends the cookie got it by meeting what match asks of that header.
func withCookie(matches []gatewayv1.HTTPRouteMatch, cookie string) []gatewayv1.HTTPRouteMatch {
	var sticky []gatewayv1.HTTPRouteMatch
	for _, match := range matches {
		match := *match.DeepCopy()
		match.Headers = slices.DeleteFunc(match.Headers, func(h gatewayv1.HTTPHeaderMatch) bool {
			return strings.EqualFold(string(h.Name), router.CookieHeader)
		})
		match.Headers = append(match.Headers, gatewayv1.HTTPHeaderMatch{
			Type:  new(gatewayv1.HeaderMatchRegularExpression),
			Name:  router.CookieHeader,
			Value: router.CookiePattern(cookie),
		})
		sortConditions(&match)
		sticky = append(sticky, match)
	}
	return sticky
}

// needsCookie says whether match is for requests that carry a cookie.
func needsCookie(match gatewayv1.HTTPRouteMatch) bool {
	return slices.ContainsFunc(match.Headers, func(h gatewayv1.HTTPHeaderMatch) bool {
		return strings.EqualFold(string(h.Name), router.CookieHeader)
	})
}

// setCookie is the filter of a backend that gives its users a cookie by the header.
func setCookie(header string) []gatewayv1.HTTPRouteFilter {
	return []gatewayv1.HTTPRouteFilter{responseHeaders(&gatewayv1.HTTPHeaderFilter{
		Add: []gatewayv1.HTTPHeader{{Name: router.SetCookieHeader, Value: header}},
	})}
}

// expiring is filters with one more header on the response, by which clients forget a cookie. A rule may modify response
// headers once only, so it joins the modifier that is there, in which it may stand once only, too.
func expiring(filters []gatewayv1.HTTPRouteFilter, header string) []gatewayv1.HTTPRouteFilter {
	expiry := setCookie(header)[0]
	at := slices.IndexFunc(filters, func(f gatewayv1.HTTPRouteFilter) bool { return f.ResponseHeaderModifier != nil })
	if at < 0 {
		return append(slices.Clone(filters), expiry)
	}
	merged := slices.Clone(filters)
	modifier := filters[at].ResponseHeaderModifier.DeepCopy()
	modifier.Add = slices.DeleteFunc(modifier.Add, func(h gatewayv1.HTTPHeader) bool {
		return strings.EqualFold(string(h.Name), router.SetCookieHeader)
	})
	modifier.Add = append(modifier.Add, expiry.ResponseHeaderModifier.Add...)
	sortHeaders(modifier.Add)
	merged[at] = responseHeaders(modifier)
	return merged
}

// cookieOf returns the "name=value" that filters set as a cookie, if any, and whether clients are to forget it.
func cookieOf(filters []gatewayv1.HTTPRouteFilter) (cookie string, expired bool) {
	for _, filter := range filters {
		if filter.ResponseHeaderModifier == nil {
			continue
		}
		for _, header := range filter.ResponseHeaderModifier.Add {
			if strings.EqualFold(string(header.Name), router.SetCookieHeader) {
				return router.ParseCookie(header.Value)
			}
		}
	}
	return "", false
}
