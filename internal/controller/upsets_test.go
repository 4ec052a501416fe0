package controller

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/testkit"
)

func TestSpecBrokenMidRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(25, 50), testkit.Metric("errors"))
	w.push("app:2")
	w.untilWeight("25")
	w.said()
	w.revise(`{"spec":{"analysis":{"stepWeights":[50,20]}}}`)
	w.rest()
	expect(t, "It is said once, and nothing moves meanwhile.", []string{
		"Warning Refused invalid canary spec: spec.analysis.stepWeights[1]: 20 does not follow 50: weights must ascend",
	}, w.said())
	expect(t, "The run is not lost.", []any{v1beta1.PhaseProgressing, 25}, []any{w.summary().phase, w.summary().weight})
	w.revise(`{"spec":{"analysis":{"stepWeights":[25,50]}}}`)
	w.until(v1beta1.PhaseSucceeded)
	expect(t, "The run goes on from where it was.", []string{"0", "25", "50", "0"}, w.seen.weights)
}

func TestTargetReplacedAtRest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(50))
	w.remove(testkit.Deployment(""))
	w.rest()
	expect(t, "Users are served by the primary, which does not need the target.", []string{"app:1"}, w.seen.primaries)
	expect(t, "It is said once.", 1, len(w.said()))
	w.apply(testkit.Deployment("app:2"))
	w.until(v1beta1.PhaseSucceeded)
	w.rest()
	expect(t, "A target that comes back with something new is a release like any other.", []string{"0", "50", "0"}, w.seen.weights)
	expect(t, "And is promoted.", []string{"app:1", "app:2"}, w.seen.primaries)
}

func TestPrimaryDeletedAtRest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(50))
	w.remove(namedDeployment("web-primary"))
	w.rest()
	expect(t, "It is made anew from the revision that it had.", "app:1",
		w.deployment("web-primary").Spec.Template.Spec.Containers[0].Image)
	expect(t, "Its users are where they were.", []string{"0"}, w.seen.weights)
}

// TestAdoptsACanaryOfFlagger is invariant I6: a canary whose identities we did not write starts no run.
func TestAdoptsACanaryOfFlagger(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(50))
	w.edit("web-primary", &appsv1.Deployment{}, `{"metadata":{"annotations":{"flagger.app/revision":null}}}`)
	c := w.canary()
	c.Status = v1beta1.CanaryStatus{
		Phase: v1beta1.PhaseSucceeded, LastAppliedSpec: "5978589476", LastPromotedSpec: "5978589476",
		Conditions: []v1beta1.CanaryCondition{{Type: v1beta1.PromotedCondition, Status: "True", Reason: "Succeeded"}},
	}
	must(t, w.direct.Status().Update(w.ctx, c), "store Flagger's status")
	w.rest()
	expect(t, "Nothing was pushed, so nothing rolls.", history{
		weights: []string{"0"}, primaries: []string{"app:1"}, rolls: w.seen.rolls, replicas: []string{"0"},
	}, w.seen)
	expect(t, "One identity, before and after.", 1, len(w.seen.rolls))
	expect(t, "And nothing is news.", nil, w.said())
	if applied := w.canary().Status.LastAppliedSpec; !strings.HasPrefix(applied, "h1:") {
		t.Errorf("the identity is ours from now on: got %q", applied)
	}
	w.push("app:2")
	w.rest()
	expect(t, "What is pushed afterwards is released.", []string{"app:1", "app:2"}, w.seen.primaries)
}

