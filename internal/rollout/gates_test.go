package rollout

import (
	"testing"

	"flagger.app/flagger/api/v1beta1"
)

func TestPreRollout(t *testing.T) {
	const kind = string(v1beta1.HookPreRollout)
	starting := normal(ReasonAnalysisStarted, "Starting canary analysis for podinfo.test")
	two := hooks(v1beta1.HookPreRollout, v1beta1.HookPreRollout)
	runRows(t, map[string]row{
		"IsAskedBeforeTheFirstUser": {
			reason: "Acceptance tests come before traffic.",
			in:     observe(beginning(), hooks(v1beta1.HookPreRollout), metrics("errors")),
			want:   decided(asked(hookQuestion(0, inRun))),
		},
		"LetsTheFirstStepPassWithoutMetrics": {
			reason: "There is nothing to measure before the first request.",
			in:     observe(beginning(), hooks(v1beta1.HookPreRollout), metrics("errors"), told(0, inRun, Pass, "")),
			want: decided(counts(20, 0, 0), ticked(), did(Route{Traffic: Split(20)}), said(starting,
				normal(ReasonGatePassed, "Pre-rollout check pre-rollout passed"),
				normal(ReasonWeightAdvanced, "Advance podinfo.test canary weight 20"))),
		},
		"CountsAFailure": {
			reason: "A failed acceptance test is a failed check.",
			in:     observe(beginning(), hooks(v1beta1.HookPreRollout), told(0, inRun, Fail, "404 page not found")),
			want: decided(counts(0, 0, 1), ticked(), said(starting,
				warning(ReasonHookFailed, "Halt podinfo.test advancement pre-rollout check pre-rollout failed 404 page not found"))),
		},
		"AnnouncesTheAnalysisOnce": {
			reason: "The second try is not another start.",
			in:     observe(progressingAt(0), failedChecks(1), hooks(v1beta1.HookPreRollout), told(0, inRun, Fail, "404")),
			want: decided(counts(0, 0, 2), ticked(),
				said(warning(ReasonHookFailed, "Halt podinfo.test advancement pre-rollout check pre-rollout failed 404"))),
		},
		"IsNotCalledAgainOncePassed": {
			reason: "A load test that passed need not run again because the one after it did not.",
			in: observe(progressingAt(0), two, checked(kind, kind, Pass), func(in *Observation) {
				in.Plan.Hooks[1].Name = "second"
			}),
			want: decided(asked(hookQuestion(1, inRun))),
		},
		"IsOwedToARunThatBeganWithUsers": {
			reason: "A fix that had to take over all users from its first moment is not promoted past its gate.",
			in: observe(progressingAt(100), primaryStuck(0), hooks(v1beta1.HookPreRollout), checked(kind, kind, NoData),
				told(0, inRun, Fail, "smoke test failed")),
			want: decided(counts(100, 0, 1), ticked(),
				said(warning(ReasonHookFailed, "Halt podinfo.test advancement pre-rollout check pre-rollout failed smoke test failed"))),
		},
		"IsFollowedByTheChecksWhereThereAreUsers": {
			reason: "Under traffic there is something to measure: gate and metrics must both pass.",
			in: observe(progressingAt(100), primaryStuck(0), hooks(v1beta1.HookPreRollout), metrics("errors"),
				checked(kind, kind, NoData), told(0, inRun, Pass, "")),
			want: decided(asked(metricQuestion(0))),
		},
	})
}

