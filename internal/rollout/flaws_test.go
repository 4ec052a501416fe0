package rollout

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/api/v1beta1"
)

// Rows for defects of Flagger that the tables of the phases leave room for. test/compat has the list of all.

func begun(revision string) []expectation {
	return decided(enters(inRun), applied(revision), did(ScaleCanary{Direction: Up}),
		said(normal(ReasonNewRevision, "New revision detected! Scaling up podinfo.test")))
}

func TestFlawsOfAFailedCanary(t *testing.T) {
	runRows(t, map[string]row{
		"KeepsAFixThatHasToWait": {
			reason: "Recorded before its run it would be lost if the operator died here: B stays recorded until C begins (flaw A1).",
			in:     observe(failedFlat(), pushed(revC), primaryStarting(1)),
			want:   decided(said(warning(ReasonNotReady, primaryWait))),
		},
		"KeepsAFixThatIsObstructed": {
			reason: "So does a config that is missing keep C out, and C is still news when the config is there (flaw A1).",
			in:     observe(failedFlat(), pushed(revC), func(in *Observation) { in.Obstacle = "configmap app.test is missing" }),
			want:   decided(said(warning(ReasonObstructed, "configmap app.test is missing")), wakes(obstacleRetry)),
		},
		"RunsAFixForAPrimaryPastItsDeadline": {
			reason: "Failing C for the state of the primary that C is to heal would consume it unseen (flaw A2).",
			in:     observe(failedFlat(), pushed(revC), primaryStuck(0)),
			want:   begun(revC),
		},
		"AnalysesAFixForAPrimaryPastItsDeadline": {
			reason: "Nor does the primary's state fail the run once it is under way (flaw A2).",
			in:     observe(beginning(), primaryStuck(1)),
			want: decided(counts(20, 0, 0), ticked(), did(Route{Traffic: Split(20)}),
				said(normal(ReasonAnalysisStarted, "Starting canary analysis for podinfo.test"),
					normal(ReasonWeightAdvanced, "Advance podinfo.test canary weight 20"))),
		},
		"PromotesAFixForAPrimaryPastItsDeadline": {
			reason: "And C gets where it is needed (flaw A2).",
			in:     observe(progressingAt(60), primaryStuck(1)),
			want: decided(enters(v1beta1.PhasePromoting), ticked(), did(Promote{Revision: revB}),
				said(normal(ReasonPromoting, "Copying podinfo.test template spec to podinfo-primary.test"))),
		},
		"KeepsTheCanaryThatServesWhileTheFixWaits": {
			reason: "Users are on it, as the primary is broken: a closed gate sends nobody to the primary and stops no pod (flaw A3).",
			in: observe(parkedOnCanary(), pushed(revC), hooks(v1beta1.HookConfirmRollout),
				told(0, v1beta1.PhaseFailed, Fail, "closed")),
			want: decided(enters(v1beta1.PhaseWaiting), counts(100, 0, 0), wakes(30*time.Second),
				said(warning(ReasonGateClosed, "Halt podinfo.test advancement waiting for approval confirm-rollout"))),
		},
		"KeepsTheCanaryThatServesWhenTheFixFails": {
			reason: "The canary fails its checks, but a primary without a pod gets nobody all the same (flaw A3).",
			in:     observe(progressingAt(100), failedChecks(2), primaryStuck(0)),
			want:   decided(said(warning(ReasonNotReady, primaryEnd))),
		},
	})
}

func TestFlawsOfAPromotion(t *testing.T) {
	inSteps := plan(func(p *Plan) { p.PromotionStep = 25 })
	runRows(t, map[string]row{
		"EndsWhenTheRouteIsBackAlready": {
			reason: "A crash behind the last step leaves nothing to shift, and nothing to wait for (flaw B1).",
			in:     observe(promotingAt(0), inSteps),
			want:   decided(enters(v1beta1.PhaseFinalising)),
		},
		"GoesOnWhenSomebodyTookUsersBack": {
			reason: "The status says how far the promotion is; a route edited to 0 does not stop it (flaw B1).",
			in:     observe(promotingAt(60), inSteps, drifted(ToPrimary())),
			want: decided(counts(35, 0, 0), did(Route{Traffic: Split(35)}), wakes(30*time.Second),
				said(normal(ReasonWeightAdvanced, "Advance podinfo.test primary weight 65"))),
		},
	})
}