func TestAdoptsARunOfFlagger(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(25, 50), testkit.Metric("errors"))
	w.push("app:2")
	w.untilWeight("25")
	c := w.canary()
	c.Status = v1beta1.CanaryStatus{
		Phase: v1beta1.PhaseProgressing, LastAppliedSpec: "5978589476", LastPromotedSpec: "8447c6ff7b",
		Conditions: []v1beta1.CanaryCondition{{Type: v1beta1.PromotedCondition, Status: "Unknown", Reason: "Progressing"}},
	}
	must(t, w.direct.Status().Update(w.ctx, c), "store Flagger's status")
	w.said()
	w.until(v1beta1.PhaseSucceeded)
	expect(t, "Users stay where the route has them, and the run goes on from there.", []string{"0", "25", "50", "0"}, w.seen.weights)
	expect(t, "No step is taken again.", []string{
		"Normal WeightAdvanced Advance web.ns canary weight 50",
		"Normal Promoting Copying web.ns template spec to web-primary.ns",
		"Normal TrafficSwitched Routing all traffic to primary",
		"Normal Promoted Promotion completed! Scaling down web.ns",
	}, w.said())
}

func TestCanaryDeletedWhileItIsWorkedOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(50))
	w.push("app:2")
	w.pipe.before = func(request string) {
		if request == "patch status Canary web" {
			w.pipe.before = nil
			w.remove(testkit.Canary())
		}
	}
	result, err := w.reconcile("web")
	if err != nil || result.RequeueAfter != time.Second {
		t.Errorf("a canary that went is a quiet second look: got %+v, %v", result, err)
	}
	expect(t, "There is nobody to announce anything to.", nil, w.said())
}

// panicking is a check with a defect.
type panicking struct{ *testkit.Checks }

func (panicking) Measure(context.Context, *v1beta1.Canary, int) rollout.Answer {
	panic("index out of range")
}

func TestPanicStaysWithItsCanary(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Checks = panicking{w.checks}
	w.restart()
	w.rollOut(testkit.Steps(25, 50), testkit.Metric("errors"), testkit.Metric("latency"))
	w.push("app:2")
	w.untilWeight("25")
	w.pass(10 * time.Second)
	caught := func() (caught any) {
		defer func() { caught = recover() }()
		_, err := w.reconcile("web")
		return err
	}()
	if !strings.Contains(fmt.Sprint(caught), "index out of range") || !strings.Contains(fmt.Sprint(caught), "Measure") {
		t.Errorf("a panic must reach the goroutine whose panics are recovered, with the place that it came from: got %v", caught)
	}
	w.options.Checks = w.checks
	w.restart()
	w.until(v1beta1.PhaseSucceeded)
	expect(t, "Once mended, the run goes on from where it was.", []string{"0", "25", "50", "0"}, w.seen.weights)
}

// slow is a gate that takes its time, in which something happens.
type slow struct {
	*testkit.Hooks
	meanwhile func()
}

func (s *slow) Call(ctx context.Context, c *v1beta1.Canary, w v1beta1.CanaryWebhook, phase v1beta1.CanaryPhase) error {
	if happen := s.meanwhile; happen != nil && w.Type == v1beta1.HookConfirmPromotion {
		s.meanwhile = nil
		happen()
	}
	return s.Hooks.Call(ctx, c, w, phase)
}

func TestCanarySuspendedWhileAGateIsAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	gate := &slow{Hooks: w.hooks, meanwhile: func() { w.revise(`{"spec":{"suspend":true}}`) }}
	w.options.Hooks = gate
	w.restart()
	w.rollOut(testkit.Steps(50), testkit.Webhook(v1beta1.HookConfirmPromotion, "end"))
	w.push("app:2")
	w.untilSo("the gate was asked", func() bool { return gate.meanwhile == nil && len(w.hooks.Calls()) > 0 })
	w.rest()
	expect(t, "What was decided under the old spec is not done.", []string{"app:1"}, w.seen.primaries)
	expect(t, "The traffic stays as it is.", []string{"0", "50"}, w.seen.weights)

	w.revise(`{"spec":{"suspend":false}}`)
	w.until(v1beta1.PhaseSucceeded)
	expect(t, "The gate is asked again, and the run goes on.", []string{"app:1", "app:2"}, w.seen.primaries)
}