func TestConfirmTrafficIncrease(t *testing.T) {
	const kind = string(v1beta1.HookConfirmTrafficIncrease)
	gate := hooks(v1beta1.HookConfirmTrafficIncrease)
	closed := warning(ReasonGateClosed, "Halt podinfo.test advancement waiting for traffic increase approval "+kind)
	passed := normal(ReasonGatePassed, "Confirm-traffic-increase check "+kind+" passed")
	runRows(t, map[string]row{
		"ComesAfterTheChecks": {
			reason: "Nobody is asked to approve what the metrics reject.",
			in:     observe(progressingAt(20), gate, metrics("errors")),
			want:   decided(asked(metricQuestion(0))),
		},
		"HoldsTheWeight": {
			reason: "A closed gate is no failed check.",
			in:     observe(progressingAt(20), gate, told(0, inRun, Fail, "closed")),
			want:   decided(ticked(), said(closed)),
		},
		"IsToldOnce": {
			reason: "One warning for one closed gate.",
			in:     observe(progressingAt(20), gate, checked(kind, kind, Fail), told(0, inRun, Fail, "closed")),
			want:   decided(ticked()),
		},
		"IsToldOnceThoughItCannotBeReached": {
			reason: "A gate that does not answer is closed; it is the same news.",
			in:     observe(progressingAt(20), gate, checked(kind, kind, ProviderError), told(0, inRun, Fail, "closed")),
			want:   decided(ticked()),
		},
		"IsToldAgainWhenItClosesAgain": {
			reason: "It was open in between, so this is news.",
			in:     observe(progressingAt(20), gate, checked(kind, kind, Pass), told(0, inRun, Fail, "closed")),
			want:   decided(ticked(), said(closed)),
		},
		"Opens": {
			reason: "The contract tells every passing.",
			in:     observe(progressingAt(20), gate, checked(kind, kind, Fail), told(0, inRun, Pass, "")),
			want: decided(counts(40, 0, 0), ticked(), did(Route{Traffic: Split(40)}),
				said(passed, normal(ReasonWeightAdvanced, "Advance podinfo.test canary weight 40"))),
		},
		"IsAskedOnceMoreBeforeThePromotion": {
			reason: "Promotion is the largest increase of all.",
			in:     observe(progressingAt(60), gate),
			want:   decided(asked(hookQuestion(0, inRun))),
		},
		"IsNotAskedWhileThePromotionWaits": {
			reason: "It has been passed; only the promotion is in question.",
			in:     observe(at(v1beta1.PhaseWaitingPromotion, 60), gate),
			want: decided(enters(v1beta1.PhasePromoting), ticked(), did(Promote{Revision: revB}),
				said(normal(ReasonPromoting, "Copying podinfo.test template spec to podinfo-primary.test"))),
		},
	})
}

func TestConfirmPromotion(t *testing.T) {
	const kind = string(v1beta1.HookConfirmPromotion)
	gate := hooks(v1beta1.HookConfirmPromotion)
	runRows(t, map[string]row{
		"HoldsThePromotionAndKeepsTheWeight": {
			reason: "Users stay where they are, and the status says so (flaw B8).",
			in:     observe(progressingAt(60), gate, told(0, inRun, Fail, "closed")),
			want: decided(enters(v1beta1.PhaseWaitingPromotion), ticked(),
				said(warning(ReasonGateClosed, "Halt podinfo.test advancement waiting for promotion approval "+kind))),
		},
		"StaysSilentWhileClosed": {
			reason: "One warning for one closed gate.",
			in:     observe(at(v1beta1.PhaseWaitingPromotion, 60), gate, told(0, inRun, Fail, "closed")),
			want:   decided(ticked()),
		},
		"AnalysesOnWhileItIsClosed": {
			reason: "A canary that goes bad while it waits for approval still goes back.",
			in:     observe(at(v1beta1.PhaseWaitingPromotion, 60), gate, metrics("errors"), measured(0, Fail, "Halt podinfo.test advancement errors 7.00 > 5")),
			want: decided(counts(60, 0, 1), ticked(),
				said(warning(ReasonMetricFailed, "Halt podinfo.test advancement errors 7.00 > 5"))),
		},
		"Opens": {
			reason: "Approved: the copy follows at once.",
			in:     observe(at(v1beta1.PhaseWaitingPromotion, 60), gate, told(0, inRun, Pass, "")),
			want: decided(enters(v1beta1.PhasePromoting), ticked(), did(Promote{Revision: revB}),
				said(normal(ReasonGatePassed, "Confirm-promotion check "+kind+" passed"),
					normal(ReasonPromoting, "Copying podinfo.test template spec to podinfo-primary.test"))),
		},
		"GoesOnWithStepsThatWereAdded": {
			reason: "A mended spec with one more step is analysed there first.",
			in: observe(at(v1beta1.PhaseWaitingPromotion, 60), gate, plan(func(p *Plan) {
				p.Steps = []Weight{20, 40, 60, 80}
			})),
			want: decided(enters(inRun), counts(80, 0, 0), ticked(), did(Route{Traffic: Split(80)}),
				said(normal(ReasonWeightAdvanced, "Advance podinfo.test canary weight 80"))),
		},
	})
}
