package controller

import (
	"errors"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/testkit"
)

func TestInitialization(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(testkit.Deployment("app:1"), testkit.Canary(testkit.Metric("errors")))
	w.settle()
	w.until(v1beta1.PhaseInitialized)
	w.rest()
	expect(t, "Users of event exporters know these texts.", []string{
		"Normal ProvidersAvailable all the metrics providers are available!",
		"Normal Initialized Initialization done! web.ns",
	}, w.said())
	expect(t, "A canary at rest is ready, and says so to kubectl wait, Flux and Argo CD.", summary{
		phase: v1beta1.PhaseInitialized, promoted: "True Initialized", ready: "True Initialized", promotedIsApplied: true,
		checks: map[string]string{"provider/metrics-providers": "Pass"},
	}, w.summary())
	expect(t, "Users are on the primary, so the target's pods are not needed.",
		history{weights: []string{"0"}, primaries: []string{"app:1"}, rolls: w.seen.rolls, replicas: []string{"2", "0"}}, w.seen)
	for name, selects := range map[string]string{"web": "web-primary", "web-primary": "web-primary", "web-canary": "web"} {
		service := &corev1.Service{}
		if !w.get(name, service) || service.Spec.Selector["app"] != selects || !metav1.IsControlledBy(service, w.canary()) {
			t.Errorf("the Service %s must be ours and select %s: got %+v", name, selects, service)
		}
	}
	route := &gatewayv1.HTTPRoute{}
	if !w.get("web", route) || !metav1.IsControlledBy(route, w.canary()) {
		t.Errorf("the HTTPRoute must be ours: got %+v", route)
	}
	if replicas := *w.deployment("web-primary").Spec.Replicas; replicas != 2 {
		t.Errorf("the primary takes over as many pods as the target had: want 2, got %d", replicas)
	}
}

func TestTargetServesUntilThePrimaryDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.broken["app:1"] = true
	w.apply(testkit.Deployment("app:1"), testkit.Canary())
	w.settle()
	w.linger()
	expect(t, "Nobody is sent to a primary that cannot serve.", history{
		primaries: []string{"app:1"}, rolls: w.seen.rolls, replicas: []string{"2"},
	}, w.seen)
	expect(t, "Why it takes so long is said once.", []string{
		"Normal ProvidersAvailable all the metrics providers are available!",
		`Warning NotReady web-primary.ns not ready: deployment "web-primary" exceeded its progress deadline`,
	}, w.said())
	w.push("app:2")
	w.until(v1beta1.PhaseInitialized)
	expect(t, "A primary that serves nobody may follow the target, which heals it.", []string{"app:1", "app:2"}, w.seen.primaries)
}

func TestGoodRelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(25, 50), testkit.Metric("errors"), testkit.Webhook(v1beta1.HookEvent, "log"))
	w.push("app:2")
	begun := w.clock.Now()
	w.until(v1beta1.PhaseSucceeded)
	took := w.clock.Now().Sub(begun)
	w.rest()
	said := w.said()
	expect(t, "The events are the contract's, in their order.", []string{
		"Normal NewRevision New revision detected! Scaling up web.ns",
		"Normal AnalysisStarted Starting canary analysis for web.ns",
		"Normal WeightAdvanced Advance web.ns canary weight 25",
		"Normal WeightAdvanced Advance web.ns canary weight 50",
		"Normal Promoting Copying web.ns template spec to web-primary.ns",
		"Normal TrafficSwitched Routing all traffic to primary",
		"Normal Promoted Promotion completed! Scaling down web.ns",
	}, said)
	expect(t, "The run is over and nothing is left of it but the last results.", summary{
		phase: v1beta1.PhaseSucceeded, promoted: "True Succeeded", ready: "True Succeeded", promotedIsApplied: true,
		checks: map[string]string{"metric/errors": "Pass", "provider/metrics-providers": "Pass"},
	}, w.summary())
	expect(t, "Each step is taken once, and the primary rolls once.", history{
		weights:   []string{"0", "25", "50", "0"},
		primaries: []string{"app:1", "app:2"}, rolls: w.seen.rolls, replicas: []string{"0", "2", "0"},
	}, w.seen)
	expect(t, "The first step needs no metrics, every other and the promotion do.", []string{"errors", "errors"}, w.checks.Calls())
	if len(w.hooks.Announced()) != len(said) {
		t.Errorf("event hooks get every event: want %d, got %d", len(said), len(w.hooks.Announced()))
	}
	if limit := 42 * time.Second; took >= limit {
		t.Errorf("two steps at 10 s and the drain of 10 s: want less than %s, got %s", limit, took)
	}
	expect(t, "The run is counted once.", []string{
		`flagger_canary_successes_total{analysis_status="completed",deployment_strategy="canary",name="web",namespace="ns"} 1`,
	}, append(w.metric("flagger_canary_successes_total{"), w.metric("flagger_canary_failures_total{")...))
	expect(t, "Dashboards see who has the traffic.", []string{
		`flagger_canary_weight{namespace="ns",workload="web"} 0`,
		`flagger_canary_weight{namespace="ns",workload="web-primary"} 100`,
	}, w.metric("flagger_canary_weight{"))
	expect(t, "A tick is an analysis: two steps and the promotion.",
		[]string{`flagger_canary_duration_seconds_count{name="web",namespace="ns"} 3`}, w.metric("flagger_canary_duration_seconds_count"))
	if image := w.deployment("web-primary").Spec.Template.Spec.Containers[0].Image; image != "app:2" {
		t.Errorf("the primary must run what was analysed: got %s", image)
	}
}

func TestBadRelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(25, 50), testkit.Metric("errors"), testkit.Webhook(v1beta1.HookPostRollout, "tell"))
	w.push("app:2")
	w.untilWeight("25")
	const halt = "Halt web.ns advancement errors 7.00 > 1"
	w.checks.Script("errors", rollout.Answer{
		Verdict: rollout.Fail, Message: halt, Value: new(7.0), Max: new(1.0),
	})
	w.until(v1beta1.PhaseFailed)
	expect(t, "Users leave at once, requests under way still have their pods.", history{
		weights: []string{"0", "25", "0"}, primaries: []string{"app:1"}, rolls: w.seen.rolls, replicas: []string{"0", "2"},
	}, w.seen)
	left := w.clock.Now()
	w.untilSo("the target is stopped", func() bool { return *w.deployment("web").Spec.Replicas == 0 })
	if waited := w.clock.Now().Sub(left); waited != drain {
		t.Errorf("pods go when the drain is over: want %s, got %s", drain, waited)
	}
	w.rest()
	expect(t, "Each failed check is told, then the end.", []string{
		"Normal NewRevision New revision detected! Scaling up web.ns",
		"Normal AnalysisStarted Starting canary analysis for web.ns",
		"Normal WeightAdvanced Advance web.ns canary weight 25",
		"Warning MetricFailed " + halt,
		"Warning MetricFailed " + halt,
		"Warning RolledBack Rolling back web.ns failed checks threshold reached 2",
		"Warning RolledBack Canary failed! Scaling down web.ns",
		"Normal GatePassed Post-rollout check tell passed",
	}, w.said())
	expect(t, "The status keeps why, and tools see that only the user can help.", summary{
		phase: v1beta1.PhaseFailed, promoted: "False Failed", ready: "False Failed", stalled: "True RolledBack",
		checks: map[string]string{"metric/errors": "Fail", "provider/metrics-providers": "Pass", "post-rollout/tell": "Pass"},
	}, w.summary())
	expect(t, "Post-rollout hooks are told the phase that was reached.",
		[]testkit.HookCall{{Name: "tell", Type: v1beta1.HookPostRollout, Phase: v1beta1.PhaseFailed}}, w.hooks.Calls())
	expect(t, "A rollback counts as a failure.", []string{
		`flagger_canary_failures_total{analysis_status="completed",deployment_strategy="canary",name="web",namespace="ns"} 1`,
		`flagger_canary_status{name="web",namespace="ns"} 2`,
	}, append(w.metric("flagger_canary_failures_total{"), w.metric("flagger_canary_status{")...))
}

