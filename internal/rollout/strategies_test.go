package rollout

import (
	"testing"

	"flagger.app/flagger/api/v1beta1"
)

func TestWeightedWithMirror(t *testing.T) {
	mirrored := plan(func(p *Plan) { p.Mirror = true })
	copies := Traffic{Primary: 100, Mirrored: true}
	runRows(t, map[string]row{
		"MirrorsBeforeTheFirstStep": {
			reason: "Copies whose answers nobody sees come before the first real user.",
			in:     observe(beginning(), mirrored),
			want: decided(ticked(), did(Route{Traffic: copies}),
				said(normal(ReasonAnalysisStarted, "Starting canary analysis for podinfo.test"),
					normal(ReasonWeightAdvanced, "Advance podinfo.test canary weight 0"))),
		},
		"GoesOnAfterTheMirroredStep": {
			reason: "The mirrored step is analysed like any other, then mirroring ends.",
			in:     observe(progressingAt(0), mirrored, drifted(copies)),
			want: decided(counts(20, 0, 0), ticked(), did(Route{Traffic: Split(20)}),
				said(normal(ReasonWeightAdvanced, "Advance podinfo.test canary weight 20"))),
		},
		"RepeatsAMirroredStepThatWasNotRecorded": {
			reason: "After a crash the mirror may be on though the step was never recorded: its analysis would be skipped.",
			in:     observe(beginning(), mirrored, drifted(copies)),
			want: decided(ticked(),
				said(normal(ReasonAnalysisStarted, "Starting canary analysis for podinfo.test"),
					normal(ReasonWeightAdvanced, "Advance podinfo.test canary weight 0"))),
		},
		"AsksNoTrafficGateWhileMirrored": {
			reason: "The gate guards traffic, and the contract leaves it out of the mirrored step.",
			in:     observe(progressingAt(0), mirrored, drifted(copies), hooks(v1beta1.HookConfirmTrafficIncrease)),
			want: decided(counts(20, 0, 0), ticked(), did(Route{Traffic: Split(20)}),
				said(normal(ReasonWeightAdvanced, "Advance podinfo.test canary weight 20"))),
		},
	})
}

func TestABTest(t *testing.T) {
	ab := strategy(ABTest, 2)
	matched := drifted(ToCanary())
	runRows(t, map[string]row{
		"SendsWhatMatches": {
			reason: "The first iteration already sends all requests that match.",
			in:     observe(beginning(), ab),
			want: decided(counts(0, 1, 0), ticked(), did(Route{Traffic: ToCanary()}),
				said(normal(ReasonAnalysisStarted, "Starting canary analysis for podinfo.test"),
					normal(ReasonIterationAdvanced, "Advance podinfo.test canary iteration 1/2"))),
		},
		"Iterates": {
			reason: "One iteration per passed analysis.",
			in:     observe(progressingAt(0), ab, iterated(1), matched),
			want: decided(counts(0, 2, 0), ticked(),
				said(normal(ReasonIterationAdvanced, "Advance podinfo.test canary iteration 2/2"))),
		},
		"Promotes": {
			reason: "After the last iteration was analysed too.",
			in:     observe(progressingAt(0), ab, iterated(2), matched),
			want: decided(enters(v1beta1.PhasePromoting), ticked(), did(Promote{Revision: revB}),
				said(normal(ReasonPromoting, "Copying podinfo.test template spec to podinfo-primary.test"))),
		},
		"PromotesWithFewerIterationsThanDone": {
			reason: "Lowering the number must not strand the run (flaw B4).",
			in:     observe(progressingAt(0), ab, iterated(5), matched),
			want: decided(enters(v1beta1.PhasePromoting), ticked(), did(Promote{Revision: revB}),
				said(normal(ReasonPromoting, "Copying podinfo.test template spec to podinfo-primary.test"))),
		},
		"TakesOverFromWeights": {
			reason: "A strategy switched in the middle goes on with iterations; the old weight must not fight them.",
			in:     observe(progressingAt(40), ab),
			want: decided(counts(0, 1, 0), ticked(), did(Route{Traffic: ToCanary()}),
				said(normal(ReasonIterationAdvanced, "Advance podinfo.test canary iteration 1/2"))),
		},
	})
}

