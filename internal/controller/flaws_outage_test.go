package controller

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/testkit"
)

// Stories of defects of Flagger that end in an outage, or in a revision that is lost or never analysed. test/compat has
// the list of all.

// failOn pushes an image that fails its metric, and takes the canary to rest.
func (w *world) failOn(image string) {
	w.Helper()
	w.checks.Script("errors", rollout.Answer{Verdict: rollout.Fail, Message: "Halt web.ns advancement errors 7.00 > 1", Value: new(7.0)})
	w.push(image)
	w.until(v1beta1.PhaseFailed)
	w.rest()
	w.forgetPast()
}

// park pushes an image that the target runs and the primary cannot, so that users end on the canary.
func (w *world) park(image string) {
	w.Helper()
	w.push(image)
	w.untilWeight("50")
	w.frozen, w.broken[image] = testkit.App, true // the target's pods are up already, new ones do not come
	w.until(v1beta1.PhaseFailed)
	w.untilWeight("100")
}

// heal lets the primary's pods come up.
func (w *world) heal(image string) {
	w.frozen = ""
	delete(w.broken, image)
	w.settle()
}

// TestAFixOutlivesInterruptedTicks is flaw A1: whatever stops the operator between seeing a fix and starting its run, the
// fix is still news afterwards.
func TestAFixOutlivesInterruptedTicks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(50), testkit.Metric("errors"))
	w.failOn("app:2")
	failed := w.canary().Status.LastAppliedSpec
	w.push("app:3")
	for _, upset := range []struct {
		reason string
		happen func()
	}{
		{"The primary has a change to roll out for a moment.", func() {
			w.edit("web-primary", &appsv1.Deployment{}, `{"spec":{"minReadySeconds":1}}`)
			w.lookOnce() // its controller has not seen the change yet
			w.settle()
		}},
		{"The operator dies before it starts pods.", func() { w.stopBefore("patch Deployment web") }},
		{"The operator dies before it records the run.", func() { w.stopBefore("patch status Canary web") }},
	} {
		upset.happen()
		w.restart()
		expect(t, upset.reason+" A revision is recorded by the write that starts its run.", failed, w.canary().Status.LastAppliedSpec)
	}
	w.until(v1beta1.PhaseSucceeded)
	w.rest()
	expect(t, "The fix had its run.", []string{"app:1", "app:3"}, w.seen.primaries)
}

// TestAFixPassesAPrimaryPastItsDeadline is flaw A2.
func TestAFixPassesAPrimaryPastItsDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(50))
	w.broken["app:1"] = true
	w.settle()
	w.rest()
	w.push("app:2")
	w.until(v1beta1.PhaseSucceeded)
	w.rest()
	expect(t, "Who is broken is the primary, and the revision that heals it is analysed and promoted.", history{
		weights: []string{"0", "50", "0"}, primaries: []string{"app:1", "app:2"}, rolls: w.seen.rolls, replicas: []string{"0", "2", "0"},
	}, w.seen)
	for _, line := range w.said() {
		if line == "Warning RolledBack Canary failed! Scaling down web.ns" {
			t.Error("the fix must not be failed for the state of the primary")
		}
	}
}

// TestParkedUsersStayThroughAFix is flaw A3: at no time is a user sent to the broken primary, or a pod stopped that serves.
func TestParkedUsersStayThroughAFix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(50), testkit.Webhook(v1beta1.HookPreRollout, "smoke"))
	w.park("app:2")
	w.frozen = ""
	w.hooks.Reset()
	w.push("app:3")
	w.until(v1beta1.PhaseSucceeded)
	w.rest()
	expect(t, "Users leave the canary when the primary has the fix, and its pods go after them.", history{
		weights: []string{"0", "50", "100", "0"}, primaries: []string{"app:1", "app:2", "app:3"}, rolls: w.seen.rolls,
		replicas: []string{"0", "2", "0"},
	}, w.seen)
	expect(t, "The fix is promoted past its gate only.",
		[]testkit.HookCall{{Name: "smoke", Type: v1beta1.HookPreRollout, Phase: v1beta1.PhaseProgressing}}, w.hooks.Calls())
}

// TestAHealedPrimaryTakesUsersBeforeTheNextRun is flaw A4: the next revision starts at zero, gates included, although users
// were still on the canary when it came.
func TestAHealedPrimaryTakesUsersBeforeTheNextRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(25, 50), testkit.Webhook(v1beta1.HookPreRollout, "smoke"))
	w.park("app:2")
	w.heal("app:2")
	w.hooks.Reset()
	w.push("app:3")
	w.settle()
	w.until(v1beta1.PhaseSucceeded)
	w.untilSo("the fix is promoted", func() bool { return last(w.seen.primaries) == "app:3" })
	w.until(v1beta1.PhaseSucceeded)
	w.rest()
	expect(t, "No step is left out.", []string{"0", "25", "50", "100", "0", "25", "50", "0"}, w.seen.weights)
	expect(t, "Nor is its gate.",
		[]testkit.HookCall{{Name: "smoke", Type: v1beta1.HookPreRollout, Phase: v1beta1.PhaseProgressing}}, w.hooks.Calls())
}

