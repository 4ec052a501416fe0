package istio

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// read is the inverse of render: the traffic that route, which may be nil, is configured for. It returns false where
// nothing leads to both of our sides. Of the cookies, those are reported which the route sets or expires now.
func read(c *v1beta1.Canary, route *unstructured.Unstructured) (rollout.Traffic, bool, error) {
	spec, err := specOf(route)
	if err != nil {
		return rollout.Traffic{}, false, err
	}
	routes := spec.HTTP
	if isTCP(c) {
		routes = asHTTP(spec.TCP)
	}
	weighted, others, found := weightedRoute(c, routes)
	if !found {
		return rollout.Traffic{}, false, nil
	}
	primary, canary := find(weighted, router.PrimaryService(c)), find(weighted, router.CanaryService(c))
	traffic := router.Shares(primary.Weight, canary.Weight)
	traffic.Mirrored = weighted.Mirror != nil && weighted.Mirror.Host == router.CanaryService(c)
	traffic.Affinity.Cookie, _ = cookieOf(canary.Headers)
	traffic.Affinity.PrimaryCookie, _ = cookieOf(primary.Headers)
	for _, other := range others {
		if cookie, expired := cookieOf(other.Headers); traffic.Canary == 0 && expired {
			traffic.Affinity.Expired = cookie
		}
	}
	return traffic, true, nil
}

// asHTTP is the part of TCP routes that HTTP routes have too.
func asHTTP(routes []tcpRoute) []httpRoute {
	var list []httpRoute
	for _, route := range routes {
		list = append(list, httpRoute{Route: route.Route})
	}
	return list
}

// weightedRoute finds, among the routes to both our sides, the one for users without a cookie of ours, and returns it
// and the others. If the service itself matches by cookie, it is the last: routes for cookies of ours come before it.
func weightedRoute(c *v1beta1.Canary, routes []httpRoute) (route httpRoute, others []httpRoute, found bool) {
	var both []httpRoute
	for _, route := range routes {
		if find(route, router.PrimaryService(c)) != nil && find(route, router.CanaryService(c)) != nil {
			both = append(both, route)
		}
	}
	if len(both) == 0 {
		return httpRoute{}, nil, false
	}
	at := slices.IndexFunc(both, func(route httpRoute) bool { return !slices.ContainsFunc(route.Match, needsCookie) })
	if at < 0 {
		at = len(both) - 1
	}
	return both[at], slices.Delete(slices.Clone(both), at, at+1), true
}

// find returns the share of a Service in route, or nil.
func find(route httpRoute, service string) *share {
	at := slices.IndexFunc(route.Route, func(s share) bool { return s.Destination.Host == service })
	if at < 0 {
		return nil
	}
	return &route.Route[at]
}

// leadsToASide says whether any of routes leads to the primary or the canary.
func leadsToASide(c *v1beta1.Canary, routes []httpRoute) bool {
	return slices.ContainsFunc(routes, func(route httpRoute) bool {
		return find(route, router.PrimaryService(c)) != nil || find(route, router.CanaryService(c)) != nil
	})
}

// cookieOf returns the "name=value" that headers set as a cookie, if any, and whether clients are to forget it.
func cookieOf(headers *istio.Headers) (cookie string, expired bool) {
	if headers == nil || headers.Response == nil {
		return "", false
	}
	for name, value := range headers.Response.Add {
		if isSetCookie(name) {
			return router.ParseCookie(value)
		}
	}
	return "", false
}

func isSetCookie(header string) bool { return strings.EqualFold(header, router.SetCookieHeader) }
