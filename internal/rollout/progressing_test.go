package rollout

import (
	"testing"
	"time"

	"flagger.app/flagger/api/v1beta1"
)

const inRun = v1beta1.PhaseProgressing

func TestProgressing(t *testing.T) {
	const tooSlow = "Halt podinfo.test advancement request duration 2s > 500ms"
	step40 := decided(counts(40, 0, 0), ticked(), did(Route{Traffic: Split(40)}),
		said(normal(ReasonWeightAdvanced, "Advance podinfo.test canary weight 40")))
	runRows(t, map[string]row{
		"TakesNobodyToASickPrimary": {
			reason: "Somebody gave the canary more than the next step; less would go to a primary that is stuck (I9).",
			in:     observe(progressingAt(20), drifted(Split(51)), primaryStuck(1)),
			want: decided(counts(40, 0, 0), ticked(),
				said(normal(ReasonWeightAdvanced, "Advance podinfo.test canary weight 40"))),
		},
		"StartsNoPodsBesideConfigsThatHide": {
			reason: "Nobody could tell what they read.",
			in:     observe(beginning(), scaledToZero(), configs("1", "1"), obstacle),
			want:   decided(said(warning(ReasonObstructed, "configmap app.test is missing")), wakes(obstacleRetry)),
		},
		"StartsThePods": {
			reason: "A target at zero is started again, whoever stopped it; that there are no pods yet is no news.",
			in:     observe(beginning(), scaledToZero()),
			want:   decided(did(ScaleCanary{Direction: Up})),
		},
		"WaitsForThePods": {
			reason: "No traffic to a canary that is not ready (I1); the wake-up is the moment it would be given up.",
			in:     observe(beginning(), starting()),
			want: decided(did(ScaleCanary{Direction: Up}), wakes(40*time.Second),
				said(warning(ReasonNotReady, "canary deployment podinfo.test not ready: waiting for rollout to finish"))),
		},
		"BeginsAtOnce": {
			reason: "The first analysis waits for readiness, not for an interval.",
			in:     observe(beginning()),
			want: decided(counts(20, 0, 0), ticked(), did(Route{Traffic: Split(20)}),
				said(normal(ReasonAnalysisStarted, "Starting canary analysis for podinfo.test"),
					normal(ReasonWeightAdvanced, "Advance podinfo.test canary weight 20"))),
		},
		"WaitsForTheTick": {
			reason: "A wake-up is not a tick: a hundred a minute change nothing.",
			in:     observe(progressingAt(20), analysedAgo(12*time.Second)),
			want:   decided(wakes(18 * time.Second)),
		},
		"RepairsDriftToTheWeightInStatus": {
			reason: "The status is the plan; drift restarts nothing and is not repaired to 100/0.",
			in:     observe(progressingAt(20), analysedAgo(12*time.Second), drifted(ToPrimary())),
			want:   decided(did(Route{Traffic: Split(20)}), wakes(18*time.Second)),
		},
		"LeavesDriftWhileTheCanaryIsNotReady": {
			reason: "Repairing towards pods that cannot answer would break I1.",
			in:     observe(progressingAt(20), starting(), drifted(ToPrimary())),
			want: decided(did(ScaleCanary{Direction: Up}), wakes(40*time.Second),
				said(warning(ReasonNotReady, "canary deployment podinfo.test not ready: waiting for rollout to finish"))),
		},
		"WaitsForThePrimaryToo": {
			reason: "A check says nothing while half of the comparison is missing.",
			in:     observe(progressingAt(20), primaryStarting(1)),
			want:   decided(said(warning(ReasonNotReady, primaryWait))),
		},
		"GoesOnPastAStuckPrimary": {
			reason: "A primary that will not heal is no reason to reject what may heal it (I9).",
			in:     observe(progressingAt(20), primaryStuck(0)),
			want:   step40,
		},
		"WaitsForTheDataPlane": {
			reason: "Measuring before the gateway has the weights would measure the step before.",
			in: observe(progressingAt(20), accepted(Unconfirmed, "not confirmed"), func(in *Observation) {
				in.Status.LastRouteTime = ago(31 * time.Second)
			}),
			want: decided(wakes(29 * time.Second)),
		},
		"LeavesTheNextStepToTheAnalysisThatIsDue": {
			reason: "A process died between the route and the status: taking the step back to take it again would be two steps.",
			in: observe(progressingAt(20), drifted(Split(40)), accepted(Unconfirmed, "not confirmed"), func(in *Observation) {
				in.Status.LastRouteTime = ago(31 * time.Second)
			}),
			want: decided(wakes(29 * time.Second)),
		},
		"TakesBackWhatIsNoStep": {
			reason: "Nobody of ours sends half of the users.",
			in: observe(progressingAt(20), drifted(Split(50)), accepted(Unconfirmed, "not confirmed"), func(in *Observation) {
				in.Status.LastRouteTime = ago(31 * time.Second)
			}),
			want: decided(did(Route{Traffic: Split(20)}), wakes(29*time.Second)),
		},
		"DoesNotWaitForADataPlaneThatWasNeverAsked": {
			reason: "Where we have changed nothing there is nothing to confirm; waiting for it would never end.",
			in: observe(progressingAt(20), accepted(Unconfirmed, "not confirmed"), func(in *Observation) {
				in.Status.LastRouteTime = nil
			}),
			want: step40,
		},
		"SaysThatTheDataPlaneRefuses": {
			reason: "Users must be told why the rollout stands still.",
			in:     observe(progressingAt(20), accepted(Refused, "HTTPRoute podinfo.test is refused")),
			want:   decided(said(warning(ReasonRouteNotTaken, "HTTPRoute podinfo.test is refused")), wakes(time.Minute)),
		},
		"AdvancesWithoutMetrics": {
			reason: "Nothing to ask: a step per interval.",
			in:     observe(progressingAt(20)),
			want:   step40,
		},
		"AsksHooksBeforeMetrics": {
			reason: "Load tests come first; metrics are read under their load.",
			in:     observe(progressingAt(20), hooks(v1beta1.HookRollout), metrics("latency")),
			want:   decided(asked(hookQuestion(0, inRun))),
		},
		"AsksAllMetricsAtOnce": {
			reason: "Queries of one tick do not wait for each other.",
			in: observe(progressingAt(20), hooks(v1beta1.HookRollout), metrics("latency", "errors"),
				told(0, inRun, Pass, "")),
			want: decided(asked(metricQuestion(0), metricQuestion(1))),
		},
		"AsksNoMetricAfterAFailedHook": {
			reason: "The tick has failed already; a query would cost for nothing.",
			in: observe(progressingAt(20), hooks(v1beta1.HookRollout), metrics("latency"),
				told(0, inRun, Fail, "load test failed")),
			want: decided(counts(20, 0, 1), ticked(),
				said(warning(ReasonHookFailed, "Halt podinfo.test advancement external check rollout failed load test failed"))),
		},
		"AdvancesWhenAllPass": {
			reason: "All checks passed: the next step.",
			in: observe(progressingAt(20), metrics("latency", "errors"),
				measured(0, Pass, ""), measured(1, Pass, "")),
			want: step40,
		},
		"CountsOneFailureATick": {
			reason: "However many metrics fail, the tick fails once, and the first speaks for it.",
			in: observe(progressingAt(20), metrics("latency", "errors"),
				measured(0, Fail, tooSlow), measured(1, Fail, "Halt podinfo.test advancement errors 7.00 > 5")),
			want: decided(counts(20, 0, 1), ticked(), said(warning(ReasonMetricFailed, tooSlow))),
		},
		"CountsNoDataLikeAFailure": {
			reason: "A canary without traffic must not be promoted; the walkthroughs show it counted.",
			in: observe(progressingAt(20), metrics("errors"),
				measured(0, NoData, "Halt advancement no values found for custom metric: errors: no values found")),
			want: decided(counts(20, 0, 1), ticked(),
				said(warning(ReasonMetricFailed, "Halt advancement no values found for custom metric: errors: no values found"))),
		},
		"HoldsWhileAProviderIsOut": {
			reason: "An outage of the metrics alone never rolls back and never promotes (I8).",
			in:     observe(progressingAt(20), metrics("errors"), measured(0, ProviderError, "Metric query failed for errors: refused")),
			want:   decided(ticked(), said(warning(ReasonProviderUnavailable, "Metric query failed for errors: refused"))),
		},
		"SaysOnceThatAProviderIsOut": {
			reason: "One warning for one outage.",
			in: observe(progressingAt(20), metrics("errors"), checked(kindMetric, "errors", ProviderError),
				measured(0, ProviderError, "Metric query failed for errors: refused")),
			want: decided(ticked()),
		},
		"CountsAnOutageIfAskedTo": {
			reason: "onProviderError: fail restores Flagger's counting.",
			in: observe(progressingAt(20), metrics("errors"), plan(func(p *Plan) { p.CountProviderErrors = true }),
				measured(0, ProviderError, "Metric query failed for errors: refused")),
			want: decided(counts(20, 0, 1), ticked(), said(warning(ReasonMetricFailed, "Metric query failed for errors: refused"))),
		},
		"SeesAFailureBesideAnOutage": {
			reason: "One provider's outage must not hide that another one sees users suffer.",
			in: observe(progressingAt(20), metrics("errors", "latency"),
				measured(0, ProviderError, "Metric query failed for errors: refused"), measured(1, Fail, tooSlow)),
			want: decided(counts(20, 0, 1), ticked(), said(warning(ReasonMetricFailed, tooSlow))),
		},
		"CopiesAfterTheLastStep": {
			reason: "60 is past the maximum of 50 and was analysed: B goes to the primary.",
			in:     observe(progressingAt(60)),
			want: decided(enters(v1beta1.PhasePromoting), ticked(), did(Promote{Revision: revB}),
				said(normal(ReasonPromoting, "Copying podinfo.test template spec to podinfo-primary.test"))),
		},
		"PromotesTheConfigsThatWereAnalysed": {
			reason: "What is promoted is what was analysed, configs included (I3).",
			in:     observe(progressingAt(60), configs("1", "1")),
			want: decided(enters(v1beta1.PhasePromoting), ticked(),
				did(Promote{Revision: revB, Configs: Fingerprint(map[string]string{"configmap/app": "1"})}),
				said(normal(ReasonPromoting, "Copying podinfo.test template spec to podinfo-primary.test"))),
		},
		"FindsItsPlaceInEditedSteps": {
			reason: "A weight that is no step any more goes on to the next above it, not to 100 (flaw B3).",
			in:     observe(progressingAt(25)),
			want:   step40,
		},
	})
}

