package istio

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// meshGateway stands for all sidecars.
const meshGateway = "mesh"

// render makes the VirtualService that divides traffic as want says. Its fields are all that we own; whose the object
// is, is not its matter. It changes nothing of c.
func render(c *v1beta1.Canary, want rollout.Traffic) (*unstructured.Unstructured, error) {
	spec := routeSpec{Hosts: hosts(c), Gateways: gateways(c)}
	if isTCP(c) {
		spec.TCP = []tcpRoute{{Match: ports(c), Route: sides(c, want)}}
	} else {
		var err error
		if spec.HTTP, err = httpRoutes(c, want); err != nil {
			return nil, err
		}
	}
	content, err := encode(&spec)
	if err != nil {
		return nil, err
	}
	return router.ApexObject(c, routeKind, content), nil
}

// hosts are the service's and the apex Service. A VirtualService that another delegates to has none.
func hosts(c *v1beta1.Canary) []string {
	listed, apex := c.Spec.Service.Hosts, router.ApexService(c)
	if c.Spec.Service.Delegation || slices.Contains(listed, apex) || slices.Contains(listed, "*") {
		return listed
	}
	return append(slices.Clone(listed), apex)
}

// gateways are the service's, else all sidecars. A VirtualService that another delegates to has none.
func gateways(c *v1beta1.Canary) []string {
	if listed := c.Spec.Service.Gateways; len(listed) > 0 || c.Spec.Service.Delegation {
		return listed
	}
	return []string{meshGateway}
}

// ports are the conditions of service.match that a connection can meet.
func ports(c *v1beta1.Canary) []portMatch {
	var matches []portMatch
	for _, match := range c.Spec.Service.Match {
		if match.Port > 0 {
			matches = append(matches, portMatch{Port: match.Port})
		}
	}
	return matches
}

func httpRoutes(c *v1beta1.Canary, want rollout.Traffic) ([]httpRoute, error) {
	service := c.Spec.Service.Match
	switch {
	case len(router.Analysis(c).Match) > 0:
		matching, err := analysisMatches(c)
		if err != nil {
			return nil, err
		}
		return []httpRoute{divided(c, matching, want), toOne(c, router.PrimaryService(c))}, nil
	case want.Canary > 0 && want.Affinity.Cookie != "":
		return pinning(c, want)
	case want.Canary == 0 && want.Affinity.Expired != "":
		expiry := divided(c, withCookie(service, want.Affinity.Expired), want)
		expiry.Headers = setting(expiry.Headers, router.ExpiredCookie(c, want.Affinity.Expired))
		return []httpRoute{expiry, divided(c, service, want)}, nil
	}
	return []httpRoute{divided(c, service, want)}, nil
}

// pinning makes the routes of session affinity: users who carry a cookie stay where they are, and the others are divided
// by weight and given one.
func pinning(c *v1beta1.Canary, want rollout.Traffic) ([]httpRoute, error) {
	service := c.Spec.Service.Match
	weighted := divided(c, service, want)
	weighted.Route[1].Headers = setting(nil, router.CanaryCookie(c, want.Affinity.Cookie))
	routes := []httpRoute{divided(c, withCookie(service, want.Affinity.Cookie), rollout.ToCanary())}
	if want.Affinity.PrimaryCookie != "" {
		cookie, err := router.PrimaryCookie(c, want.Affinity.PrimaryCookie)
		if err != nil {
			return nil, err
		}
		weighted.Route[0].Headers = setting(nil, cookie)
		routes = append(routes, divided(c, withCookie(service, want.Affinity.PrimaryCookie), rollout.ToPrimary()))
	}
	return append(routes, weighted), nil
}

// setting is headers with one more on the response, which sets a cookie and may stand once only.
func setting(headers *istio.Headers, cookie string) *istio.Headers {
	merged := &istio.Headers{}
	if headers != nil {
		merged = headers.DeepCopy()
	}
	if merged.Response == nil {
		merged.Response = &istio.HeaderOperations{}
	}
	added := map[string]string{router.SetCookieHeader: cookie}
	for name, value := range merged.Response.Add {
		if !isSetCookie(name) {
			added[name] = value
		}
	}
	merged.Response.Add = added
	return merged
}

// divided is the route of the matching requests, which want divides.
func divided(c *v1beta1.Canary, matches []istio.HTTPMatchRequest, want rollout.Traffic) httpRoute {
	route := plain(c, matches)
	route.Route = sides(c, want)
	if !want.Mirrored {
		return route
	}
	canary := destinationOf(c, router.CanaryService(c))
	route.Mirror = &canary
	if weight := router.Analysis(c).MirrorWeight; weight > 0 {
		route.MirrorPercentage = &percentage{Value: int64(weight)}
	}
	return route
}

// toOne is the route of all that the service serves to one Service.
func toOne(c *v1beta1.Canary, service string) httpRoute {
	route := plain(c, c.Spec.Service.Match)
	route.Route = []share{{Destination: destinationOf(c, service), Weight: int64(rollout.ToPrimary().Primary)}}
	return route
}

// toApex leaves the division to nobody: all that the service serves goes to the apex Service.
func toApex(c *v1beta1.Canary) *routeSpec {
	spec := &routeSpec{Hosts: hosts(c), Gateways: gateways(c)}
	all := toOne(c, router.ApexService(c))
	if isTCP(c) {
		spec.TCP = []tcpRoute{{Match: ports(c), Route: all.Route}}
	} else {
		spec.HTTP = []httpRoute{all}
	}
	return spec
}

// plain is a route with all that the service asks for, whatever the traffic, and without destinations.
func plain(c *v1beta1.Canary, matches []istio.HTTPMatchRequest) httpRoute {
	service := c.Spec.Service
	route := httpRoute{
		Match:      matches,
		Timeout:    service.Timeout,
		Retries:    service.Retries,
		CorsPolicy: service.CorsPolicy,
		Headers:    service.Headers,
	}
	if asked := service.Rewrite; asked != nil && (asked.URI != "" || asked.Authority != "") {
		route.Rewrite = &rewrite{URI: asked.URI, Authority: asked.Authority}
	}
	return route
}

// sides are the destinations of both sides; the primary's comes first.
func sides(c *v1beta1.Canary, want rollout.Traffic) []share {
	return []share{
		{Destination: destinationOf(c, router.PrimaryService(c)), Weight: int64(want.Primary)},
		{Destination: destinationOf(c, router.CanaryService(c)), Weight: int64(want.Canary)},
	}
}

// destinationOf names the port where a Service has several and the caller's port says nothing: behind a gateway.
func destinationOf(c *v1beta1.Canary, service string) destination {
	asked := c.Spec.Service
	behindGateway := asked.Delegation || len(asked.Gateways) > 0 && asked.Gateways[0] != meshGateway
	if !asked.PortDiscovery || !behindGateway {
		return destination{Host: service}
	}
	return destination{Host: service, Port: &port{Number: int64(asked.Port)}}
}
