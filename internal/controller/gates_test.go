package controller

import (
	"errors"
	"testing"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
)

var errNotYet = errors.New("not yet")

func TestGates(t *testing.T) {
	tests := map[string]struct {
		reason string
		kind   v1beta1.HookType
		// held is what the story looks like while the gate is closed.
		phase  v1beta1.CanaryPhase
		weight int
		said   string
		// opened is said when it opens.
		opened string
	}{
		"ConfirmRollout": {
			reason: "Nothing of a new revision starts before somebody agrees.",
			kind:   v1beta1.HookConfirmRollout, phase: v1beta1.PhaseWaiting,
			said:   "Warning GateClosed Halt web.ns advancement waiting for approval gate",
			opened: "Normal GatePassed Confirm-rollout check gate passed",
		},
		"ConfirmTrafficIncrease": {
			reason: "No user more meets the canary before somebody agrees, and that counts no failed check.",
			kind:   v1beta1.HookConfirmTrafficIncrease, phase: v1beta1.PhaseProgressing,
			said:   "Warning GateClosed Halt web.ns advancement waiting for traffic increase approval gate",
			opened: "Normal GatePassed Confirm-traffic-increase check gate passed",
		},
		"ConfirmPromotion": {
			reason: "The primary is not touched before somebody agrees, and users stay where they are.",
			kind:   v1beta1.HookConfirmPromotion, phase: v1beta1.PhaseWaitingPromotion, weight: 50,
			said:   "Warning GateClosed Halt web.ns advancement waiting for promotion approval gate",
			opened: "Normal GatePassed Confirm-promotion check gate passed",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.rollOut(testkit.Steps(50), testkit.Webhook(test.kind, "gate"))
			w.hooks.Close("gate", errNotYet)
			w.push("app:2")
			w.untilSo("the gate was asked", func() bool { return len(w.hooks.Calls()) > 0 })
			for range 12 {
				w.step()
			}
			held := w.summary()
			expect(t, test.reason, []any{test.phase, test.weight, 0}, []any{held.phase, held.weight, held.failed})
			expect(t, test.reason, []string{"app:1"}, w.seen.primaries)
			if asked := len(w.hooks.Calls()); asked < 3 {
				t.Errorf("a gate cannot be watched, so it is asked every interval: got %d calls", asked)
			}
			expect(t, "A gate that stays closed is told once.", 1, count(w.events.Events(), w.plain, test.said))
			w.said()
			w.hooks.Open("gate")
			w.until(v1beta1.PhaseSucceeded)
			if got := w.said(); !contains(got, test.opened) {
				t.Errorf("%s\nwant %q, got %q", test.reason, test.opened, got)
			}
			expect(t, test.reason, []string{"0", "50", "0"}, w.seen.weights)
		})
	}
}