func TestBlueGreen(t *testing.T) {
	bg := strategy(BlueGreen, 2)
	mirror := plan(func(p *Plan) { p.Mirror = true })
	copying := said(normal(ReasonPromoting, "Copying podinfo.test template spec to podinfo-primary.test"))
	runRows(t, map[string]row{
		"TestsAside": {
			reason: "No user meets the canary before it passed every iteration.",
			in:     observe(progressingAt(0), bg, iterated(1)),
			want: decided(counts(0, 2, 0), ticked(),
				said(normal(ReasonIterationAdvanced, "Advance podinfo.test canary iteration 2/2"))),
		},
		"MirrorsAllThrough": {
			reason: "With mirroring the canary is tested with copies of real requests.",
			in:     observe(progressingAt(0), bg, mirror, iterated(1)),
			want: decided(counts(0, 2, 0), ticked(), did(Route{Traffic: Traffic{Primary: 100, Mirrored: true}}),
				said(normal(ReasonIterationAdvanced, "Advance podinfo.test canary iteration 2/2"))),
		},
		"SwitchesAllTraffic": {
			reason: "Then everybody goes to the canary, for one more analysis under real load.",
			in:     observe(progressingAt(0), bg, iterated(2)),
			want: decided(counts(0, 3, 0), ticked(), did(Route{Traffic: ToCanary()}),
				said(normal(ReasonTrafficSwitched, "Routing all traffic to canary"))),
		},
		"StopsMirroringWithTheSwitch": {
			reason: "The contract's own words for the same moment.",
			in:     observe(progressingAt(0), bg, mirror, iterated(2), drifted(Traffic{Primary: 100, Mirrored: true})),
			want: decided(counts(0, 3, 0), ticked(), did(Route{Traffic: ToCanary()}),
				said(normal(ReasonTrafficSwitched, "Stop traffic mirroring and route all traffic to canary"))),
		},
		"SwitchesNothingWithoutARoutingObject": {
			reason: "The kubernetes provider has nothing to switch and says nothing.",
			in:     observe(progressingAt(0), bg, unrouted(), iterated(2)),
			want:   decided(counts(0, 3, 0), ticked()),
		},
		"PromotesAfterTheSwitchWasAnalysed": {
			reason: "The iteration past the last is the one under all traffic.",
			in:     observe(progressingAt(0), bg, iterated(3), drifted(ToCanary())),
			want:   decided(enters(v1beta1.PhasePromoting), ticked(), did(Promote{Revision: revB}), copying),
		},
		"AsksTheGateBeforeTheSwitch": {
			reason: "Confirm-promotion guards users too, not only the copy.",
			in:     observe(progressingAt(0), bg, iterated(2), hooks(v1beta1.HookConfirmPromotion)),
			want:   decided(asked(hookQuestion(0, inRun))),
		},
		"KeepsTrafficWhenTheGateClosesAgain": {
			reason: "A gate that closes between switch and copy holds the run where it is (flaw B9).",
			in: observe(progressingAt(0), bg, iterated(3), drifted(ToCanary()), hooks(v1beta1.HookConfirmPromotion),
				told(0, inRun, Fail, "closed")),
			want: decided(enters(v1beta1.PhaseWaitingPromotion), ticked(),
				said(warning(ReasonGateClosed, "Halt podinfo.test advancement waiting for promotion approval confirm-promotion"))),
		},
		"KeepsUsersThatAFailedPromotionParked": {
			reason: "Sending them back to a primary that cannot serve would be the outage.",
			in:     observe(progressingAt(100), bg, primaryStuck(0)),
			want: decided(counts(100, 1, 0), ticked(),
				said(normal(ReasonIterationAdvanced, "Advance podinfo.test canary iteration 1/2"))),
		},
		"WarnsOfWhatTheProviderCannotDo": {
			reason: "The contract's warnings, at the start of a run.",
			in: observe(beginning(), bg, unrouted(), plan(func(p *Plan) {
				p.Notices = []string{textNoMatch, textNoWeights, textTenIterations}
			})),
			want: decided(counts(0, 1, 0), ticked(),
				said(normal(ReasonAnalysisStarted, "Starting canary analysis for podinfo.test"),
					warning(ReasonProviderLimits, "A/B testing is not supported when using the kubernetes provider"),
					warning(ReasonProviderLimits, "Progressive traffic is not supported when using the kubernetes provider"),
					warning(ReasonProviderLimits, "Setting canaryAnalysis.iterations: 10"),
					normal(ReasonIterationAdvanced, "Advance podinfo.test canary iteration 1/2"))),
		},
	})
}
