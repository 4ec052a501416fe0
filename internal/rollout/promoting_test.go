package rollout

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/api/v1beta1"
)

func TestPromoting(t *testing.T) {
	toPrimary := decided(enters(v1beta1.PhaseFinalising), counts(0, 0, 0), did(Route{Traffic: ToPrimary()}), wakes(10*time.Second),
		said(normal(ReasonTrafficSwitched, "Routing all traffic to primary")))
	inSteps := plan(func(p *Plan) { p.PromotionStep = 25 })
	runRows(t, map[string]row{
		"WaitsForThePrimary": {
			reason: "Users go back only to pods that run what was analysed.",
			in:     observe(promotingAt(60), primaryStarting(1)),
			want:   decided(said(warning(ReasonNotReady, primaryWait))),
		},
		"SwitchesAllTraffic": {
			reason: "The primary is ready: everybody goes back, without waiting for a tick.",
			in:     observe(promotingAt(60)),
			want:   toPrimary,
		},
		"SwitchesAfterAnABTest": {
			reason: "The requests that match go back too.",
			in:     observe(promotingAt(0), strategy(ABTest, 2), iterated(2), drifted(ToCanary())),
			want:   toPrimary,
		},
		"HasNothingToSwitch": {
			reason: "Without a routing object, or with the route at the primary already, nobody needs to move (flaw B1).",
			in:     observe(promotingAt(0), unrouted()),
			want:   decided(enters(v1beta1.PhaseFinalising)),
		},
		"ShiftsAStep": {
			reason: "stepWeightPromotion moves a share per interval.",
			in:     observe(promotingAt(60), inSteps),
			want: decided(counts(35, 0, 0), did(Route{Traffic: Split(35)}), wakes(30*time.Second),
				said(normal(ReasonWeightAdvanced, "Advance podinfo.test primary weight 65"))),
		},
		"WaitsBetweenSteps": {
			reason: "At most one step per interval (I4).",
			in:     observe(promotingAt(60), inSteps, func(in *Observation) { in.Status.LastRouteTime = ago(20 * time.Second) }),
			want:   decided(wakes(10 * time.Second)),
		},
		"ShiftsTheLastStep": {
			reason: "The last step ends the promotion; only the drain is left.",
			in:     observe(promotingAt(10), inSteps),
			want: decided(enters(v1beta1.PhaseFinalising), counts(0, 0, 0), did(Route{Traffic: ToPrimary()}), wakes(10*time.Second),
				said(normal(ReasonWeightAdvanced, "Advance podinfo.test primary weight 100"))),
		},
		"TakesUsersOffAnUnanalysedRevision": {
			reason: "C runs on the canary already; nobody stays there for the sake of steps (flaw A7).",
			in:     observe(promotingAt(60), inSteps, pushed(revC)),
			want:   toPrimary,
		},
		"CopiesAgainWhatWasUndone": {
			reason: "Somebody put another template on the primary; the target still carries what was analysed.",
			in:     observe(promotingAt(60), primaryAt(revA)),
			want:   decided(did(Promote{Revision: revB})),
		},
		"RestartsWhenNobodyCarriesWhatWasAnalysed": {
			reason: "B is on neither side any more, so nothing that was analysed can be promoted (I3).",
			in:     observe(promotingAt(60), primaryAt(revA), pushed(revC)),
			want: decided(enters(inRun), applied(revC), counts(0, 0, 0), did(Route{Traffic: ToPrimary()}, ScaleCanary{Direction: Up}),
				said(normal(ReasonRestarted, "New revision detected! Restarting analysis for podinfo.test"))),
		},
		"ParksUsersOnTheCanary": {
			reason: "The primary will not become ready; the canary is healthy and runs what users were to get.",
			in:     observe(promotingAt(60), primaryStuck(1), hooks(v1beta1.HookPostRollout)),
			want: decided(enters(v1beta1.PhaseFailed), counts(100, 0, 0), did(Route{Traffic: ToCanary()}),
				ended(RolledBack, []Question{hookQuestion(0, v1beta1.PhaseFailed)}),
				said(warning(ReasonNotReady, primaryEnd),
					warning(ReasonPromotionFailed, "Promotion of podinfo.test failed, primary not ready: "+primaryEnd))),
		},
		"ParksNobodyOnAnUnreadyCanary": {
			reason: "With no healthy side users stay where they are (I1).",
			in:     observe(promotingAt(60), primaryStuck(1), starting()),
			want:   decided(said(warning(ReasonNotReady, primaryEnd))),
		},
		"ParksNobodyWithoutARoutingObject": {
			reason: "Nothing is claimed that did not happen (flaw A5): the run fails, the apex Service keeps the primary.",
			in:     observe(promotingAt(0), unrouted(), primaryStuck(1)),
			want: decided(enters(v1beta1.PhaseFailed), ended(RolledBack, nil),
				said(warning(ReasonNotReady, primaryEnd),
					warning(ReasonPromotionFailed, "Promotion of podinfo.test failed, primary not ready: "+primaryEnd))),
		},
	})
}