func TestHooksAreToldThePhase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(100), testkit.PromotionSteps(50),
		testkit.Webhook(v1beta1.HookConfirmRollout, "start"), testkit.Webhook(v1beta1.HookPreRollout, "smoke"),
		testkit.Webhook(v1beta1.HookConfirmTrafficIncrease, "more"), testkit.Webhook(v1beta1.HookRollout, "load"),
		testkit.Webhook(v1beta1.HookConfirmPromotion, "end"), testkit.Webhook(v1beta1.HookPostRollout, "tell"))
	w.push("app:2")
	w.until(v1beta1.PhaseSucceeded)
	w.rest()
	expect(t, "Every hook is called in its turn, with the phase of the canary.", []testkit.HookCall{
		{Name: "start", Type: v1beta1.HookConfirmRollout, Phase: v1beta1.PhaseInitialized},
		{Name: "smoke", Type: v1beta1.HookPreRollout, Phase: v1beta1.PhaseProgressing},
		{Name: "more", Type: v1beta1.HookConfirmTrafficIncrease, Phase: v1beta1.PhaseProgressing},
		{Name: "load", Type: v1beta1.HookRollout, Phase: v1beta1.PhaseProgressing},
		{Name: "more", Type: v1beta1.HookConfirmTrafficIncrease, Phase: v1beta1.PhaseProgressing},
		{Name: "end", Type: v1beta1.HookConfirmPromotion, Phase: v1beta1.PhaseProgressing},
		{Name: "tell", Type: v1beta1.HookPostRollout, Phase: v1beta1.PhaseSucceeded},
	}, w.hooks.Calls())
	expect(t, "The events are those of the contract's worked trace.", []string{
		"Normal GatePassed Confirm-rollout check start passed",
		"Normal NewRevision New revision detected! Scaling up web.ns",
		"Normal AnalysisStarted Starting canary analysis for web.ns",
		"Normal GatePassed Pre-rollout check smoke passed",
		"Normal GatePassed Confirm-traffic-increase check more passed",
		"Normal WeightAdvanced Advance web.ns canary weight 100",
		"Normal GatePassed Confirm-traffic-increase check more passed",
		"Normal GatePassed Confirm-promotion check end passed",
		"Normal Promoting Copying web.ns template spec to web-primary.ns",
		"Normal WeightAdvanced Advance web.ns primary weight 50",
		"Normal WeightAdvanced Advance web.ns primary weight 100",
		"Normal GatePassed Post-rollout check tell passed",
		"Normal Promoted Promotion completed! Scaling down web.ns",
	}, w.said())
}

func TestFailingHookRollsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(50), testkit.Webhook(v1beta1.HookRollout, "load"), testkit.Webhook(v1beta1.HookPostRollout, "tell"))
	w.push("app:2")
	w.untilWeight("50")
	w.said()
	w.hooks.Close("load", errors.New("too slow"))
	w.hooks.Close("tell", errors.New("nobody home"))
	w.until(v1beta1.PhaseFailed)
	expect(t, "What the hook answered is in the event.", []string{
		"Warning HookFailed Halt web.ns advancement external check load failed too slow",
		"Warning HookFailed Halt web.ns advancement external check load failed too slow",
		"Warning RolledBack Rolling back web.ns failed checks threshold reached 2",
		"Warning RolledBack Canary failed! Scaling down web.ns",
		"Warning HookFailed Post-rollout hook tell failed nobody home",
	}, w.said())
}

func TestRollbackHook(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(20, 50), testkit.Webhook(v1beta1.HookRollback, "panic"))
	w.hooks.Close("panic", errNotYet)
	w.push("app:2")
	w.untilWeight("20")
	w.hooks.Open("panic")
	w.until(v1beta1.PhaseFailed)
	expect(t, "Somebody pulled the cord.", []string{
		"Normal NewRevision New revision detected! Scaling up web.ns",
		"Normal GateClosed Rollback hook panic not signaling a rollback",
		"Normal AnalysisStarted Starting canary analysis for web.ns",
		"Normal WeightAdvanced Advance web.ns canary weight 20",
		"Warning RolledBack Rollback check panic passed",
		"Warning RolledBack Rolling back web.ns manual webhook invoked",
		"Warning RolledBack Canary failed! Scaling down web.ns",
	}, w.said())
}

func TestSuspendFreezesARun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(25, 50), testkit.Metric("errors"))
	w.push("app:2")
	w.untilWeight("25")
	w.said()
	w.checks.Reset()
	w.revise(`{"spec":{"suspend":true}}`)
	w.rest()
	expect(t, "It is said once.", []string{"Normal Suspended skipping canary run as object is suspended"}, w.said())
	w.pipe.sent()
	for range 3 {
		if _, err := w.reconcile("web"); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, "A suspended canary is left alone.", nil, w.pipe.sent())
	expect(t, "A suspended canary is left alone.", nil, w.checks.Calls())
	expect(t, "The traffic stays as it is.", []string{"0", "25"}, w.seen.weights)
	w.revise(`{"spec":{"suspend":false}}`)
	w.until(v1beta1.PhaseSucceeded)
	expect(t, "The run goes on from where it was.", []string{"0", "25", "50", "0"}, w.seen.weights)
}