// TestAPushDuringInitializationIsAnalysed is flaw A8: what is recorded as promoted is what the primary was made from.
func TestAPushDuringInitializationIsAnalysed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.frozen = "web-primary" // its pods take a while
	w.apply(testkit.Deployment("app:1"), testkit.Canary(testkit.Steps(50)))
	w.settle()
	w.untilSo("the primary is made", func() bool { return len(w.seen.primaries) > 0 })
	w.push("app:2")
	w.frozen = ""
	w.settle()
	w.until(v1beta1.PhaseSucceeded)
	w.rest()
	expect(t, "The revision that came in between has a run of its own.", []string{"0", "50", "0"}, w.seen.weights)
	expect(t, "And reaches the primary.", []string{"app:1", "app:2"}, w.seen.primaries)
}

// TestInitializationLeavesTheOnlyHealthyCopy is flaw A9.
func TestInitializationLeavesTheOnlyHealthyCopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(testkit.Service(), testkit.Deployment("app:1"))
	w.settle()
	w.frozen, w.broken["app:1"] = testkit.App, true // new pods do not come up
	w.apply(testkit.Canary())
	w.untilSo("the primary is given up", func() bool { return w.summary().stalled != "" })
	w.linger()
	service := &corev1.Service{}
	w.get(testkit.App, service)
	expect(t, "The target serves, as before.", []any{"web", []string{"2"}, v1beta1.PhaseInitializing},
		[]any{service.Spec.Selector["app"], w.seen.replicas, w.summary().phase})
	w.heal("app:1")
	w.until(v1beta1.PhaseInitialized)
	w.get(testkit.App, service)
	expect(t, "Once the primary runs, it does.", "web-primary", service.Spec.Selector["app"])
}

// TestADeletedPrimaryIsNotMadeFromAFailure is flaw A11: the target carries what failed, so it is no source for a primary.
func TestADeletedPrimaryIsNotMadeFromAFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(50), testkit.Metric("errors"))
	w.failOn("app:2")
	w.seen.primaries = nil
	w.remove(namedDeployment("web-primary"))
	w.rest()
	expect(t, "Rather none than one that has failed.", nil, w.seen.primaries)
	expect(t, "The user is told, for only the user can tell what to run.", []string{
		"Warning Refused web-primary.ns is gone, and web.ns carries a revision that was never promoted",
	}, w.said())
	w.push("app:1")
	w.rest()
	expect(t, "What was promoted is a source again.", []string{"app:1"}, w.seen.primaries)
}

// TestADeletedPrimaryGetsItsSizeBack is the other half of flaw A11.
func TestADeletedPrimaryGetsItsSizeBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut()
	w.remove(namedDeployment("web-primary"))
	w.rest()
	expect(t, "Users of two pods do not fit into one.", int32(2), *w.deployment("web-primary").Spec.Replicas)
}

// TestNothingUndoesTheHandBack is flaw A12: between handing users back and letting the canary go there are the drain and
// any number of wake-ups.
func TestNothingUndoesTheHandBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(testkit.Service(), testkit.HTTPRoute())
	w.rollOut(testkit.RevertOnDeletion(), testkit.Steps(50))
	w.remove(testkit.Canary())
	service, route := &corev1.Service{}, &gatewayv1.HTTPRoute{}
	w.untilSo("users are handed back", func() bool {
		w.get(testkit.App, service)
		return service.Spec.Selector["app"] == testkit.App
	})
	w.linger()
	w.get(testkit.App, route)
	handedBack := []string{service.ResourceVersion, route.ResourceVersion}
	w.revise(`{"spec":{"analysis":{"interval":"20s"}}}`)
	w.lookOnce()
	w.push("app:2")
	w.settle()
	w.lookOnce()
	w.get(testkit.App, service)
	w.get(testkit.App, route)
	expect(t, "Neither is written again.", handedBack, []string{service.ResourceVersion, route.ResourceVersion})
	uid := w.canary().UID
	w.untilSo("the canary is gone", w.gone)
	w.collect(uid)
	w.get(testkit.App, service)
	expect(t, "The primary goes, and nobody was sent back to it.", testkit.App, service.Spec.Selector["app"])
}
