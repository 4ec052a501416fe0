package controller

import (
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/testkit"
)

// eachKind runs a test for each kind of target.
func eachKind(t *testing.T, run func(t *testing.T, kind string)) {
	t.Helper()
	for kind := range subjects {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			run(t, kind)
		})
	}
}

// sizes are those of a target in a run, by kind: what it asks for at rest, in the run, and at rest again.
var sizes = map[string][]string{"Deployment": {"0", "2", "0"}, "DaemonSet": {"0", "3", "0"}, "Service": nil}

func TestKindsAreReleased(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		l := keepWatch(t, kind, testkit.Steps(25, 50), testkit.Metric("errors"))
		l.release(2)
		l.untilWeight("50")
		expect(t, "The primary is as it was while the canary is looked at.", []string{"1"}, l.carried)
		l.until(v1beta1.PhaseSucceeded)
		l.rest()
		l.look()
		expect(t, "No step is left out.", []string{"0", "25", "50", "0"}, l.seen.weights)
		expect(t, "What was analysed is promoted.", []string{"1", "2"}, l.carried)
		expect(t, "The target runs while it is analysed.", sizes[kind], l.seen.replicas)
		if kind != "Service" {
			expect(t, "The primary's pods are exchanged once.", 2, len(l.seen.rolls))
		}
		expect(t, "The same is said of every kind.", []string{
			"Normal NewRevision New revision detected! Scaling up web.ns",
			"Normal AnalysisStarted Starting canary analysis for web.ns",
			"Normal WeightAdvanced Advance web.ns canary weight 25",
			"Normal WeightAdvanced Advance web.ns canary weight 50",
			"Normal Promoting Copying web.ns template spec to web-primary.ns",
			"Normal TrafficSwitched Routing all traffic to primary",
			"Normal Promoted Promotion completed! Scaling down web.ns",
		}, l.said())
		l.idles()
	})
}

func TestKindsAreRolledBack(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		l := keepWatch(t, kind, testkit.Steps(25, 50), testkit.Metric("errors"))
		l.checks.Script("errors", rollout.Answer{Verdict: rollout.Fail, Message: "Halt web.ns advancement errors 7.00 > 1", Value: new(7.0)})
		l.release(2)
		l.until(v1beta1.PhaseFailed)
		l.rest()
		l.look()
		expect(t, "Users are back where they were.", []string{"0", "25", "0"}, l.seen.weights)
		expect(t, "What failed is not promoted.", []string{"1"}, l.carried)
		expect(t, "Its pods go.", sizes[kind], l.seen.replicas)
		expect(t, "The condition says so.", "False Failed", l.summary().ready)

		l.checks.Reset()
		l.release(3)
		l.until(v1beta1.PhaseSucceeded)
		expect(t, "The next version is a release like any other.", []string{"1", "3"}, l.carried)
	})
}

func TestKindsWithPodsThatDoNotStart(t *testing.T) {
	for kind, cause := range map[string]string{
		"Deployment": `canary deployment web.ns not ready: deployment "web" exceeded its progress deadline`,
		"DaemonSet":  "canary damonset web.ns not ready with retryable false: exceeded its progressDeadlineSeconds: 60",
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			l := keepWatch(t, kind, testkit.Steps(25, 50), func(c *v1beta1.Canary) { c.Spec.ProgressDeadlineSeconds = new(v1beta1.Number(60)) })
			l.broken[image(2)] = true
			l.release(2)
			l.until(v1beta1.PhaseFailed)
			l.rest()
			l.look()
			expect(t, "No user meets pods that are not there.", []string{"0"}, l.seen.weights)
			expect(t, "The primary is left alone.", []string{"1"}, l.carried)
			expect(t, "The pods that did not start are stopped.", sizes[kind], l.seen.replicas)
			if said := l.said(); !contains(said, "Warning RolledBack "+cause) {
				t.Errorf("the cause is told in words that users know: got %q", said)
			}
		})
	}
}

func TestDaemonSetWhosePrimaryDoesNotStart(t *testing.T) {
	t.Parallel()
	l := keepWatch(t, "DaemonSet", testkit.Steps(50), testkit.Metric("errors"), func(c *v1beta1.Canary) {
		c.Spec.ProgressDeadlineSeconds = new(v1beta1.Number(60))
	})
	l.release(2)
	l.untilWeight("50")
	l.until(v1beta1.PhasePromoting)
	l.broken[image(2)] = true // the target's pods have started, the primary's do not
	l.frozen = testkit.App
	l.until(v1beta1.PhaseFailed)
	l.rest()
	expect(t, "Users stay with the canary, which can serve.", "100", last(l.seen.weights))
	delete(l.broken, image(2))
	l.frozen = ""
	l.untilSo("users are back on the primary", func() bool { return last(l.seen.weights) == "0" && last(l.seen.replicas) == "0" })
	expect(t, "It was promoted in the end.", []string{"1", "2"}, l.carried)
}

