package controller

import (
	"fmt"
	"strings"
	"testing"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
)

func TestStrategies(t *testing.T) {
	tests := map[string]struct {
		reason string
		canary []testkit.CanaryOption
		said   []string
		seen   history
		// counted is the series that counts the run.
		counted string
		// measured is how often the metric was looked at.
		measured int
	}{
		"ABTesting": {
			reason: "All who match meet the canary from the first iteration on.",
			canary: []testkit.CanaryOption{
				testkit.Iterations(2), testkit.MatchHeader("x-canary", "insider"), testkit.Metric("errors"),
			},
			said: []string{
				"Normal NewRevision New revision detected! Scaling up web.ns",
				"Normal AnalysisStarted Starting canary analysis for web.ns",
				"Normal IterationAdvanced Advance web.ns canary iteration 1/2",
				"Normal IterationAdvanced Advance web.ns canary iteration 2/2",
				"Normal Promoting Copying web.ns template spec to web-primary.ns",
				"Normal TrafficSwitched Routing all traffic to primary",
				"Normal Promoted Promotion completed! Scaling down web.ns",
			},
			seen:     history{weights: []string{"0", "100", "0"}, primaries: []string{"app:1", "app:2"}, replicas: []string{"0", "2", "0"}},
			counted:  `{analysis_status="completed",deployment_strategy="ab-testing",name="web",namespace="ns"} 1`,
			measured: 2,
		},
		"BlueGreenWithMirror": {
			reason: "The canary gets copies first, then everybody for one more analysis.",
			canary: []testkit.CanaryOption{testkit.Iterations(2), testkit.Mirror(), testkit.Metric("errors")},
			said: []string{
				"Normal NewRevision New revision detected! Scaling up web.ns",
				"Normal AnalysisStarted Starting canary analysis for web.ns",
				"Normal IterationAdvanced Advance web.ns canary iteration 1/2",
				"Normal IterationAdvanced Advance web.ns canary iteration 2/2",
				"Normal TrafficSwitched Stop traffic mirroring and route all traffic to canary",
				"Normal Promoting Copying web.ns template spec to web-primary.ns",
				"Normal TrafficSwitched Routing all traffic to primary",
				"Normal Promoted Promotion completed! Scaling down web.ns",
			},
			seen:     history{weights: []string{"0", "0*", "100", "0"}, primaries: []string{"app:1", "app:2"}, replicas: []string{"0", "2", "0"}},
			counted:  `{analysis_status="completed",deployment_strategy="blue-green",name="web",namespace="ns"} 1`,
			measured: 3,
		},
		"WeightedWithMirror": {
			reason: "Copies come before the first user.",
			canary: []testkit.CanaryOption{testkit.Steps(50), testkit.Mirror(), testkit.Metric("errors")},
			said: []string{
				"Normal NewRevision New revision detected! Scaling up web.ns",
				"Normal AnalysisStarted Starting canary analysis for web.ns",
				"Normal WeightAdvanced Advance web.ns canary weight 0",
				"Normal WeightAdvanced Advance web.ns canary weight 50",
				"Normal Promoting Copying web.ns template spec to web-primary.ns",
				"Normal TrafficSwitched Routing all traffic to primary",
				"Normal Promoted Promotion completed! Scaling down web.ns",
			},
			seen:     history{weights: []string{"0", "0*", "50", "0"}, primaries: []string{"app:1", "app:2"}, replicas: []string{"0", "2", "0"}},
			counted:  `{analysis_status="completed",deployment_strategy="canary",name="web",namespace="ns"} 1`,
			measured: 2,
		},
		"PromotionInSteps": {
			reason: "Users go back to the primary as slowly as they were sent away.",
			canary: []testkit.CanaryOption{testkit.Steps(60), testkit.PromotionSteps(40)},
			said: []string{
				"Normal NewRevision New revision detected! Scaling up web.ns",
				"Normal AnalysisStarted Starting canary analysis for web.ns",
				"Normal WeightAdvanced Advance web.ns canary weight 60",
				"Normal Promoting Copying web.ns template spec to web-primary.ns",
				"Normal WeightAdvanced Advance web.ns primary weight 80",
				"Normal WeightAdvanced Advance web.ns primary weight 100",
				"Normal Promoted Promotion completed! Scaling down web.ns",
			},
			seen:    history{weights: []string{"0", "60", "20", "0"}, primaries: []string{"app:1", "app:2"}, replicas: []string{"0", "2", "0"}},
			counted: `{analysis_status="completed",deployment_strategy="canary",name="web",namespace="ns"} 1`,
		},
		"Kubernetes": {
			reason: "Without a routing object, the canary is tested aside and users meet it as the primary.",
			canary: []testkit.CanaryOption{testkit.Provider("kubernetes"), testkit.Iterations(2), testkit.Metric("errors")},
			said: []string{
				"Normal NewRevision New revision detected! Scaling up web.ns",
				"Normal AnalysisStarted Starting canary analysis for web.ns",
				"Normal IterationAdvanced Advance web.ns canary iteration 1/2",
				"Normal IterationAdvanced Advance web.ns canary iteration 2/2",
				"Normal Promoting Copying web.ns template spec to web-primary.ns",
				"Normal Promoted Promotion completed! Scaling down web.ns",
			},
			seen:     history{primaries: []string{"app:1", "app:2"}, replicas: []string{"0", "2", "0"}},
			counted:  `{analysis_status="completed",deployment_strategy="blue-green",name="web",namespace="ns"} 1`,
			measured: 3,
		},
		"KubernetesWithoutIterations": {
			reason: "What the provider makes of steps is told, not silently done.",
			canary: []testkit.CanaryOption{testkit.Provider("kubernetes"), testkit.Steps(50)},
			said: append(append([]string{
				"Normal NewRevision New revision detected! Scaling up web.ns",
				"Normal AnalysisStarted Starting canary analysis for web.ns",
				"Warning ProviderLimits Progressive traffic is not supported when using the kubernetes provider",
				"Warning ProviderLimits Setting canaryAnalysis.iterations: 10",
			}, iterations(10)...),
				"Normal Promoting Copying web.ns template spec to web-primary.ns",
				"Normal Promoted Promotion completed! Scaling down web.ns"),
			seen:    history{primaries: []string{"app:1", "app:2"}, replicas: []string{"0", "2", "0"}},
			counted: `{analysis_status="completed",deployment_strategy="blue-green",name="web",namespace="ns"} 1`,
		},
		"SkipAnalysis": {
			reason: "Nobody is asked and no user meets the canary.",
			canary: []testkit.CanaryOption{testkit.SkipAnalysis(), testkit.Metric("errors")},
			said: []string{
				"Normal NewRevision New revision detected! Scaling up web.ns",
				"Normal Promoting Copying web.ns template spec to web-primary.ns",
				"Normal Promoted Promotion completed! Canary analysis was skipped for web.ns",
			},
			seen:    history{weights: []string{"0"}, primaries: []string{"app:1", "app:2"}, replicas: []string{"0", "2", "0"}},
			counted: `{analysis_status="skipped",deployment_strategy="canary",name="web",namespace="ns"} 1`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.rollOut(test.canary...)
			w.push("app:2")
			w.until(v1beta1.PhaseSucceeded)
			w.rest()
			expect(t, test.reason, test.said, w.said())
			test.seen.rolls = w.seen.rolls
			expect(t, test.reason, test.seen, w.seen)
			if rolls := len(w.seen.rolls); rolls != 2 {
				t.Errorf("the primary rolls once: got %d", rolls-1)
			}
			expect(t, test.reason, []string{"flagger_canary_successes_total" + test.counted}, w.metric("flagger_canary_successes_total"))
			if measured := len(w.checks.Calls()); measured != test.measured {
				t.Errorf("%s\nlooks at the metric: want %d, got %d", test.reason, test.measured, measured)
			}
		})
	}
}

