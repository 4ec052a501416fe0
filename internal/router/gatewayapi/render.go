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

const serviceKind = "Service"

// render makes the HTTPRoute that divides traffic as want says. Its fields are all that we own, with the defaults of
// the CRD spelled out; whose the object is, is not its matter. It changes nothing of c.
func render(v Version, c *v1beta1.Canary, want rollout.Traffic) (*unstructured.Unstructured, error) {
	rules, err := rules(v.features, c, want)
	if err != nil {
		return nil, err
	}
	spec, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&gatewayv1.HTTPRouteSpec{
		CommonRouteSpec: gatewayv1.CommonRouteSpec{ParentRefs: parents(c)},
		Hostnames:       strs[gatewayv1.Hostname](c.Spec.Service.Hosts),
		Rules:           rules,
	})
	if err != nil {
		return nil, fmt.Errorf("convert the spec of the HTTPRoute: %w", err)
	}
	return router.ApexObject(c, v.kind(), spec), nil
}

// parents are the canary's, with the CRD's defaults; a group is kept as the user wrote it.
func parents(c *v1beta1.Canary) []gatewayv1.ParentReference {
	var list []gatewayv1.ParentReference
	for _, ref := range c.Spec.Service.GatewayRefs {
		parent := *ref.DeepCopy()
		if parent.Group == nil {
			parent.Group = new(gatewayv1.Group(gatewayv1.GroupName))
		}
		if parent.Kind == nil {
			parent.Kind = new(gatewayv1.Kind("Gateway"))
		}
		list = append(list, parent)
	}
	return list
}

// ruleMaker makes rules that share the canary, its filters and its time-outs.
type ruleMaker struct {
	canary   *v1beta1.Canary
	filters  []gatewayv1.HTTPRouteFilter
	timeouts *gatewayv1.HTTPRouteTimeouts
}

func rules(f features, c *v1beta1.Canary, want rollout.Traffic) ([]gatewayv1.HTTPRouteRule, error) {
	service, err := serviceMatches(c)
	if err != nil {
		return nil, err
	}
	maker := ruleMaker{canary: c, filters: serviceFilters(f, c), timeouts: timeouts(f, c)}
	mirroring := maker
	if want.Mirrored {
		mirroring.filters = append(slices.Clone(maker.filters), mirrorToCanary(f, c))
	}
	switch {
	case len(router.Analysis(c).Match) > 0:
		matching, err := analysisMatches(c, service)
		if err != nil {
			return nil, err
		}
		return []gatewayv1.HTTPRouteRule{
			mirroring.rule(matching, want.Primary, want.Canary),
			maker.toPrimary(service),
		}, nil
	case want.Canary > 0 && want.Affinity.Cookie != "":
		return mirroring.pinning(f, service, want)
	case want.Canary == 0 && want.Affinity.Expired != "":
		expiry := mirroring
		expiry.filters = expiring(mirroring.filters, router.ExpiredCookie(c, want.Affinity.Expired))
		return []gatewayv1.HTTPRouteRule{
			expiry.rule(withCookie(service, want.Affinity.Expired), want.Primary, want.Canary),
			mirroring.rule(service, want.Primary, want.Canary),
		}, nil
	}
	return []gatewayv1.HTTPRouteRule{mirroring.rule(service, want.Primary, want.Canary)}, nil
}

// pinning makes the rules of session affinity: users who carry a cookie stay where they are, and the others are divided
// by weight and given one.
func (m ruleMaker) pinning(f features, service []gatewayv1.HTTPRouteMatch, want rollout.Traffic) ([]gatewayv1.HTTPRouteRule, error) {
	weighted := m.rule(service, want.Primary, want.Canary)
	weighted.BackendRefs[1].Filters = setCookie(router.CanaryCookie(m.canary, want.Affinity.Cookie))
	all, none := rollout.ToCanary(), rollout.ToPrimary()
	list := []gatewayv1.HTTPRouteRule{m.rule(withCookie(service, want.Affinity.Cookie), all.Primary, all.Canary)}
	if f.primaryCookie && want.Affinity.PrimaryCookie != "" {
		header, err := router.PrimaryCookie(m.canary, want.Affinity.PrimaryCookie)
		if err != nil {
			return nil, err
		}
		weighted.BackendRefs[0].Filters = setCookie(header)
		list = append(list, m.rule(withCookie(service, want.Affinity.PrimaryCookie), none.Primary, none.Canary))
	}
	return append(list, weighted), nil
}

// rule divides the matching requests by weight; the primary's backend comes first.
func (m ruleMaker) rule(matches []gatewayv1.HTTPRouteMatch, primary, canary rollout.Weight) gatewayv1.HTTPRouteRule {
	return gatewayv1.HTTPRouteRule{
		Matches:  matches,
		Filters:  m.filters,
		Timeouts: m.timeouts,
		BackendRefs: []gatewayv1.HTTPBackendRef{
			{BackendRef: weighted(m.canary, router.PrimaryService(m.canary), primary)},
			{BackendRef: weighted(m.canary, router.CanaryService(m.canary), canary)},
		},
	}
}

// toPrimary sends all of the matching requests to the primary, as its only backend.
func (m ruleMaker) toPrimary(matches []gatewayv1.HTTPRouteMatch) gatewayv1.HTTPRouteRule {
	rule := m.rule(matches, rollout.ToPrimary().Primary, 0)
	rule.BackendRefs = rule.BackendRefs[:1]
	return rule
}

func weighted(c *v1beta1.Canary, service string, weight rollout.Weight) gatewayv1.BackendRef {
	return gatewayv1.BackendRef{BackendObjectReference: backend(c, service), Weight: new(int32(weight))}
}

func backend(c *v1beta1.Canary, service string) gatewayv1.BackendObjectReference {
	return gatewayv1.BackendObjectReference{
		Group: new(gatewayv1.Group("")),
		Kind:  new(gatewayv1.Kind(serviceKind)),
		Name:  gatewayv1.ObjectName(service),
		Port:  new(gatewayv1.PortNumber(c.Spec.Service.Port)),
	}
}

// mirrorToCanary copies requests to the canary: all of them, or analysis.mirrorWeight percent.
func mirrorToCanary(f features, c *v1beta1.Canary) gatewayv1.HTTPRouteFilter {
	mirror := gatewayv1.HTTPRequestMirrorFilter{BackendRef: backend(c, router.CanaryService(c))}
	if weight := router.Analysis(c).MirrorWeight; f.mirrorPercent && weight > 0 && weight < 100 {
		mirror.Percent = new(int32(weight))
	}
	return requestMirror(mirror)
}

func timeouts(f features, c *v1beta1.Canary) *gatewayv1.HTTPRouteTimeouts {
	service := c.Spec.Service
	if !f.timeouts || service.Timeout == "" && service.BackendTimeout == "" {
		return nil
	}
	limits := &gatewayv1.HTTPRouteTimeouts{}
	if service.Timeout != "" {
		limits.Request = new(gatewayv1.Duration(service.Timeout))
	}
	if service.BackendTimeout != "" {
		limits.BackendRequest = new(gatewayv1.Duration(service.BackendTimeout))
	}
	return limits
}
