package controller

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/testkit"
)

// Stories of defects of Flagger that show when something happens at a bad moment. test/compat has the list of all.

// lookOnce reconciles once, as a wake-up does, and lets neither the cluster nor the clock go on.
func (w *world) lookOnce() ctrl.Result {
	w.Helper()
	result, err := w.reconcile(testkit.App)
	must(w, err, "reconcile")
	return result
}

// stopBefore reconciles with an operator that leads no longer when it is about to send that request.
func (w *world) stopBefore(request string) {
	w.Helper()
	w.pipe.before = func(sent string) { w.pipe.fenced = w.pipe.fenced || sent == request }
	_, err := w.reconcile(testkit.App)
	must(w, err, "reconcile")
	if !w.pipe.fenced {
		w.Fatalf("there was no %q to be stopped before", request)
	}
	w.pipe.before, w.pipe.fenced = nil, false
}

// TestARestartTakesNoStep is flaw C1: when the next step is due is in the status, and no new process or leader takes it
// before that.
func TestARestartTakesNoStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(25, 50), testkit.Metric("errors"))
	w.push("app:2")
	w.untilWeight("25")
	w.linger()
	w.checks.Reset()
	for range 3 {
		w.pass(3 * time.Second)
		w.restart()
		w.lookOnce()
	}
	w.settle()
	expect(t, "Nobody looks before it is time.", nil, w.checks.Calls())
	expect(t, "And nobody steps.", []string{"0", "25"}, w.seen.weights)
	expect(t, "What is left of the interval is left.", time.Second, w.lookOnce().RequeueAfter)
	w.pass(time.Second)
	w.lookOnce()
	w.settle()
	expect(t, "Then it is time.", "50", last(w.seen.weights))
}

// TestANewIntervalTakesNoStep is flaw C2: there is one hand on a canary, whatever its interval was and is.
func TestANewIntervalTakesNoStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(25, 50), testkit.Metric("errors"))
	w.push("app:2")
	w.untilWeight("25")
	w.linger()
	w.checks.Reset()
	w.pass(5 * time.Second)
	for interval, left := range map[string]time.Duration{"30s": 25 * time.Second, "20s": 15 * time.Second} {
		w.revise(`{"spec":{"analysis":{"interval":"` + interval + `"}}}`)
		expect(t, "The new interval counts from the last look.", left, w.lookOnce().RequeueAfter)
	}
	w.settle()
	expect(t, "A new interval is no reason to look.", nil, w.checks.Calls())
	expect(t, "Nor to step.", []string{"0", "25"}, w.seen.weights)
}

// TestAConflictKeepsTheCookie is flaw C3: a status write that meets another's must not leave users with a cookie that the
// status does not know.
func TestAConflictKeepsTheCookie(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(25, 50), testkit.Affinity("side", "main"))
	w.push("app:2")
	w.pipe.before = func(request string) {
		if request == "patch status Canary web" && last(w.seen.weights) == "0" && strings.Contains(w.cookies(), "side=") {
			w.pipe.before = nil
			w.revise(`{"metadata":{"labels":{"team":"shop"}}}`)
		}
	}
	w.untilSo("the first step meets another's write", func() bool { return w.pipe.before == nil })
	handedOut := w.cookies()
	w.untilWeight("25")
	w.linger()
	expect(t, "The step is taken again with the cookies that users have got.", handedOut, w.cookies())
	status := w.canary().Status
	for _, cookie := range []string{status.SessionAffinityCookie, status.PrimarySessionAffinityCookie} {
		if cookie == "" || !strings.Contains(handedOut, cookie) {
			t.Errorf("the status must know the cookies of the route: %q is not in %s", cookie, handedOut)
		}
	}
}

// cookies are the values of the headers by which the HTTPRoute hands cookies out.
func (w *world) cookies() string {
	w.Helper()
	route := &gatewayv1.HTTPRoute{}
	w.get(testkit.App, route)
	var values []string
	for _, rule := range route.Spec.Rules {
		for _, backend := range rule.BackendRefs {
			for _, filter := range slices.Concat(rule.Filters, backend.Filters) {
				if filter.ResponseHeaderModifier == nil {
					continue
				}
				for _, header := range slices.Concat(filter.ResponseHeaderModifier.Add, filter.ResponseHeaderModifier.Set) {
					values = append(values, header.Value)
				}
			}
		}
	}
	slices.Sort(values)
	return strings.Join(values, " ")
}