// TestDaemonSetKeepsItsNodes is about the one place of a template that both users and the operator write to.
func TestDaemonSetKeepsItsNodes(t *testing.T) {
	t.Parallel()
	l := &lookout{world: newWorld(t), subject: subjects["DaemonSet"]}
	own := testkit.DaemonSet(image(1))
	own.Spec.Template.Spec.NodeSelector = map[string]string{"disk": "ssd"}
	l.apply(own)
	l.settle()
	l.enroll(testkit.Steps(50), testkit.RevertOnDeletion())
	nodesOf := func(name string) map[string]string {
		d := &appsv1.DaemonSet{}
		l.get(name, d)
		return d.Spec.Template.Spec.NodeSelector
	}
	idle := map[string]string{"disk": "ssd", scaleToZero: "true"}
	expect(t, "A target at rest runs nowhere, and is to run where it ran.", idle, nodesOf("web"))
	expect(t, "The primary runs where the target did.", map[string]string{"disk": "ssd"}, nodesOf("web-primary"))

	l.edit("web", &appsv1.DaemonSet{}, `{"spec":{"template":{"spec":{"nodeSelector":{"disk":"nvme"}}}}}`)
	l.until(v1beta1.PhaseSucceeded)
	l.rest()
	expect(t, "Other nodes are a release.", map[string]string{"disk": "nvme"}, nodesOf("web-primary"))

	replaced := testkit.DaemonSet(image(2))
	replaced.Namespace = l.namespace
	must(t, l.direct.Update(l.ctx, replaced), "replace the target")
	l.settle()
	l.until(v1beta1.PhaseSucceeded)
	l.untilSo("the target is stopped again", func() bool { return podsOf(l.daemonSet("web")) == 0 })
	expect(t, "A tool that writes the whole object starts pods, but no users are sent to them unanalysed.",
		[]string{"0", "50", "0", "50", "0"}, l.seen.weights)
	expect(t, "Nor is the primary touched for that.", []string{"app:1", "app:2"}, l.seen.primaries)

	l.remove(testkit.Canary())
	l.untilSo("the canary is gone", l.gone)
	if len(nodesOf("web")) != 0 {
		t.Errorf("nothing of ours stays on what is the user's: got %v", nodesOf("web"))
	}
}

func (w *world) daemonSet(name string) *appsv1.DaemonSet {
	w.Helper()
	d := &appsv1.DaemonSet{}
	if !w.get(name, d) {
		w.Fatalf("there is no DaemonSet %s", name)
	}
	return d
}

// TestServiceTargetNames is about a Service as the target: it is the apex, whatever spec.service.name says.
func TestServiceTargetNames(t *testing.T) {
	t.Parallel()
	l := &lookout{world: newWorld(t), subject: subjects["Service"]}
	l.apply(versionedService(1))
	l.apply(testkit.Canary(l.targeted, testkit.Steps(50), func(c *v1beta1.Canary) { c.Spec.Service.Name = "shop" }))
	l.until(v1beta1.PhaseInitialized)
	l.rest()
	target := &corev1.Service{}
	l.get("web", target)
	l.release(2)
	l.untilSo("half of the users meet the canary", func() bool { return l.canary().Status.CanaryWeight == 50 })
	versions := func() []string {
		var found []string
		for _, name := range []string{"web", "web-primary", "web-canary"} {
			found = append(found, fmt.Sprint(name, " ", l.see(name).Version))
		}
		return found
	}
	expect(t, "One copy follows the target, the other waits for the promotion.", []string{"web 2", "web-primary 1", "web-canary 2"}, versions())
	expect(t, "Users come to both.", []string{"web-primary 50", "web-canary 50"}, l.backends("shop"))
	l.until(v1beta1.PhaseSucceeded)
	l.rest()
	expect(t, "Then it is promoted.", []string{"web 2", "web-primary 2", "web-canary 2"}, versions())
	expect(t, "And has all users.", []string{"web-primary 100", "web-canary 0"}, l.backends("shop"))
	after := &corev1.Service{}
	l.get("web", after)
	target.Spec.Selector["version"] = "2"
	expect(t, "The target is its user's, who made one change.", target.Spec, after.Spec)
	expect(t, "Nobody else wrote to it.", 1, len(after.ManagedFields))
}

// backends are the Services behind the HTTPRoute of that name with their weights, in the order of the route.
func (w *world) backends(name string) []string {
	w.Helper()
	route := &gatewayv1.HTTPRoute{}
	w.get(name, route)
	return backendsOf(route)
}

// backendsOf lists the backends of a route and their weights.
func backendsOf(route *gatewayv1.HTTPRoute) []string {
	var found []string
	for _, rule := range route.Spec.Rules {
		for _, backend := range rule.BackendRefs {
			found = append(found, fmt.Sprint(backend.Name, " ", *backend.Weight))
		}
	}
	return found
}