// TestUnanalysedPodsLoseTheirUsersWhileThePrimaryRolls is flaw A7: the canary has got another revision meanwhile.
func TestUnanalysedPodsLoseTheirUsersWhileThePrimaryRolls(t *testing.T) {
	for name, test := range map[string]struct {
		reason    string
		available int
		want      Weight
	}{
		"Leave": {"The pods of the primary run what was promoted or what was analysed, and are enough for everybody.", 2, 0},
		"Stay":  {"Half of the primary's pods would not bear everybody.", 1, 60},
	} {
		t.Run(name, func(t *testing.T) {
			in := observe(promotingAt(60), pushed(revC), primaryStarting(test.available))
			if got := routeOf(t, in).Canary; got != test.want {
				t.Errorf("%s\ngot weight %d, want %d", test.reason, got, test.want)
			}
		})
	}
}

func TestFlawsOfARun(t *testing.T) {
	bg := strategy(BlueGreen, 2)
	mirror := plan(func(p *Plan) { p.Mirror = true })
	gate := hooks(v1beta1.HookConfirmPromotion)
	cancelled := func(in *Observation) { in.Status.LastAppliedSpec, in.Status.LastAnalysisTime = revA, nil }
	runRows(t, map[string]row{
		"PromotesABlueGreenRunPastItsIterations": {
			reason: "Lowering the number must not strand Blue/Green either (flaw B4).",
			in:     observe(progressingAt(0), bg, iterated(5), drifted(ToCanary())),
			want: decided(enters(v1beta1.PhasePromoting), ticked(), did(Promote{Revision: revB}),
				said(normal(ReasonPromoting, "Copying podinfo.test template spec to podinfo-primary.test"))),
		},
		"KeepsAnAbandonedRevisionThatComesBack": {
			reason: "The cancelled run ends as one of A. Were B recorded as promoted, it would never be looked at again (flaw B7).",
			in:     observe(finalisingSince(10*time.Second), cancelled, primaryAt(revA)),
			want:   decided(enters(v1beta1.PhaseSucceeded), did(ScaleCanary{Direction: Down}), applied(revA), promoted(revA)),
		},
		"RunsAnAbandonedRevisionThatComesBack": {
			reason: "And so it has a run (flaw B7).",
			in:     observe(status(v1beta1.PhaseSucceeded), pushed(revB)),
			want:   begun(revB),
		},
		"MirrorsNobodyAgainWhenTheGateCloses": {
			reason: "All users are on the canary: a gate that closes now must not flip them back to be mirrored (flaw B9).",
			in: observe(progressingAt(0), bg, mirror, iterated(3), drifted(ToCanary()), gate,
				told(0, inRun, Fail, "closed")),
			want: decided(enters(v1beta1.PhaseWaitingPromotion), ticked(),
				said(warning(ReasonGateClosed, "Halt podinfo.test advancement waiting for promotion approval confirm-promotion"))),
		},
		"IteratesNoMoreWhileTheGateIsClosed": {
			reason: "Nor does the run go back to its iterations (flaw B9).",
			in: observe(at(v1beta1.PhaseWaitingPromotion, 0), bg, mirror, iterated(3), drifted(ToCanary()), gate,
				told(0, inRun, Fail, "closed")),
			want: decided(ticked()),
		},
	})
}

// limitedSince is a DaemonSet as target that has not been ready since d ago, as far as was recorded; its own status does
// not tell since when. Until then it was quiet for an hour.
func limitedSince(d time.Duration) option {
	return func(in *Observation) {
		starting()(in)
		in.Target.Deadline, in.Target.Limit, in.Target.StuckReason = time.Time{}, time.Minute, "podinfo.test exceeded its limit"
		in.Status.LastTransitionTime = metav1.Time{Time: now.Add(-time.Hour)}
		if d > 0 {
			checked(kindReadiness, "podinfo", Fail)(in)
			in.Status.Checks[0].Time.Time = now.Add(-d)
			condition(v1beta1.ReconcilingCondition, reasonCanaryNotReady)(in)
		}
	}
}

