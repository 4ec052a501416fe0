package rollout

import (
	"errors"
	"strings"
	"testing"
	"time"

	"flagger.app/flagger/api/v1beta1"
)

// decides is a decision that leaves the status as it is, but for the changes, and performs actions.
func decides(in Observation, changes []func(*Observation, *Decision)) Decision {
	dec := Decision{Status: *in.Status.DeepCopy()}
	for _, change := range changes {
		change(&in, &dec)
	}
	return dec
}

// doing adds an action.
func doing(a Action) func(*Observation, *Decision) {
	return func(_ *Observation, dec *Decision) { dec.Actions = append(dec.Actions, a) }
}

// storing changes the status.
func storing(change func(*v1beta1.CanaryStatus)) func(*Observation, *Decision) {
	return func(_ *Observation, dec *Decision) { change(&dec.Status) }
}

// stepping plans a weight, and uses up the tick for it.
func stepping(weight int) func(*Observation, *Decision) {
	return func(in *Observation, dec *Decision) {
		dec.Status.CanaryWeight, dec.Analysed, dec.Status.LastAnalysisTime = weight, true, microTime(in.Now)
	}
}

// entering changes the phase.
func entering(phase v1beta1.CanaryPhase) func(*Observation, *Decision) {
	return storing(func(s *v1beta1.CanaryStatus) { s.Phase = phase })
}