func TestSkipAnalysis(t *testing.T) {
	skip := plan(func(p *Plan) { p.SkipAnalysis = true })
	copying := said(normal(ReasonPromoting, "Copying podinfo.test template spec to podinfo-primary.test"))
	runRows(t, map[string]row{
		"CopiesOnceTheCanaryIsReady": {
			reason: "No tick, no hook, no metric: readiness is all that is waited for.",
			in:     observe(beginning(), skip, hooks(v1beta1.HookPreRollout), metrics("errors")),
			want:   decided(enters(v1beta1.PhasePromoting), ticked(), did(Promote{Revision: revB}), copying),
		},
		"BringsUsersBackFirst": {
			reason: "Switched on in the middle of a run, nobody stays on an unanalysed canary.",
			in:     observe(progressingAt(40), skip, analysedAgo(time.Second)),
			want: decided(enters(v1beta1.PhasePromoting), counts(0, 0, 0), ticked(),
				did(Route{Traffic: ToPrimary()}, Promote{Revision: revB}), copying),
		},
		"LeavesUsersWhereThePrimaryCannotServe": {
			reason: "The fix for a broken primary must not wait for the broken primary (I9).",
			in:     observe(progressingAt(100), skip, primaryStuck(0)),
			want:   decided(enters(v1beta1.PhasePromoting), ticked(), did(Promote{Revision: revB}), copying),
		},
		"SaysThatNothingWasAnalysed": {
			reason: "The last event is honest.",
			in:     observe(finalisingSince(10*time.Second), skip),
			want: decided(enters(v1beta1.PhaseSucceeded), promoted(revB), did(ScaleCanary{Direction: Down}),
				ended(Skipped, nil, normal(ReasonPromoted, "Promotion completed! Canary analysis was skipped for podinfo.test"))),
		},
	})
}