func iterations(n int) []string {
	var said []string
	for i := range n {
		said = append(said, fmt.Sprintf("Normal IterationAdvanced Advance web.ns canary iteration %d/%d", i+1, n))
	}
	return said
}

func TestSessionAffinity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(25, 50), testkit.Affinity("canary", "primary"))
	w.push("app:2")
	w.untilWeight("25")
	status := w.canary().Status
	if !strings.HasPrefix(status.SessionAffinityCookie, "canary=") || !strings.HasPrefix(status.PrimarySessionAffinityCookie, "primary=") {
		t.Errorf("the run has its cookies from its first step on: got %q and %q",
			status.SessionAffinityCookie, status.PrimarySessionAffinityCookie)
	}
	if rules := w.route().Spec.Rules; len(rules) != 3 || !hasCookie(rules[0]) || !hasCookie(rules[1]) {
		t.Errorf("users with a cookie of either side come before the weights: got %+v", rules)
	}
	w.untilWeight("50")
	expect(t, "A step of the weights must not move those who are pinned.", status.SessionAffinityCookie, w.canary().Status.SessionAffinityCookie)
	w.until(v1beta1.PhaseSucceeded)
	w.rest()
	ended := w.canary().Status
	expect(t, "The cookie of the run is told to clients as expired.", status.SessionAffinityCookie, ended.PreviousSessionAffinityCookie)
	expect(t, "No run, no cookies.", []string{"", ""}, []string{ended.SessionAffinityCookie, ended.PrimarySessionAffinityCookie})
	if rules := w.route().Spec.Rules; len(rules) != 2 || !hasCookie(rules[0]) {
		t.Errorf("those who still send the cookie are told to forget it: got %+v", rules)
	}
}

func (w *world) route() *gatewayv1.HTTPRoute {
	w.Helper()
	route := &gatewayv1.HTTPRoute{}
	if !w.get(testkit.App, route) {
		w.Fatal("there is no HTTPRoute")
	}
	return route
}
