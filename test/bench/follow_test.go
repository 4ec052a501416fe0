//go:build linux

package main

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
)

// watched is a follower whose clock goes on a second with every look, and a function that shows it a canary.
func watched() (*follower, func(name string, phase v1beta1.CanaryPhase, weight int)) {
	now := time.Time{}
	f := newFollower(func() time.Time {
		now = now.Add(time.Second)
		return now
	}, time.Minute)
	return f, func(name string, phase v1beta1.CanaryPhase, weight int) {
		f.note(&v1beta1.Canary{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: v1beta1.CanaryStatus{Phase: phase, CanaryWeight: weight}})
	}
}

func keysOf(names ...string) []types.NamespacedName {
	var keys []types.NamespacedName
	for _, name := range names {
		keys = append(keys, types.NamespacedName{Name: name})
	}
	return keys
}

func TestFollowerKeepsWhatChanges(t *testing.T) {
	f, show := watched()
	show("a", v1beta1.PhaseProgressing, 0)
	show("a", v1beta1.PhaseProgressing, 0)
	show("a", v1beta1.PhaseProgressing, 10)
	show("b", v1beta1.PhaseFailed, 0)
	show("a", v1beta1.PhasePromoting, 10)
	want := []moment{at(3000, v1beta1.PhaseProgressing, 10), at(5000, v1beta1.PhasePromoting, 10)}
	got := f.since(keysOf("a")[0], time.Time{}.Add(2*time.Second))
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(moment{})); diff != "" {
		t.Errorf("moments differ in phase or weight, each canary has its own (-want +got):\n%s", diff)
	}
}

func TestFollowerWaits(t *testing.T) {
	f, show := watched()
	show("a", v1beta1.PhaseSucceeded, 0)
	w := f.expect(keysOf("a", "b"), in(v1beta1.PhaseSucceeded, v1beta1.PhaseFailed))
	show("a", v1beta1.PhaseProgressing, 0)
	show("b", v1beta1.PhaseFailed, 0)
	show("other", v1beta1.PhaseSucceeded, 0)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if came, err := f.await(ended, w); err == nil {
		t.Fatalf("what was before does not count, got %v", came)
	}
	show("a", v1beta1.PhaseSucceeded, 0)
	show("b", v1beta1.PhaseSucceeded, 0)
	came, err := f.await(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	keys := keysOf("a", "b")
	want := map[types.NamespacedName]moment{keys[0]: at(5000, v1beta1.PhaseSucceeded, 0), keys[1]: at(3000, v1beta1.PhaseFailed, 0)}
	if diff := cmp.Diff(want, came, cmp.AllowUnexported(moment{})); diff != "" {
		t.Errorf("the first moment as wanted counts (-want +got):\n%s", diff)
	}
	if first(came).Second() != 3 || last(came).Second() != 5 {
		t.Errorf("got %v to %v", first(came), last(came))
	}
}

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