// TestOneLookIsOneStatusWrite is flaw C4: every tick writes the status once, so that no write of its own is in its way,
// and a failed check that could not be recorded is not counted twice.
func TestOneLookIsOneStatusWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(25, 50), testkit.Metric("errors"))
	w.push("app:2")
	w.untilWeight("25")
	w.linger()
	w.checks.Script("errors", rollout.Answer{Verdict: rollout.Fail, Message: "Halt web.ns advancement errors 7.00 > 1", Value: new(7.0)})
	w.said()
	w.pass(10 * time.Second)
	w.pipe.before = func(request string) {
		if request == "patch status Canary web" {
			w.pipe.before = nil
			w.revise(`{"metadata":{"labels":{"team":"shop"}}}`)
		}
	}
	w.lookOnce()
	expect(t, "The write that met another's has counted nothing, and told nothing.", []any{0, 0},
		[]any{w.canary().Status.FailedChecks, len(w.said())})
	w.pipe.sent()
	w.lookOnce()
	expect(t, "The second look writes once.", []string{"patch status Canary web"}, w.pipe.sent())
	expect(t, "And counts once.", 1, w.canary().Status.FailedChecks)
}

// TestAnOldCopyIsNotRecorded is flaw C4: what is decided on a copy of the canary that is behind counts for nothing.
func TestAnOldCopyIsNotRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(25, 50, 75), testkit.Metric("errors"))
	w.push("app:2")
	w.untilWeight("25")
	w.linger()
	behind := w.canary()
	w.pass(10 * time.Second)
	w.lookOnce()
	w.settle()
	recorded := w.canary().Status
	w.checks.Script("errors", rollout.Answer{Verdict: rollout.Fail, Message: "Halt web.ns advancement errors 7.00 > 1", Value: new(7.0)})
	w.said()
	if _, err := w.operator.advance(w.ctx, behind); !apierrors.IsConflict(err) {
		t.Errorf("a write on an old copy is a conflict: got %v", err)
	}
	expect(t, "The step that was taken stays taken, and no check has failed.", recorded, w.canary().Status)
	expect(t, "Nothing is told.", nil, w.said())
}

// TestPostRolloutHooksOutliveACrash is the first half of flaw C6.
func TestPostRolloutHooksOutliveACrash(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Hooks = dying{w.hooks}
	w.restart()
	w.rollOut(testkit.Steps(50), testkit.Webhook(v1beta1.HookPostRollout, "tell"))
	w.push("app:2")
	func() {
		defer func() { _ = recover() }()
		w.until(v1beta1.PhaseSucceeded)
	}()
	w.options.Hooks = w.hooks
	w.restart()
	w.rest()
	expect(t, "Whoever waits for the end of the run is told.",
		[]testkit.HookCall{{Name: "tell", Type: v1beta1.HookPostRollout, Phase: v1beta1.PhaseSucceeded}}, w.hooks.Calls())
}

// dying is an operator that dies when it is about to call a post-rollout hook.
type dying struct{ *testkit.Hooks }

func (d dying) Call(ctx context.Context, c *v1beta1.Canary, w v1beta1.CanaryWebhook, phase v1beta1.CanaryPhase) error {
	if w.Type == v1beta1.HookPostRollout {
		panic("dead")
	}
	return d.Hooks.Call(ctx, c, w, phase)
}

// TestAWriteThatFailsIsNotTold is the second half of flaw C6, and flaw C7: what is not done is not told, however often it
// is tried, and nobody's push is swallowed meanwhile.
func TestAWriteThatFailsIsNotTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(50), testkit.Metric("errors"))
	w.push("app:2")
	for range 3 {
		w.stopBefore("patch Deployment web")
	}
	expect(t, "A run whose pods could not be started has not begun.", nil, w.said())
	w.untilWeight("50")
	expect(t, "Then it is told, once.", []string{
		"Normal NewRevision New revision detected! Scaling up web.ns",
		"Normal AnalysisStarted Starting canary analysis for web.ns",
		"Normal WeightAdvanced Advance web.ns canary weight 50",
	}, w.said())

	w.checks.Script("errors", rollout.Answer{Verdict: rollout.Fail, Message: "Halt web.ns advancement errors 7.00 > 1", Value: new(7.0)})
	w.untilSo("the threshold is reached", func() bool { return w.canary().Status.FailedChecks == 2 })
	w.said()
	for range 3 {
		w.stopBefore("apply HTTPRoute web")
	}
	expect(t, "A rollback that did not happen is not told.", nil, w.said())
	w.checks.Reset()
	w.push("app:3")
	w.until(v1beta1.PhaseSucceeded)
	expect(t, "What came meanwhile has a run of its own.", []string{"app:1", "app:3"}, w.seen.primaries)
}