func TestPermit(t *testing.T) {
	type changes = []func(*Observation, *Decision)
	claimed := func(in *Observation) { in.Claim = "deployment podinfo-primary.test belongs to somebody else" }
	for name, test := range map[string]struct {
		reason  string
		in      Observation
		changes changes
		// breaks is the invariant in the refusal, empty for none.
		breaks string
	}{
		"ServicesAreAlwaysSafe": {
			reason: "They move nobody.", in: observe(primaryGone()), changes: changes{doing(EnsureServices{})},
		},
		"MoreToAReadyCanary": {
			reason: "The ordinary step.", in: observe(progressingAt(20)), changes: changes{stepping(40), doing(Route{Traffic: Split(40)})},
		},
		"MoreToAnUnreadyCanary": {
			reason: "Nobody is sent to pods that cannot answer.", in: observe(progressingAt(20), starting()),
			changes: changes{stepping(40), doing(Route{Traffic: Split(40)})}, breaks: "I1",
		},
		"MoreToACanaryThatTheDataPlaneDoesNotKnow": {
			reason: "It would answer 404 for pods that are there.", in: observe(progressingAt(20), servingFor(2*time.Second)),
			changes: changes{stepping(40), doing(Route{Traffic: Split(40)})}, breaks: "I1",
		},
		"LessToAnUnreadyCanary": {
			reason: "Leaving it is always right.", in: observe(progressingAt(20), starting()), changes: changes{doing(Route{Traffic: ToPrimary()})},
		},
		"MoreToADeadPrimary": {
			reason: "Nor to a primary without a pod.", in: observe(progressingAt(20), primaryStuck(0)),
			changes: changes{doing(Route{Traffic: ToPrimary()})}, breaks: "I1",
		},
		"MoreToAShakyPrimary": {
			reason: "A rollback cannot wait for the last pod.", in: observe(progressingAt(20), primaryStarting(1)),
			changes: changes{doing(Route{Traffic: ToPrimary()})},
		},
		"BackToATargetThatIsNotReady": {
			reason: "A canary that goes hands its users to somebody.", in: observe(), changes: changes{doing(Release{})}, breaks: "I1",
		},
		"TheFirstUsersToAPrimaryThatIsNotReady": {
			reason: "They are well served where they are.", in: observe(status(v1beta1.PhaseInitializing, unmoved), primaryStarting(1)),
			changes: changes{doing(EnsureApex{})}, breaks: "I1",
		},
		"AnythingWithoutARoutingObject": {
			reason: "There is nothing to move.", in: observe(unrouted(), primaryStuck(0)), changes: changes{doing(Route{Traffic: ToPrimary()})},
		},
		"TheFirstRoute": {
			reason:  "Users are at the primary's Service or at the target's; the route only says so.",
			in:      observe(routeGone),
			changes: changes{doing(Route{Traffic: ToPrimary()})},
		},
		"StoppingUnderTraffic": {
			reason: "Its users would meet refused connections.", in: observe(progressingAt(20)),
			changes: changes{doing(ScaleCanary{Direction: Down})}, breaks: "I2",
		},
		"StoppingWhileDraining": {
			reason: "So would their requests under way.", in: observe(finalisingSince(9 * time.Second)),
			changes: changes{doing(ScaleCanary{Direction: Down})}, breaks: "I2",
		},
		"StoppingWhereTheRouteIsGone": {
			reason: "It may have sent users there until it was deleted.", in: observe(finalisingSince(time.Hour), routeGone),
			changes: changes{doing(ScaleCanary{Direction: Down})}, breaks: "I2",
		},
		"StoppingWhatIsStopped": {
			reason: "No pods, no requests.", in: observe(finalisingSince(9*time.Second), scaledToZero()),
			changes: changes{doing(ScaleCanary{Direction: Down})},
		},
		"StoppingAfterTheDrain": {
			reason: "Nobody is left.", in: observe(finalisingSince(10 * time.Second)), changes: changes{doing(ScaleCanary{Direction: Down})},
		},
		"StoppingWithoutADrainPeriod": {
			reason: "Even with no drain at all, a side that has weight keeps its pods.",
			in:     observe(progressingAt(20), plan(func(p *Plan) { p.Drain = 0 })), changes: changes{doing(ScaleCanary{Direction: Down})}, breaks: "I2",
		},
		"BeginningWithAnothersHooks": {
			reason: "They agreed to B, and nobody has asked them about C.",
			in: observe(progressingAt(0), pushed(revC), hooks(v1beta1.HookPreRollout),
				checked(string(v1beta1.HookPreRollout), string(v1beta1.HookPreRollout), Pass)),
			changes: changes{storing(func(s *v1beta1.CanaryStatus) { s.LastAppliedSpec = revC })}, breaks: "I3",
		},
		"PromotingWhatWasAnalysed": {
			reason: "Past the last step there is nothing left to ask.", in: observe(progressingAt(60)), changes: changes{doing(Promote{Revision: revB})},
		},
		"PromotingSomethingElse": {
			reason: "The target has changed since.", in: observe(progressingAt(60), pushed(revC)),
			changes: changes{doing(Promote{Revision: revB})}, breaks: "I3",
		},
		"PromotingOtherConfigs": {
			reason: "They were not there when it was analysed.", in: observe(progressingAt(60), configs("1", "2")),
			changes: changes{doing(Promote{Revision: revB, Configs: Fingerprint(map[string]string{"configmap/app": "2"})})}, breaks: "I3",
		},
		"PromotingHalfWay": {
			reason: "There are steps to come.", in: observe(progressingAt(40)), changes: changes{doing(Promote{Revision: revB})}, breaks: "I3",
		},
		"PromotingPastAMetric": {
			reason: "Nobody has asked it.", in: observe(progressingAt(60), metrics("errors")),
			changes: changes{doing(Promote{Revision: revB})}, breaks: "I3",
		},
		"PromotingPastAGate": {
			reason: "It did not agree.", in: observe(progressingAt(60), hooks(v1beta1.HookConfirmPromotion)),
			changes: changes{doing(Promote{Revision: revB})}, breaks: "I3",
		},
		"PromotingBeforeTheRestartThatIsOwed": {
			reason: "The pods that were looked at may have read other configs.",
			in:     observe(progressingAt(60), checked(kindConfigs, revB, Fail)), changes: changes{doing(Promote{Revision: revB})}, breaks: "I3",
		},
		"ARunUnderPodsThatReadOtherConfigs": {
			reason: "It would analyse what was there before.", in: observe(progressingAt(0), configs("1", "2")),
			changes: changes{storing(func(s *v1beta1.CanaryStatus) { s.TrackedConfigs = &map[string]string{"configmap/app": "2"} })}, breaks: "I3",
		},
		"CopyingWhatWasNeverPromoted": {
			reason: "A release past every check.", in: observe(pushed(revB)), changes: changes{doing(SyncPrimary{Revision: revB})}, breaks: "I3",
		},
		"CopyingWhatIsBeingAnalysed": {
			reason: "Somebody deleted the primary of A, which had no config; one was added, and nobody can tell that from A any more.",
			in:     observe(progressingAt(20), pushed(revA), runOf(revA), configs("1", "1"), primaryGone()),
			changes: changes{func(in *Observation, dec *Decision) {
				dec.Actions = append(dec.Actions, SyncPrimary{Revision: revA, Configs: Fingerprint(in.Configs)})
			}}, breaks: "I3",
		},
		"CopyingAnewWhatWasPromoted": {
			reason: "Somebody deleted the primary.", in: observe(primaryGone()), changes: changes{doing(SyncPrimary{Revision: revA})},
		},
		"WeightsThatDoNotAddUp": {
			reason: "A tenth of the requests would go nowhere.", in: observe(progressingAt(20)),
			changes: changes{doing(Route{Traffic: Traffic{Primary: 70, Canary: 20}})}, breaks: "I4",
		},
		"TwoStepsAtOnce": {
			reason: "The first was not analysed.", in: observe(progressingAt(20)),
			changes: changes{stepping(60), doing(Route{Traffic: Split(60)})}, breaks: "I4",
		},
		"AStepBeforeItsTime": {
			reason: "The last is a second old.", in: observe(progressingAt(20), analysedAgo(time.Second)),
			changes: changes{stepping(40), doing(Route{Traffic: Split(40)})}, breaks: "I4",
		},
		"ARouteAheadOfThePlan": {
			reason: "The status would not know where users are.", in: observe(progressingAt(20)),
			changes: changes{doing(Route{Traffic: Split(40)})}, breaks: "I4",
		},
		"AWeightAtRest": {
			reason: "The next run would begin with it.", in: observe(),
			changes: changes{storing(func(s *v1beta1.CanaryStatus) { s.CanaryWeight = 1 })}, breaks: "I4",
		},
		"ForgettingTheLastLook": {
			reason: "The next would come too early.", in: observe(progressingAt(20)),
			changes: changes{storing(func(s *v1beta1.CanaryStatus) { s.LastAnalysisTime = nil })}, breaks: "I4",
		},
		"SwallowingARevision": {
			reason: "Nobody would ever look at B.", in: observe(pushed(revB)),
			changes: changes{storing(func(s *v1beta1.CanaryStatus) { s.LastAppliedSpec = revB })}, breaks: "I5",
		},
		"SwallowingARevisionLate": {
			reason: "B has passed its analysis, and another has not.", in: observe(at(v1beta1.PhasePromoting, 50), pushed(revA)),
			changes: changes{storing(func(s *v1beta1.CanaryStatus) { s.LastAppliedSpec = revA })}, breaks: "I5",
		},
		"ConfigsAreNotRecordedAsFailed": {
			reason:  "B failed, and is stuck for ever; with an edited config it was never tried.",
			in:      observe(failedFlat(), stuck(), configs("1", "2")),
			changes: changes{func(in *Observation, dec *Decision) { dec.Status.TrackedConfigs = &in.Configs }}, breaks: "I5",
		},
		"FailingARevisionThatHadNoRun": {
			reason: "Pods of B are stuck, and the config that was edited meanwhile may be the fix.",
			in:     observe(progressingAt(0), stuck(), configs("1", "2")),
			changes: changes{func(in *Observation, dec *Decision) {
				dec.Status.Phase, dec.Status.TrackedConfigs = v1beta1.PhaseFailed, &in.Configs
			}}, breaks: "I5",
		},
		"PromotedInAllButName": {
			reason: "The primary carries B, and one that somebody deletes would be made anew as A.",
			in:     observe(finalisingSince(time.Minute)),
			changes: changes{storing(func(s *v1beta1.CanaryStatus) {
				s.Phase, s.LastPromotedSpec = v1beta1.PhaseSucceeded, revA
			})}, breaks: "I5",
		},
		"PromotedInNameOnly": {
			reason: "The primary carries A.", in: observe(progressingAt(20)),
			changes: changes{storing(func(s *v1beta1.CanaryStatus) { s.LastPromotedSpec = revB })}, breaks: "I5",
		},
		"ARunOfNothingNew": {
			reason: "An unchanged workload never rolls.", in: observe(), changes: changes{entering(inRun)}, breaks: "I6",
		},
		"PodsOfATargetAtRest": {
			reason: "Nor does it start pods.", in: observe(), changes: changes{doing(ScaleCanary{Direction: Up})}, breaks: "I6",
		},
		"WhatSomebodyElseMade": {
			reason: "It is not ours to write.", in: observe(claimed), changes: changes{doing(EnsureServices{})}, breaks: "I7",
		},
		"CountingAnOutage": {
			reason:  "The provider could not be asked.",
			in:      observe(progressingAt(20), metrics("errors"), measured(0, ProviderError, "refused")),
			changes: changes{storing(func(s *v1beta1.CanaryStatus) { s.FailedChecks++ })}, breaks: "I8",
		},
		"CountingAFailure": {
			reason:  "A value out of bounds is what the threshold is for.",
			in:      observe(progressingAt(20), metrics("errors"), measured(0, Fail, "7 > 1")),
			changes: changes{storing(func(s *v1beta1.CanaryStatus) { s.FailedChecks++ })},
		},
		"RollingBackForNoReason": {
			reason: "Nothing has failed.", in: observe(progressingAt(20)), changes: changes{entering(v1beta1.PhaseFailed)}, breaks: "I8",
		},
		"GoingOnInAnOutage": {
			reason:  "Nobody knows how users fare.",
			in:      observe(progressingAt(20), metrics("errors"), measured(0, ProviderError, "refused")),
			changes: changes{stepping(40)}, breaks: "I8",
		},
		"BackToASickPrimary": {
			reason: "Its users are served by the canary, and well.", in: observe(parkedOnCanary(), primaryStarting(1)),
			changes: changes{storing(func(s *v1beta1.CanaryStatus) { s.CanaryWeight = 0 }), doing(Route{Traffic: ToPrimary()})}, breaks: "I9",
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := Permit(test.in, decides(test.in, test.changes))
			refused := errors.Is(err, ErrUnsafe) && test.breaks != "" && strings.Contains(err.Error(), test.breaks+":")
			if refused != (test.breaks != "") || (err != nil) != refused {
				t.Errorf("%s got %v, want %q", test.reason, err, test.breaks)
			}
		})
	}
}