func TestFlawsOfDeadlines(t *testing.T) {
	runRows(t, map[string]row{
		"HaveNotPassedBecauseNothingHappened": {
			reason: "Counted from the last transition, a pod that restarts after a quiet hour would be past its deadline at once (flaw B13).",
			in:     observe(progressingAt(20), limitedSince(0)),
			want: decided(did(ScaleCanary{Direction: Up}), wakes(time.Minute),
				said(warning(ReasonNotReady, "canary deployment podinfo.test not ready: waiting for rollout to finish"))),
		},
		"CountFromWhenItWasSeen": {
			reason: "What is left is left, whatever was written to the status meanwhile (flaw B13).",
			in:     observe(progressingAt(20), limitedSince(59*time.Second)),
			want:   decided(did(ScaleCanary{Direction: Up}), wakes(time.Second)),
		},
		"Pass": {
			reason: "A deadline that never passes would hold a broken revision for ever (flaw B13).",
			in:     observe(progressingAt(20), limitedSince(time.Minute)),
			want: decided(enters(v1beta1.PhaseFailed), counts(0, 0, 0), did(Route{Traffic: ToPrimary()}), wakes(10*time.Second),
				ended(RolledBack, nil), said(warning(ReasonRolledBack, "podinfo.test exceeded its limit"),
					warning(ReasonRolledBack, "Canary failed! Scaling down podinfo.test"))),
		},
	})
}

// configRun is a run of A for nothing but a config, which is "1" on the primary and was "2" when the run began.
func configRun(live string) option {
	return func(in *Observation) {
		configs("2", live)(in)
		in.Target.Revision, in.Status.LastAppliedSpec = revA, revA
		in.Primary.Configs = Fingerprint(map[string]string{"configmap/app": "1"})
		in.Status.LastPromotedConfigs = in.Primary.Configs
	}
}

func TestFlawsOfChangeDetection(t *testing.T) {
	autoscaled := plan(func(p *Plan) { p.Autoscaled = true })
	five := func(in *Observation) { in.Target.Replicas = 5 }
	runRows(t, map[string]row{
		"ARevertedConfigEndsItsRun": {
			reason: "Without a record of the promoted config, going back to it would be one more thing to analyse (flaw D4).",
			in:     observe(progressingAt(40), configRun("1")),
			want: decided(enters(v1beta1.PhaseFinalising), counts(0, 0, 0), did(Route{Traffic: ToPrimary()}), wakes(10*time.Second),
				said(normal(ReasonCancelled, "Analysis cancelled! podinfo.test is back at the promoted revision"))),
		},
		"ARevertedConfigStartsNoRun": {
			reason: "The config that failed is gone, and the primary has the one that is back (flaw D4).",
			in:     observe(failedFlat(), configRun("1")),
			want:   decided(),
		},
		"AnotherConfigStartsARun": {
			reason: "Neither failed nor promoted: it is new (flaw D4).",
			in:     observe(failedFlat(), configRun("3")),
			want:   begun(revA),
		},
		"ASizeReachesThePrimary": {
			reason: "The user scaled the target at rest: waiting for the next release would leave the primary too small (flaw D5).",
			in:     observe(five),
			want:   decided(did(SyncPrimary{Revision: revA})),
		},
		"ASizeIsNoRelease": {
			reason: "While a revision is under way its pods have a size of their own (flaw D5).",
			in:     observe(progressingAt(20), five, analysedAgo(0)),
			want:   decided(wakes(30 * time.Second)),
		},
		"AnAutoscalersSizeIsItsOwn": {
			reason: "Who scales the primary has been told already; the target's number means nothing (flaw D5).",
			in:     observe(autoscaled, five),
			want:   decided(did(SyncScaler{})),
		},
		"AnAutoscalerReachesThePrimary": {
			reason: "A new maximum counts for whom it is meant, without a release (flaw D5).",
			in:     observe(status(v1beta1.PhaseSucceeded), autoscaled),
			want:   decided(did(SyncScaler{})),
		},
		"AnAutoscalerUnderAnalysisDoesNot": {
			reason: "It may belong to the revision that is being looked at (flaw D5).",
			in:     observe(progressingAt(20), autoscaled, analysedAgo(0)),
			want:   decided(did(EnsureScaler{}), wakes(30*time.Second)),
		},
	})
}
