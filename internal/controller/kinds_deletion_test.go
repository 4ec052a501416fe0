package controller

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
)

// stages are the points of a release at which something is deleted, by what leads there from a pushed version 2.
var stages = map[string]func(l *lookout){
	"Progressing25": func(l *lookout) { l.untilWeight("25") },
	"Progressing50": func(l *lookout) { l.untilWeight("50") },
	"WaitingPromotion": func(l *lookout) {
		l.hooks.Close("gate", errNotYet)
		l.until(v1beta1.PhaseWaitingPromotion)
	},
	"Promoting":  func(l *lookout) { l.until(v1beta1.PhasePromoting) },
	"Finalising": func(l *lookout) { l.until(v1beta1.PhaseFinalising) },
	"AtRest":     func(l *lookout) { l.until(v1beta1.PhaseSucceeded); l.rest() },
}

// eachStage runs a test for each kind of target at each stage of a release.
func eachStage(t *testing.T, run func(l *lookout), options ...testkit.CanaryOption) {
	t.Helper()
	options = append(options, testkit.Steps(25, 50), testkit.Webhook(v1beta1.HookConfirmPromotion, "gate"))
	for kind := range subjects {
		for stage, reach := range stages {
			t.Run(kind+"/"+stage, func(t *testing.T) {
				t.Parallel()
				l := keepWatch(t, kind, options...)
				l.release(2)
				reach(l)
				l.said()
				run(l)
			})
		}
	}
}

// TestDeletionOfKinds deletes a canary that hands everything back, and makes it anew.
func TestDeletionOfKinds(t *testing.T) {
	eachStage(t, func(l *lookout) {
		canary := l.canary()
		l.remove(testkit.Canary())
		l.untilSo("the canary is gone", l.gone)
		expect(l, "Users of event exporters know these texts.", farewell, l.said())
		l.collect(canary.UID)
		l.look()
		l.isUsers()
		l.hooks.Reset()
		l.enroll(testkit.Steps(50), testkit.RevertOnDeletion())
		expect(l, "The canary that comes next begins with what the target carries.", 2, l.see("web-primary").Version)
	}, testkit.RevertOnDeletion())
}

// isUsers checks that the Service, the HTTPRoute and the target are as their user wrote them.
func (l *lookout) isUsers() {
	l.Helper()
	service, route := &corev1.Service{}, &gatewayv1.HTTPRoute{}
	l.get(testkit.App, service)
	l.get(testkit.App, route)
	expect(l, "The Service leads to the target.", testkit.App, service.Spec.Selector["app"])
	expect(l, "The route leads to the Service.", testkit.App, string(route.Spec.Rules[0].BackendRefs[0].Name))
	expect(l, "And nowhere else.", 1, len(route.Spec.Rules[0].BackendRefs))
	expect(l, "Nothing of ours stays on them.", "", strings.Join(slices.Concat(ours(service.Annotations), ours(route.Annotations)), ","))
	target := l.see(testkit.App)
	expect(l, "The target serves what was pushed last.", 2, target.Version)
	if target.Serves == 0 || target.Serves != target.Asks {
		l.Errorf("the target serves with all of its pods: got %+v", target)
	}
}

// ours are the keys of annotations that speak of us.
func ours(annotations map[string]string) []string {
	var found []string
	for key := range annotations {
		if strings.Contains(key, "flagger") {
			found = append(found, key)
		}
	}
	return found
}

func TestDeletionStartsADaemonSetFirst(t *testing.T) {
	t.Parallel()
	l := keepWatch(t, "DaemonSet", testkit.RevertOnDeletion())
	l.frozen = testkit.App // its pods take their time
	l.remove(testkit.Canary())
	for range 3 {
		l.step()
	}
	l.look()
	expect(t, "Users are not sent to a target that cannot answer.", "web-primary", l.called()[testkit.App])
	expect(t, "What is waited for can be read.", v1beta1.PhaseTerminating, l.canary().Status.Phase)
	l.frozen = ""
	l.untilSo("the canary is gone", l.gone)
	l.look()
	expect(t, "Then they are.", testkit.App, l.called()[testkit.App])
}

