package gatewayapi

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

const (
	cookieHeader    = "Cookie"
	setCookieHeader = "Set-Cookie"

	// dayOfSeconds is how long a canary's cookie lives unless the spec says otherwise.
	dayOfSeconds = 86400
	// defaultInterval is the analysis interval of a spec without one.
	defaultInterval = time.Minute
	// expiredAge makes clients forget a cookie at once.
	expiredAge = "Max-Age=-1"
)

// withCookie is matches for those requests only that carry cookie, a "name=value". The cookie header is taken over: who
// sends the cookie got it by meeting what match asks of that header.
func withCookie(matches []gatewayv1.HTTPRouteMatch, cookie string) []gatewayv1.HTTPRouteMatch {
	var sticky []gatewayv1.HTTPRouteMatch
	for _, match := range matches {
		match := *match.DeepCopy()
		match.Headers = slices.DeleteFunc(match.Headers, func(h gatewayv1.HTTPHeaderMatch) bool {
			return strings.EqualFold(string(h.Name), cookieHeader)
		})
		match.Headers = append(match.Headers, gatewayv1.HTTPHeaderMatch{
			Type:  new(gatewayv1.HeaderMatchRegularExpression),
			Name:  cookieHeader,
			Value: cookiePattern(cookie),
		})
		sortConditions(&match)
		sticky = append(sticky, match)
	}
	return sticky
}

// cookiePattern matches a Cookie header that holds cookie, whether an implementation searches the header or wants all
// of it to match. Cookies are separated by semicolons: RFC 6265, section 4.2.1.
func cookiePattern(cookie string) string {
	return `^(.*;\s*)?` + regexp.QuoteMeta(cookie) + `(\s*;.*)?$`
}

// needsCookie says whether match is for requests that carry a cookie.
func needsCookie(match gatewayv1.HTTPRouteMatch) bool {
	return slices.ContainsFunc(match.Headers, func(h gatewayv1.HTTPHeaderMatch) bool {
		return strings.EqualFold(string(h.Name), cookieHeader)
	})
}

// setCookie is the filter of a backend that gives its users cookie for age.
func setCookie(cookie, age, attributes string) []gatewayv1.HTTPRouteFilter {
	return []gatewayv1.HTTPRouteFilter{responseHeaders(&gatewayv1.HTTPHeaderFilter{
		Add: []gatewayv1.HTTPHeader{{Name: setCookieHeader, Value: cookie + "; " + age + attributes}},
	})}
}

// expiring is filters with one more response header, by which clients forget cookie. A rule may modify response headers
// once only, so the header joins the modifier that is there, in which it may stand once only, too.
func expiring(filters []gatewayv1.HTTPRouteFilter, cookie, attributes string) []gatewayv1.HTTPRouteFilter {
	expiry := setCookie(cookie, expiredAge, attributes)[0]
	at := slices.IndexFunc(filters, func(f gatewayv1.HTTPRouteFilter) bool { return f.ResponseHeaderModifier != nil })
	if at < 0 {
		return append(slices.Clone(filters), expiry)
	}
	merged := slices.Clone(filters)
	modifier := filters[at].ResponseHeaderModifier.DeepCopy()
	modifier.Add = slices.DeleteFunc(modifier.Add, func(h gatewayv1.HTTPHeader) bool {
		return strings.EqualFold(string(h.Name), setCookieHeader)
	})
	modifier.Add = append(modifier.Add, expiry.ResponseHeaderModifier.Add...)
	sortHeaders(modifier.Add)
	merged[at] = responseHeaders(modifier)
	return merged
}

// cookieAttributes are the attributes of all cookies of c, but for their age. A client forgets a cookie only when told
// the same domain and path again.
func cookieAttributes(c *v1beta1.Canary) string {
	affinity := router.Analysis(c).SessionAffinity
	if affinity == nil {
		return ""
	}
	var b strings.Builder
	attribute := func(set bool, text string) {
		if set {
			b.WriteString("; " + text)
		}
	}
	attribute(affinity.Domain != "", "Domain="+affinity.Domain)
	attribute(affinity.HTTPOnly, "HttpOnly")
	attribute(affinity.Partitioned, "Partitioned")
	attribute(affinity.Path != "", "Path="+affinity.Path)
	attribute(affinity.SameSite != "", "SameSite="+affinity.SameSite)
	attribute(affinity.Secure, "Secure")
	return b.String()
}

// canaryCookieAge is how long a user stays with the canary.
func canaryCookieAge(c *v1beta1.Canary) string {
	seconds := dayOfSeconds
	if affinity := router.Analysis(c).SessionAffinity; affinity != nil && affinity.MaxAge > 0 {
		seconds = int(affinity.MaxAge)
	}
	return "Max-Age=" + strconv.Itoa(seconds)
}

// primaryCookieAge is how long a user stays with the primary: until the next step of the weights.
func primaryCookieAge(c *v1beta1.Canary) (string, error) {
	interval := defaultInterval
	if text := router.Analysis(c).Interval; text != "" {
		var err error
		if interval, err = time.ParseDuration(text); err != nil {
			return "", fmt.Errorf("failed to parse canary interval: %w", err)
		}
	}
	return "Max-Age=" + strconv.Itoa(int(interval/time.Second)), nil
}

// cookieOf returns the "name=value" of a Set-Cookie header among the filters and its attributes, or nothing.
func cookieOf(filters []gatewayv1.HTTPRouteFilter) (cookie, attributes string) {
	for _, filter := range filters {
		if filter.ResponseHeaderModifier == nil {
			continue
		}
		for _, header := range filter.ResponseHeaderModifier.Add {
			if strings.EqualFold(string(header.Name), setCookieHeader) {
				cookie, attributes, _ = strings.Cut(header.Value, ";")
				return cookie, attributes
			}
		}
	}
	return "", ""
}
