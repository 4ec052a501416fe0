package gatewayapi

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// read is the inverse of render: the traffic that route, which may be nil, is configured for. It returns false where no
// rule has both of our backends. Of the cookies, those are reported which the route sets or expires now.
func read(c *v1beta1.Canary, route *unstructured.Unstructured) (rollout.Traffic, bool, error) {
	if route == nil {
		return rollout.Traffic{}, false, nil
	}
	spec := gatewayv1.HTTPRouteSpec{}
	content, _, err := unstructured.NestedMap(route.Object, "spec")
	if err == nil {
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(content, &spec)
	}
	if err != nil {
		return rollout.Traffic{}, false, fmt.Errorf("read the spec: %w", err)
	}
	weighted, others, found := weightedRule(c, spec.Rules)
	if !found {
		return rollout.Traffic{}, false, nil
	}
	primary, canary := backendOf(weighted, router.PrimaryService(c)), backendOf(weighted, router.CanaryService(c))
	traffic := router.Shares(weight(*primary), weight(*canary))
	traffic.Mirrored = mirrors(c, weighted)
	traffic.Affinity.Cookie, _ = cookieOf(canary.Filters)
	traffic.Affinity.PrimaryCookie, _ = cookieOf(primary.Filters)
	for _, rule := range others {
		if cookie, expired := cookieOf(rule.Filters); traffic.Canary == 0 && expired {
			traffic.Affinity.Expired = cookie
		}
	}
	return traffic, true, nil
}

// weightedRule finds, among the rules that have both our backends, the one for users without a cookie of ours, and
// returns it and the others. If the service itself matches by cookie, it is the last: rules for cookies of ours come
// before it.
func weightedRule(c *v1beta1.Canary, rules []gatewayv1.HTTPRouteRule) (rule gatewayv1.HTTPRouteRule, others []gatewayv1.HTTPRouteRule, found bool) {
	var both []gatewayv1.HTTPRouteRule
	for _, rule := range rules {
		if backendOf(rule, router.PrimaryService(c)) != nil && backendOf(rule, router.CanaryService(c)) != nil {
			both = append(both, rule)
		}
	}
	if len(both) == 0 {
		return gatewayv1.HTTPRouteRule{}, nil, false
	}
	at := slices.IndexFunc(both, func(rule gatewayv1.HTTPRouteRule) bool {
		return !slices.ContainsFunc(rule.Matches, needsCookie)
	})
	if at < 0 {
		at = len(both) - 1
	}
	return both[at], slices.Delete(slices.Clone(both), at, at+1), true
}

func backendOf(rule gatewayv1.HTTPRouteRule, service string) *gatewayv1.HTTPBackendRef {
	for i := range rule.BackendRefs {
		if string(rule.BackendRefs[i].Name) == service {
			return &rule.BackendRefs[i]
		}
	}
	return nil
}

// weight is the backend's; the API's default is 1.
func weight(backend gatewayv1.HTTPBackendRef) int64 {
	if backend.Weight == nil {
		return 1
	}
	return int64(*backend.Weight)
}

// mirrors says whether rule copies requests to the canary on top of the mirrors that the spec asks for at all times.
func mirrors(c *v1beta1.Canary, rule gatewayv1.HTTPRouteRule) bool {
	extra := 0
	for _, filter := range rule.Filters {
		if filter.RequestMirror != nil && string(filter.RequestMirror.BackendRef.Name) == router.CanaryService(c) {
			extra++
		}
	}
	for _, mirror := range c.Spec.Service.Mirror {
		if string(mirror.BackendRef.Name) == router.CanaryService(c) {
			extra--
		}
	}
	return extra > 0
}
