package gatewayapi

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
)

const (
	// defaultMaxAge is what the CRD makes of a CORS filter without a maximum age, in seconds.
	defaultMaxAge = 5
	// longestDays are as many as a duration holds; in seconds they are more than the CRD's field does.
	longestDays = 106751
)

// serviceFilters are the filters that the canary's service asks for, whatever the traffic.
func serviceFilters(f features, c *v1beta1.Canary) []gatewayv1.HTTPRouteFilter {
	var filters []gatewayv1.HTTPRouteFilter
	service := c.Spec.Service
	if service.Headers != nil {
		if modifier := headerModifier(service.Headers.Request); modifier != nil {
			filters = append(filters, gatewayv1.HTTPRouteFilter{
				Type: gatewayv1.HTTPRouteFilterRequestHeaderModifier, RequestHeaderModifier: modifier,
			})
		}
		if modifier := headerModifier(service.Headers.Response); modifier != nil {
			filters = append(filters, responseHeaders(modifier))
		}
	}
	if rewrite := urlRewrite(service.Rewrite); rewrite != nil {
		filters = append(filters, gatewayv1.HTTPRouteFilter{Type: gatewayv1.HTTPRouteFilterURLRewrite, URLRewrite: rewrite})
	}
	for _, mirror := range service.Mirror {
		filters = append(filters, requestMirror(gatewayv1.HTTPRequestMirrorFilter{BackendRef: mirrorBackend(mirror)}))
	}
	if f.cors && service.CorsPolicy != nil {
		filters = append(filters, gatewayv1.HTTPRouteFilter{Type: gatewayv1.HTTPRouteFilterCORS, CORS: cors(*service.CorsPolicy)})
	}
	return filters
}

func responseHeaders(modifier *gatewayv1.HTTPHeaderFilter) gatewayv1.HTTPRouteFilter {
	return gatewayv1.HTTPRouteFilter{Type: gatewayv1.HTTPRouteFilterResponseHeaderModifier, ResponseHeaderModifier: modifier}
}

func requestMirror(mirror gatewayv1.HTTPRequestMirrorFilter) gatewayv1.HTTPRouteFilter {
	return gatewayv1.HTTPRouteFilter{Type: gatewayv1.HTTPRouteFilterRequestMirror, RequestMirror: &mirror}
}

// headerModifier returns nil where there is nothing to modify.
func headerModifier(operations *istio.HeaderOperations) *gatewayv1.HTTPHeaderFilter {
	if operations == nil || len(operations.Set)+len(operations.Add)+len(operations.Remove) == 0 {
		return nil
	}
	return &gatewayv1.HTTPHeaderFilter{
		Set:    headers(operations.Set),
		Add:    headers(operations.Add),
		Remove: operations.Remove,
	}
}

// headers lists values by name, sorted.
func headers(values map[string]string) []gatewayv1.HTTPHeader {
	var list []gatewayv1.HTTPHeader
	for name, value := range values {
		list = append(list, gatewayv1.HTTPHeader{Name: gatewayv1.HTTPHeaderName(name), Value: value})
	}
	sortHeaders(list)
	return list
}

func sortHeaders(list []gatewayv1.HTTPHeader) {
	slices.SortFunc(list, func(a, b gatewayv1.HTTPHeader) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Value, b.Value))
	})
}

func urlRewrite(rewrite *v1beta1.HTTPRewrite) *gatewayv1.HTTPURLRewriteFilter {
	if rewrite == nil || rewrite.URI == "" && rewrite.Authority == "" {
		return nil
	}
	filter := &gatewayv1.HTTPURLRewriteFilter{}
	if rewrite.Authority != "" {
		filter.Hostname = new(gatewayv1.PreciseHostname(rewrite.Authority))
	}
	switch {
	case rewrite.URI == "":
	case rewrite.Type == string(gatewayv1.PrefixMatchHTTPPathModifier):
		filter.Path = &gatewayv1.HTTPPathModifier{
			Type: gatewayv1.PrefixMatchHTTPPathModifier, ReplacePrefixMatch: new(rewrite.URI),
		}
	default:
		filter.Path = &gatewayv1.HTTPPathModifier{
			Type: gatewayv1.FullPathHTTPPathModifier, ReplaceFullPath: new(rewrite.URI),
		}
	}
	return filter
}

// mirrorBackend spells out the CRD's defaults.
func mirrorBackend(mirror v1beta1.Mirror) gatewayv1.BackendObjectReference {
	backend := *mirror.BackendRef.DeepCopy()
	if backend.Group == nil {
		backend.Group = new(gatewayv1.Group(""))
	}
	if backend.Kind == nil {
		backend.Kind = new(gatewayv1.Kind(serviceKind))
	}
	return backend
}

// cors maps what the Gateway API has a counterpart for; allowOrigins, which are patterns, have none.
func cors(policy istio.CorsPolicy) *gatewayv1.HTTPCORSFilter {
	filter := &gatewayv1.HTTPCORSFilter{
		AllowOrigins:  strs[gatewayv1.CORSOrigin](policy.AllowOrigin),
		AllowMethods:  strs[gatewayv1.HTTPMethodWithWildcard](policy.AllowMethods),
		AllowHeaders:  strs[gatewayv1.HTTPHeaderName](policy.AllowHeaders),
		ExposeHeaders: strs[gatewayv1.HTTPHeaderName](policy.ExposeHeaders),
		MaxAge:        maxAge(policy.MaxAge),
	}
	if policy.AllowCredentials != nil && *policy.AllowCredentials {
		filter.AllowCredentials = new(true)
	}
	return filter
}

func strs[T ~string](values []string) []T {
	var list []T
	for _, value := range values {
		list = append(list, T(value))
	}
	return list
}

// maxAge reads a Go duration or a number of days, such as "1d", in whole seconds. What cannot be read, and what is
// less than a second, gives the CRD's default.
func maxAge(text string) int32 {
	age, err := time.ParseDuration(text)
	if days, isDays := strings.CutSuffix(text, "d"); isDays {
		var n int
		n, err = strconv.Atoi(days)
		age = time.Duration(min(max(n, 0), longestDays)) * 24 * time.Hour
	}
	if err != nil || age < time.Second {
		return defaultMaxAge
	}
	return int32(min(age/time.Second, math.MaxInt32))
}