func TestProgressingIsInterrupted(t *testing.T) {
	restarted := said(normal(ReasonRestarted, "New revision detected! Restarting analysis for podinfo.test"))
	cancelled := said(normal(ReasonCancelled, "Analysis cancelled! podinfo.test is back at the promoted revision"))
	for _, phase := range []v1beta1.CanaryPhase{v1beta1.PhaseProgressing, v1beta1.PhaseWaitingPromotion} {
		t.Run(string(phase), func(t *testing.T) {
			runRows(t, map[string]row{
				"RestartsOnANewRevision": {
					reason: "C was not analysed; its users leave at once and its run begins at zero, without waiting for a tick.",
					in:     observe(at(phase, 40), pushed(revC), analysedAgo(time.Second), failedChecks(1)),
					want: decided(enters(inRun), applied(revC), counts(0, 0, 0), restarted,
						did(Route{Traffic: ToPrimary()}, ScaleCanary{Direction: Up})),
				},
				"RestartsOnANewConfig": {
					reason: "What was measured was measured with another config, and its pods have read that one: they are not kept.",
					in:     observe(at(phase, 40), configs("1", "2")),
					want:   decided(enters(inRun), counts(0, 0, 0), restarted, did(Route{Traffic: ToPrimary()})),
				},
				"RestartsOnceThePrimaryCanTakeItsUsers": {
					reason: "A restart that leaves users on C would start C at 40 percent; the primary is back in a moment.",
					in:     observe(at(phase, 40), pushed(revC), primaryStarting(1)),
					want:   decided(said(warning(ReasonNotReady, primaryWait))),
				},
				"RestartsInPlaceUnderAStuckPrimary": {
					reason: "There is nowhere to go: users stay, the run begins under their traffic, and its first look is an interval away.",
					in:     observe(at(phase, 40), pushed(revC), primaryStuck(0)),
					want: decided(enters(inRun), applied(revC), counts(40, 0, 0), wakes(30*time.Second), did(ScaleCanary{Direction: Up}),
						said(normal(ReasonRestarted, "New revision detected! Restarting analysis for podinfo.test"),
							normal(ReasonAnalysisStarted, "Starting canary analysis for podinfo.test"))),
				},
				"IsCancelledByAManualRollback": {
					reason: "Reverting the target is how users cancel (flaw B7); the abandoned revision is never recorded as promoted.",
					in:     observe(at(phase, 40), pushed(revA)),
					want: decided(enters(v1beta1.PhaseFinalising), applied(revA), counts(0, 0, 0), cancelled, wakes(10*time.Second),
						did(Route{Traffic: ToPrimary()})),
				},
				"IsCancelledThoughConfigsWentWithTheTemplate": {
					reason: "Configs whose names carry a hash come and go with the template; that is no edit.",
					in: observe(at(phase, 40), pushed(revA), configs("1", "1"), func(in *Observation) {
						in.Configs = map[string]string{"configmap/app-5f": "9"}
					}),
					want: decided(enters(v1beta1.PhaseFinalising), applied(revA), counts(0, 0, 0), cancelled, wakes(10*time.Second),
						did(Route{Traffic: ToPrimary()})),
				},
				"IsNotCancelledWhenAConfigWasEditedToo": {
					reason: "A with an edited config was never seen; taking it for the promoted revision would lose it (I5).",
					in:     observe(at(phase, 40), pushed(revA), configs("1", "2")),
					want:   decided(enters(inRun), applied(revA), counts(0, 0, 0), restarted, did(Route{Traffic: ToPrimary()})),
				},
				"IsNotCancelledWhileThePrimaryCarriesSomethingElse": {
					reason: "After a promotion that failed the primary carries B: pushing A is the fix, not a rollback.",
					in:     observe(at(phase, 100), pushed(revA), primaryAt(revB), primaryStuck(1)),
					want: decided(enters(inRun), applied(revA), counts(100, 0, 0), wakes(30*time.Second), did(ScaleCanary{Direction: Up}),
						said(normal(ReasonRestarted, "New revision detected! Restarting analysis for podinfo.test"),
							normal(ReasonAnalysisStarted, "Starting canary analysis for podinfo.test"))),
				},
				"HoldsACancellationWhileThePrimaryIsDown": {
					reason: "Users do not leave a canary that serves them for a primary that cannot (I9).",
					in:     observe(at(phase, 40), pushed(revA), primaryStarting(0)),
					want:   decided(said(warning(ReasonNotReady, primaryWait))),
				},
			})
		})
	}
}