func TestFinalising(t *testing.T) {
	completed := normal(ReasonPromoted, "Promotion completed! Scaling down podinfo.test")
	runRows(t, map[string]row{
		"LetsRequestsEnd": {
			reason: "Traffic has left; requests under way have not.",
			in:     observe(finalisingSince(4 * time.Second)),
			want:   decided(wakes(6 * time.Second)),
		},
		"StopsThePods": {
			reason: "Drained: the canary goes to zero and the revision counts as promoted.",
			in:     observe(finalisingSince(10*time.Second), hooks(v1beta1.HookPostRollout)),
			want: decided(enters(v1beta1.PhaseSucceeded), promoted(revB), did(ScaleCanary{Direction: Down}),
				ended(Promoted, []Question{hookQuestion(0, v1beta1.PhaseSucceeded)}, completed)),
		},
		"DrainsAgainWhomSomebodySentBack": {
			reason: "Drift in the last second sends users to pods that are about to go; the drain begins anew.",
			in:     observe(finalisingSince(10*time.Second), drifted(Split(30))),
			want:   decided(did(Route{Traffic: ToPrimary()}), wakes(10*time.Second)),
		},
		"DrainsAgainAfterASuspension": {
			reason: "While the canary was suspended nobody watched where users went.",
			in:     observe(finalisingSince(time.Hour), condition(v1beta1.ReconcilingCondition, ReasonSuspended)),
			want:   decided(wakes(10 * time.Second)),
		},
		"WaitsForThePrimary": {
			reason: "As long as the primary is shaky, the canary is the only spare (I9).",
			in:     observe(finalisingSince(10*time.Second), primaryStarting(1)),
			want:   decided(said(warning(ReasonNotReady, primaryWait))),
		},
		"PromotesAgainWhatWasUndone": {
			reason: "Somebody deleted the primary, and it was made anew as A while the target was back at A; now that carries B again.",
			in:     observe(finalisingSince(time.Hour), primaryAt(revA)),
			want:   decided(enters(v1beta1.PhasePromoting)),
		},
		"RestartsWhenNobodyCarriesWhatWasAnalysed": {
			reason: "The same, but the target carries C: B cannot be recorded as promoted (I5).",
			in:     observe(finalisingSince(time.Hour), primaryAt(revA), pushed(revC)),
			want: decided(enters(inRun), applied(revC), did(ScaleCanary{Direction: Up}),
				said(normal(ReasonRestarted, "New revision detected! Restarting analysis for podinfo.test"))),
		},
		"GoesBackToTheCanary": {
			reason: "The primary broke down after all, and the canary still runs.",
			in:     observe(finalisingSince(4*time.Second), primaryStuck(0)),
			want: decided(enters(v1beta1.PhaseFailed), counts(100, 0, 0), did(Route{Traffic: ToCanary()}), ended(RolledBack, nil),
				said(warning(ReasonNotReady, primaryEnd),
					warning(ReasonPromotionFailed, "Promotion of podinfo.test failed, primary not ready: "+primaryEnd))),
		},
		"EndsACancelledRunQuietly": {
			reason: "Nothing was promoted, so nothing is said to be.",
			in: observe(finalisingSince(10*time.Second), pushed(revA), primaryAt(revA), func(in *Observation) {
				in.Status.LastAppliedSpec, in.Status.LastAnalysisTime = revA, nil
			}),
			want: decided(enters(v1beta1.PhaseSucceeded), did(ScaleCanary{Direction: Down})),
		},
		"PromotesAConfigAlone": {
			reason: "A run for nothing but a config looks like a cancelled one, but was analysed and promoted.",
			in: observe(finalisingSince(10*time.Second), pushed(revA), primaryAt(revA), func(in *Observation) {
				in.Status.LastAppliedSpec = revA
			}),
			want: decided(enters(v1beta1.PhaseSucceeded), did(ScaleCanary{Direction: Down}), ended(Promoted, nil, completed)),
		},
		"LetsAFixPassACancelledRun": {
			reason: "A cancelled run that waits for a stuck primary must not keep out what heals it (I9).",
			in: observe(finalisingSince(time.Hour), pushed(revC), primaryAt(revA), primaryStuck(0), func(in *Observation) {
				in.Status.LastAppliedSpec, in.Status.LastAnalysisTime = revA, nil
			}),
			want: decided(enters(inRun), applied(revC), did(ScaleCanary{Direction: Up}),
				said(normal(ReasonRestarted, "New revision detected! Restarting analysis for podinfo.test"))),
		},
		"PromotesFirstWhatWasAnalysed": {
			reason: "C waits a moment: B is recorded as promoted, then C starts its run from rest.",
			in:     observe(finalisingSince(10*time.Second), pushed(revC)),
			want: decided(enters(v1beta1.PhaseSucceeded), promoted(revB), did(ScaleCanary{Direction: Down}),
				ended(Promoted, nil, completed)),
		},
	})
}

// TestEventPhases: event hooks are told the phase that the canary was in, but for events that announce the next.
func TestEventPhases(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		in     Observation
		want   []v1beta1.CanaryPhase
	}{
		"NewRevision":    {"Announces the run.", observe(pushed(revB)), []v1beta1.CanaryPhase{inRun}},
		"Step":           {"Happens in the run.", observe(progressingAt(20)), []v1beta1.CanaryPhase{inRun}},
		"Copying":        {"Still belongs to the run.", observe(progressingAt(60)), []v1beta1.CanaryPhase{inRun}},
		"ToPrimary":      {"Belongs to the promotion.", observe(promotingAt(60)), []v1beta1.CanaryPhase{v1beta1.PhasePromoting}},
		"RollBack":       {"Causes belong to the run, the failure to its end.", observe(progressingAt(20), stuck()), []v1beta1.CanaryPhase{inRun, v1beta1.PhaseFailed}},
		"Initialization": {"Is done.", observe(moved(time.Minute)), []v1beta1.CanaryPhase{v1beta1.PhaseInitialized}},
		"FirstWords": {
			"A canary without a phase is being initialised.",
			observe(copied(), primaryStarting(0), func(in *Observation) { in.Status.Phase = "" }),
			[]v1beta1.CanaryPhase{v1beta1.PhaseInitializing},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []v1beta1.CanaryPhase
			for _, event := range Decide(test.in).Events {
				got = append(got, event.Phase)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", test.reason, diff)
			}
		})
	}
}