func TestProviderErrorHoldsAndContinues(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(25, 50), testkit.Metric("errors"))
	w.push("app:2")
	w.untilWeight("25")
	w.said()
	down := rollout.Answer{Verdict: rollout.ProviderError, Message: "Prometheus query failed for errors: connection refused"}
	w.checks.Script("errors", down)
	for range 12 { // far more ticks than failed checks are allowed
		w.step()
	}
	held := w.summary()
	expect(t, "An outage of the metrics holds the weight, counts nothing and blames nobody else.", summary{
		phase: v1beta1.PhaseProgressing, weight: 25, promoted: "Unknown Progressing", ready: "Unknown Progressing",
		reconciling: "True ProviderUnavailable",
		checks:      map[string]string{"metric/errors": "Error", "provider/metrics-providers": "Pass"},
	}, held)
	expect(t, "It is said once.", []string{"Warning ProviderUnavailable " + down.Message}, w.said())
	w.checks.Reset()
	back := w.clock.Now()
	w.untilWeight("50")
	if waited := w.clock.Now().Sub(back); waited > 10*time.Second {
		t.Errorf("the run continues by itself within an interval: got %s", waited)
	}
	w.until(v1beta1.PhaseSucceeded)
	expect(t, "Nobody had to help.", "", w.summary().stalled)
}

func TestRequestsOfARollout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(10, 20, 30, 40, 50), testkit.Metric("errors"))
	w.push("app:2")
	w.until(v1beta1.PhaseSucceeded)
	w.rest()
	requests, events := w.pipe.sent(), w.events.Events()
	t.Logf("%d requests %v and %d events", len(requests), kindsOf(requests), len(events))
	expect(t, "Five steps were taken.", []string{"0", "10", "20", "30", "40", "50", "0"}, w.seen.weights)
	if limit := 30; len(requests) > limit {
		t.Errorf("a rollout of five steps may cost %d requests, got %d: %v", limit, len(requests), requests)
	}
}

func TestRestCostsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Metric("errors"))
	for range 5 {
		result, err := w.reconcile("web")
		if err != nil || result.RequeueAfter != 0 {
			t.Fatalf("a canary at rest wants to be left alone: got %+v, %v", result, err)
		}
		w.pass(time.Hour)
	}
	expect(t, "A canary at rest asks nothing of the API server, whatever wakes it.", nil, w.pipe.sent())
	expect(t, "Nor of the metrics provider.", nil, w.checks.Calls())
}

func TestDriftIsRepairedToTheWeightInStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(25, 50), testkit.Metric("errors"))
	w.push("app:2")
	w.untilWeight("25")
	w.said()
	for _, weights := range [][2]int32{{100, 0}, {50, 50}} {
		route := &gatewayv1.HTTPRoute{}
		w.get("web", route)
		for i := range weights {
			route.Spec.Rules[0].BackendRefs[i].Weight = &weights[i]
		}
		must(t, w.direct.Update(w.ctx, route), "edit the route")
		w.linger()
		expect(t, "A user's edit is undone to the plan.", "25", w.seen.weights[len(w.seen.weights)-1])
	}
	expect(t, "Drift restarts nothing and is no news.", nil, w.said())
	w.until(v1beta1.PhaseSucceeded)
}

func TestRouteThatNoGatewayTakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(25, 50), testkit.Metric("errors"))
	w.push("app:2")
	w.untilWeight("25")
	w.strict = true
	w.said()
	for range 5 {
		w.step()
	}
	expect(t, "What the gateway does not serve cannot be analysed.", 25, w.summary().weight)
	expect(t, "The condition says that the user must act.", "True RouteNotTaken", w.summary().stalled)
	warnings := w.said()
	if len(warnings) != 1 {
		t.Errorf("a refused route is told once: got %q", warnings)
	}
	w.strict = false
	w.until(v1beta1.PhaseSucceeded)
}

func TestSilentGatewayIsNotWaitedForForEver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.silent = true
	w.rollOut(testkit.Steps(50), testkit.Metric("errors"))
	w.push("app:2")
	begun := w.clock.Now()
	w.until(v1beta1.PhaseSucceeded)
	if took := w.clock.Now().Sub(begun); took < 2*time.Minute || took > 3*time.Minute {
		t.Errorf("a data plane that never confirms is waited for a minute after each change: got %s", took)
	}
}

func TestOneFailureOfTheAPIServerIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(50))
	w.push("app:2")
	before := w.canary()
	w.pipe.limit(1)
	if _, err := w.reconcile("web"); !errors.Is(err, errCut) {
		t.Errorf("what time may mend is returned for a retry: got %v", err)
	}
	w.pipe.mend()
	expect(t, "It is no event and no condition.", before.Status.Conditions, w.canary().Status.Conditions)
	expect(t, "It is no event and no condition.", nil, w.said())
	w.until(v1beta1.PhaseSucceeded)
	if !slices.Contains(w.said(), "Normal NewRevision New revision detected! Scaling up web.ns") {
		t.Error("what could not be recorded was not announced either, and is when it is")
	}
}