func TestRollBack(t *testing.T) {
	failed := warning(ReasonRolledBack, "Canary failed! Scaling down podinfo.test")
	runRows(t, map[string]row{
		"RoutesBackBeforeScalingDown": {
			reason: "Traffic leaves the canary before its pods do, or users meet refused connections.",
			in:     observe(progressingAt(40), stuck(), analysedAgo(time.Second)),
			want: decided(enters(v1beta1.PhaseFailed), counts(0, 0, 0), did(Route{Traffic: ToPrimary()}), wakes(10*time.Second),
				ended(RolledBack, nil), said(warning(ReasonRolledBack, observe(stuck()).Target.Reason), failed)),
		},
		"DoesNotWaitForATick": {
			reason: "The threshold is reached with the write that counts the last failure; users leave at once.",
			in:     observe(progressingAt(40), failedChecks(2), analysedAgo(0)),
			want: decided(enters(v1beta1.PhaseFailed), counts(0, 0, 0), did(Route{Traffic: ToPrimary()}), wakes(10*time.Second),
				ended(RolledBack, nil),
				said(warning(ReasonRolledBack, "Rolling back podinfo.test failed checks threshold reached 2"), failed)),
		},
		"CallsThePostRolloutHooks": {
			reason: "They are called once the phase is stored, and told how the run ended.",
			in:     observe(progressingAt(40), failedChecks(2), hooks(v1beta1.HookPostRollout)),
			want: decided(enters(v1beta1.PhaseFailed), counts(0, 0, 0), did(Route{Traffic: ToPrimary()}), wakes(10*time.Second),
				ended(RolledBack, []Question{hookQuestion(0, v1beta1.PhaseFailed)}),
				said(warning(ReasonRolledBack, "Rolling back podinfo.test failed checks threshold reached 2"), failed)),
		},
		"AsksTheRollbackHookAtATick": {
			reason: "A hook cannot be watched; it is polled before the checks.",
			in:     observe(progressingAt(40), hooks(v1beta1.HookRollback), metrics("errors")),
			want:   decided(asked(hookQuestion(0, inRun))),
		},
		"ObeysTheRollbackHook": {
			reason: "Somebody who watches has seen enough.",
			in:     observe(progressingAt(40), hooks(v1beta1.HookRollback), told(0, inRun, Pass, "")),
			want: decided(enters(v1beta1.PhaseFailed), counts(0, 0, 0), did(Route{Traffic: ToPrimary()}), wakes(10*time.Second),
				ended(RolledBack, nil),
				said(warning(ReasonRolledBack, "Rollback check rollback passed"),
					warning(ReasonRolledBack, "Rolling back podinfo.test manual webhook invoked"), failed)),
		},
		"SaysOnceThatNobodyWantsARollback": {
			reason: "The contract's event, but once a run, not once an interval.",
			in: observe(progressingAt(20), hooks(v1beta1.HookRollback), checked("rollback", "rollback", Fail),
				told(0, inRun, Fail, "no")),
			want: decided(counts(40, 0, 0), ticked(), did(Route{Traffic: Split(40)}),
				said(normal(ReasonWeightAdvanced, "Advance podinfo.test canary weight 40"))),
		},
		"StaysWhereNobodyElseCanAnswer": {
			reason: "A primary without a pod gets nobody; a canary that fails its checks still answers (I1).",
			in:     observe(progressingAt(40), failedChecks(2), primaryStarting(0)),
			want:   decided(said(warning(ReasonNotReady, primaryWait))),
		},
		"GoesBackToAPrimaryThatStillHasPods": {
			reason: "The canary has failed; half a primary is better.",
			in:     observe(progressingAt(40), failedChecks(2), primaryStuck(1)),
			want: decided(enters(v1beta1.PhaseFailed), counts(0, 0, 0), did(Route{Traffic: ToPrimary()}), wakes(10*time.Second),
				ended(RolledBack, nil),
				said(warning(ReasonRolledBack, "Rolling back podinfo.test failed checks threshold reached 2"), failed)),
		},
	})
}
