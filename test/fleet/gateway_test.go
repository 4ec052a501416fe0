//go:build linux

package fleet

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

func TestIsAccepted(t *testing.T) {
	route := func(generation, observed int64, kind string) *gatewayv1.HTTPRoute {
		return &gatewayv1.HTTPRoute{
			ObjectMeta: metav1.ObjectMeta{Generation: generation},
			Status: gatewayv1.HTTPRouteStatus{RouteStatus: gatewayv1.RouteStatus{Parents: []gatewayv1.RouteParentStatus{{
				Conditions: []metav1.Condition{{Type: kind, Status: metav1.ConditionTrue, ObservedGeneration: observed}},
			}}}},
		}
	}
	cases := map[string]struct {
		reason string
		route  *gatewayv1.HTTPRoute
		want   bool
	}{
		"New":     {"Nobody has said anything.", &gatewayv1.HTTPRoute{}, false},
		"Taken":   {"It would be written again and again.", route(2, 2, "Accepted"), true},
		"Changed": {"Every generation is to be accepted.", route(2, 1, "Accepted"), false},
		"Other":   {"Another condition says nothing about that.", route(2, 2, "ResolvedRefs"), false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := isAccepted(tc.route); got != tc.want {
				t.Errorf("%s\ngot %t", tc.reason, got)
			}
		})
	}
}