// TestNothingIsWrittenAfterTheEnd is flaw C13: an operator that has lost its leadership sends no further request, whatever
// it was about to do.
func TestNothingIsWrittenAfterTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(50))
	w.push("app:2")
	for _, request := range []string{"patch Deployment web", "patch status Canary web"} {
		before := w.pipe.written()
		w.stopBefore(request)
		if request == "patch Deployment web" {
			expect(t, "Not this one, nor one after it.", before, w.pipe.written())
		}
		expect(t, "Nothing is recorded.", v1beta1.PhaseInitialized, w.canary().Status.Phase)
		expect(t, "So nothing is told.", nil, w.said())
	}
	w.until(v1beta1.PhaseSucceeded)
	expect(t, "The next leader goes on from there.", []string{"0", "50", "0"}, w.seen.weights)
}

// TestPushWhileAGateIsAsked is flaw A6: minutes may pass between seeing the target and copying it.
func TestPushWhileAGateIsAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	gate := &slow{Hooks: w.hooks, meanwhile: func() { w.push("app:3") }}
	w.options.Hooks = gate
	w.restart()
	w.rollOut(testkit.Steps(50), testkit.Webhook(v1beta1.HookConfirmPromotion, "end"))
	w.push("app:2")
	w.untilSo("app:3 is promoted", func() bool { return last(w.seen.primaries) == "app:3" })
	expect(t, "The approval was not about app:3, which has a run of its own before it is copied.", []string{"0", "50", "0", "50"}, w.seen.weights)
	w.until(v1beta1.PhaseSucceeded)
	w.rest()
	expect(t, "It is copied once, and app:2 never.", []any{[]string{"app:1", "app:3"}, 2}, []any{w.seen.primaries, len(w.seen.rolls)})
}

// TestARevertedRevisionMayComeBack is flaw B7: cancelling a run records nothing of what was abandoned.
func TestARevertedRevisionMayComeBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(25, 50))
	w.push("app:2")
	w.untilWeight("25")
	w.push("app:1")
	w.until(v1beta1.PhaseFinalising)
	w.push("app:2")
	w.untilSo("app:2 is promoted", func() bool { return last(w.seen.primaries) == "app:2" })
	w.until(v1beta1.PhaseSucceeded)
	w.rest()
	expect(t, "It is analysed from the first step to the last.", []string{"0", "25", "0", "25", "50", "0"}, w.seen.weights)
}

// TestAdaptersLeaveTheCanaryAsItIs is flaw C14: what the Services and the route take from the spec is computed, and not
// left behind in it.
func TestAdaptersLeaveTheCanaryAsItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	metadata := func() *v1beta1.CustomMetadata {
		return &v1beta1.CustomMetadata{Labels: map[string]string{"team": "shop"}, Annotations: map[string]string{"note": "ours"}}
	}
	w.rollOut(testkit.Affinity("side", "main"), func(c *v1beta1.Canary) {
		c.Spec.Service.Apex, c.Spec.Service.Primary, c.Spec.Service.Canary = metadata(), metadata(), metadata()
	})
	c := w.canary()
	before := c.DeepCopy()
	adapters, err := w.operator.work(w.ctx, c)
	must(t, err, "read the spec")
	carryOut := func(actions ...rollout.Action) {
		for _, act := range actions {
			must(t, w.operator.act(w.ctx, c, adapters, act), "%s", verb(act))
			expect(t, verb(act)+" must not edit the canary.", before, c)
		}
	}
	carryOut(rollout.EnsureServices{}, rollout.EnsureApex{}, rollout.Route{Traffic: rollout.Split(25)}, rollout.ScaleCanary{Direction: rollout.Up})
	service, route := &corev1.Service{}, &gatewayv1.HTTPRoute{}
	w.get("web-canary", service)
	w.get(testkit.App, route)
	expect(t, "Each object has the user's labels; the one that tells Services apart is on Services.",
		[]map[string]string{{"team": "shop", "app": "web-canary"}, {"team": "shop"}}, []map[string]string{service.Labels, route.Labels})
	carryOut(rollout.Release{})
}