// unmoved is a status of before users were moved.
func unmoved(s *v1beta1.CanaryStatus) {
	s.LastRouteTime, s.LastAppliedSpec, s.LastPromotedSpec = nil, "", ""
}

func TestWorkloadAt(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		w      Workload
		want   Readiness
	}{
		"BeforeItsDeadline":  {"It still may come.", Workload{Readiness: Waiting, Deadline: now.Add(time.Second)}, Waiting},
		"AtItsDeadline":      {"No further event of the object is needed.", Workload{Readiness: Waiting, Deadline: now}, Stuck},
		"WithoutADeadline":   {"Waiting for ever is waiting.", Workload{Readiness: Waiting}, Waiting},
		"ReadyInSpiteOfOne":  {"What is ready is not stuck.", Workload{Readiness: Ready, Deadline: now.Add(-time.Hour)}, Ready},
		"StuckStaysThatWay":  {"Only the object itself takes it back.", Workload{Readiness: Stuck, Deadline: now.Add(time.Hour)}, Stuck},
		"NothingIsEverReady": {"The zero value waits.", Workload{}, Waiting},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.w.at(now).Readiness; got != test.want {
				t.Errorf("%s got %v, want %v", test.reason, got, test.want)
			}
		})
	}
}

func TestSplit(t *testing.T) {
	for canary, want := range map[Weight]Traffic{
		-5: {Primary: 100}, 0: {Primary: 100}, 30: {Primary: 70, Canary: 30}, 100: {Canary: 100}, 170: {Canary: 100},
	} {
		if got := Split(canary); got != want {
			t.Errorf("Split(%d) = %v, want %v", canary, got, want)
		}
	}
}