// TestDeletionOfKindsWithoutRevert deletes a canary that leaves everything as it is, and makes it anew once the
// garbage collector is done.
func TestDeletionOfKindsWithoutRevert(t *testing.T) {
	eachStage(t, func(l *lookout) {
		canary := l.canary()
		l.remove(testkit.Canary())
		if !l.gone() {
			l.Fatal("nobody asked for a finalizer")
		}
		l.pipe.sent()
		_, err := l.reconcile(testkit.App)
		must(l, err, "reconcile")
		expect(l, "Nothing is asked of us.", nil, l.pipe.sent())
		l.pipe.before = nil // the users are without a primary for a while, as documented
		l.collect(canary.UID)
		expect(l, "The primary is gone.", observed{}, l.see("web-primary"))
		l.hooks.Reset()
		l.enroll(testkit.Steps(50))
		expect(l, "Then it is made anew from the target.", 2, l.see("web-primary").Version)
		expect(l, "And has all users.", []string{"web-primary 100", "web-canary 0"}, l.backends("web"))
	})
}

// TestRecreationBeforeTheGarbageIsCollected makes a canary anew while the objects of the one before are still there.
func TestRecreationBeforeTheGarbageIsCollected(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		l := keepWatch(t, kind, testkit.Steps(50))
		l.release(2)
		l.untilWeight("50")
		before := l.canary()
		l.remove(testkit.Canary())
		l.said()
		l.apply(testkit.Canary(l.targeted, testkit.Steps(50)))
		l.rest()
		expect(t, "What is about to be collected is not taken over, and nobody loses a pod for it.", 1, l.see("web-primary").Version)
		expect(t, "It is said once.", 1, len(l.said()))
		l.pipe.before = nil // the users are without a primary for a while, as documented
		l.collect(before.UID)
		l.until(v1beta1.PhaseInitialized)
		l.rest()
		l.look()
		expect(t, "The primary is the new canary's.", 2, l.see("web-primary").Version)
		l.collect(before.UID)
		l.look()
	})
}

// TestTargetDeleted deletes the target, and applies it again.
func TestTargetDeleted(t *testing.T) {
	eachStage(t, func(l *lookout) {
		phase := l.canary().Status.Phase
		primary := l.see("web-primary")
		l.pipe.before = nil // that a target is gone which has users is its user's doing
		l.remove(l.object(2))
		l.rest()
		said := l.said()
		if len(said) != 1 || !strings.HasPrefix(said[0], "Warning ") || !strings.Contains(said[0], "web.ns") {
			l.Errorf("what is missing is said once, by name: got %q", said)
		}
		expect(l, "The condition says that only the user can help.", "True Refused", l.summary().stalled)
		expect(l, "The run is not lost.", phase, l.canary().Status.Phase)
		expect(l, "The primary is left alone.", primary, l.see("web-primary"))

		l.apply(l.object(2))
		l.settle()
		l.pipe.before = func(string) { l.look() }
		l.hooks.Reset()
		l.until(v1beta1.PhaseSucceeded)
		l.rest()
		l.look()
		expect(l, "Once the target is back, the run goes on to its end.", 2, l.see("web-primary").Version)
		expect(l, "And nothing is wrong any more.", "", l.summary().stalled)
	})
}

func TestCanaryDeletedAfterItsTarget(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		l := keepWatch(t, kind, testkit.Steps(50), testkit.RevertOnDeletion())
		l.release(2)
		l.untilWeight("50")
		l.pipe.before = nil
		l.remove(l.object(2))
		l.rest()
		l.said()
		l.remove(testkit.Canary())
		l.untilSo("the canary is gone", l.gone)
		expect(t, "Without a target there is nobody to hand back to, and nothing to wait for.", farewell, l.said())
	})
}

// TestUsersLeaveATargetThatIsGone is about those who were on the canary when its target was deleted.
func TestUsersLeaveATargetThatIsGone(t *testing.T) {
	for _, kind := range []string{"Deployment", "DaemonSet"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			l := keepWatch(t, kind, testkit.Steps(50))
			l.release(2)
			l.untilWeight("50")
			l.pipe.before = nil
			l.remove(l.object(2))
			l.rest()
			expect(t, "The primary can serve them.", []string{"web-primary 100", "web-canary 0"}, l.backends("web"))
		})
	}
}
