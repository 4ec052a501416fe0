package rollout

import (
	"testing"
	"time"

	"flagger.app/flagger/api/v1beta1"
)

// fresh is a canary that nothing has been done for: the target serves, and the providers have answered.
func fresh() option {
	return func(in *Observation) {
		in.Status = v1beta1.CanaryStatus{Phase: v1beta1.PhaseInitializing, ObservedGeneration: in.Generation}
		in.Target = Workload{Exists: true, Revision: revA, Readiness: Ready, Replicas: 2, Available: 2}
		in.Primary = Workload{}
		in.Routed, in.Routing = false, Routing{}
		checked(kindProviders, providersCheck, Pass)(in)
	}
}

// copied is the same with a primary that is there and ready.
func copied() option {
	return func(in *Observation) {
		fresh()(in)
		in.Primary = Workload{Exists: true, Revision: revA, Readiness: Ready, Replicas: 2, Available: 2}
	}
}

// moved is the same with users on the primary since d ago.
func moved(d time.Duration) option {
	return func(in *Observation) {
		copied()(in)
		in.Status.LastRouteTime = ago(d)
		in.Routed, in.Routing.Traffic = true, ToPrimary()
	}
}

func TestInitializing(t *testing.T) {
	initialized := decided(enters(v1beta1.PhaseInitialized), applied(revA), promoted(revA),
		did(ScaleCanary{Direction: Down}), said(normal(ReasonInitialized, "Initialization done! podinfo.test")))
	runRows(t, map[string]row{
		"CopiesTheTargetFirst": {
			reason: "Nothing may change for users before there is a primary.",
			in:     observe(fresh()),
			want:   decided(did(SyncPrimary{Revision: revA})),
		},
		"SaysThatItInitializesFirst": {
			reason: "The primary was made by a process that died at once, and the target had no pods: phases follow one another all the same.",
			in: observe(copied(), scaledToZero(), func(in *Observation) {
				in.Status.Phase = ""
			}),
			want: decided(enters(v1beta1.PhaseInitializing), did(Route{Traffic: ToPrimary()})),
		},
		"CopiesAgainWhatChanged": {
			reason: "A primary that serves nobody and never will follows the target, which may be the fix.",
			in:     observe(copied(), pushed(revB), primaryStuck(0)),
			want:   decided(did(SyncPrimary{Revision: revB})),
		},
		"KeepsTheCopyThatMayServe": {
			reason: "Who died after users were moved could not say so; B is analysed once A serves.",
			in:     observe(copied(), pushed(revB), primaryStarting(0)),
			want:   decided(said(warning(ReasonNotReady, primaryWait))),
		},
		"WaitsForThePrimary": {
			reason: "Nobody is sent to a primary that cannot serve, and the user reads what is missing.",
			in:     observe(copied(), primaryStarting(0)),
			want:   decided(said(warning(ReasonNotReady, primaryWait))),
		},
		"SaysOnceWhatItWaitsFor": {
			reason: "An event that would repeat is not sent.",
			in:     observe(copied(), primaryStarting(0), condition(v1beta1.ReconcilingCondition, reasonPrimaryNotReady)),
			want:   decided(),
		},
		"KeepsTheTargetWhenThePrimaryIsStuck": {
			reason: "The target is the only healthy copy; stopping it would be the outage (flaw A9).",
			in:     observe(copied(), primaryStuck(0)),
			want:   decided(said(warning(ReasonNotReady, primaryEnd))),
		},
		"MovesUsersOnceThePrimaryIsReady": {
			reason: "The route goes to the primary while the target still runs, so that nobody meets a closed door.",
			in:     observe(copied()),
			want:   decided(did(Route{Traffic: ToPrimary()}), wakes(10*time.Second)),
		},
		"DrainsTheTarget": {
			reason: "Requests under way end before the pods go.",
			in:     observe(moved(4 * time.Second)),
			want:   decided(wakes(6 * time.Second)),
		},
		"DrainsAnewWhereTheRouteIsGone": {
			reason: "Whoever deleted the route may have sent users to the target first; nothing tells how long they have been gone.",
			in:     observe(moved(time.Hour), routeGone),
			want:   decided(did(Route{Traffic: ToPrimary()}), wakes(10*time.Second)),
		},
		"StopsTheTargetInTheEnd": {
			reason: "Drained, the target rests at zero and the revision counts as promoted.",
			in:     observe(moved(10 * time.Second)),
			want:   initialized,
		},
		"DoesNotStopTheTargetUnderAnOutage": {
			reason: "A primary that went down while the target drained cannot take its place.",
			in:     observe(moved(10*time.Second), primaryStarting(0)),
			want:   decided(said(warning(ReasonNotReady, primaryWait))),
		},
		"MakesALostPrimaryAnew": {
			reason: "A primary that somebody deleted meanwhile would be waited for in vain.",
			in:     observe(moved(10*time.Second), primaryGone()),
			want:   decided(did(SyncPrimary{Revision: revA})),
		},
		"WaitsForTheDataPlane": {
			reason: "A gateway that has not taken the route still sends users to the target.",
			in:     observe(moved(20*time.Second), accepted(Unconfirmed, "HTTPRoute podinfo.test is not confirmed yet")),
			want:   decided(wakes(10 * time.Second)),
		},
		"GivesUpOnASilentDataPlane": {
			reason: "Some gateways never confirm; after a minute waiting for them would be for ever.",
			in:     observe(moved(time.Minute), accepted(Unconfirmed, "HTTPRoute podinfo.test is not confirmed yet")),
			want:   initialized,
		},
		"NeverGivesUpOnARefusal": {
			reason: "A route that was refused moves nobody, however long it has been there.",
			in:     observe(moved(time.Hour), accepted(Refused, "HTTPRoute podinfo.test is refused")),
			want:   decided(said(warning(ReasonRouteNotTaken, "HTTPRoute podinfo.test is refused")), wakes(10*time.Second)),
		},
		"RecordsWhatThePrimaryCarries": {
			reason: "A push during initialization is not promoted unseen (flaw A8): what is recorded is what serves, so the push starts a run.",
			in:     observe(moved(10*time.Second), pushed(revB)),
			want:   initialized,
		},
		"HasNothingToStop": {
			reason: "A target that the user keeps at zero needs no drain.",
			in:     observe(copied(), scaledToZero()),
			want: decided(enters(v1beta1.PhaseInitialized), applied(revA), promoted(revA),
				did(Route{Traffic: ToPrimary()}, ScaleCanary{Direction: Down}),
				said(normal(ReasonInitialized, "Initialization done! podinfo.test"))),
		},
	})
}

// probedAgo is a canary at rest whose providers were probed d ago.
func probedAgo(d time.Duration, v Verdict) option {
	return func(in *Observation) {
		in.Status.ObservedGeneration = in.Generation
		checked(kindProviders, providersCheck, v)(in)
		in.Status.Checks[0].Time.Time = now.Add(-d)
	}
}

func TestProbe(t *testing.T) {
	probe := Question{Kind: AskProviders}
	unprobed := func(in *Observation) { in.Status.Checks = nil }
	answered := func(v Verdict, message string) option {
		return func(in *Observation) { in.Answers[probe] = Answer{Verdict: v, Message: message} }
	}
	refused := "Error checking metric providers: prometheus not avaiable: refused"
	runRows(t, map[string]row{
		"AsksBeforeAnythingDependsOnIt": {
			reason: "A typo in an address shows on the first day, not in the first rollout.",
			in:     observe(fresh(), unprobed),
			want:   decided(asked(probe)),
		},
		"SaysThatAllIsWell": {
			reason: "The contract's event, once.",
			in:     observe(fresh(), unprobed, answered(Pass, "")),
			want: decided(did(SyncPrimary{Revision: revA}),
				said(normal(ReasonProvidersAvailable, "all the metrics providers are available!"))),
		},
		"NeverBlocks": {
			reason: "An outage of the metrics must not keep users without a service.",
			in:     observe(fresh(), unprobed, answered(ProviderError, "prometheus not avaiable: refused")),
			want: decided(did(SyncPrimary{Revision: revA}),
				said(warning(ReasonProviderUnavailable, refused)), wakes(30*time.Second)),
		},
		"AsksAgainAfterAnInterval": {
			reason: "A provider that was out of reach is looked for, also by a canary at rest.",
			in:     observe(probedAgo(30*time.Second, ProviderError)),
			want:   decided(asked(probe)),
		},
		"DoesNotAskMeanwhile": {
			reason: "A wake-up is no reason to ask.",
			in:     observe(probedAgo(10*time.Second, ProviderError)),
			want:   decided(wakes(20 * time.Second)),
		},
		"TellsOnlyWhatIsNew": {
			reason: "The same outage is no news.",
			in:     observe(probedAgo(30*time.Second, ProviderError), answered(ProviderError, "prometheus not avaiable: refused")),
			want:   decided(wakes(30 * time.Second)),
		},
		"TellsThatItIsOver": {
			reason: "What was out of reach is there.",
			in:     observe(probedAgo(30*time.Second, ProviderError), answered(Pass, "")),
			want:   decided(said(normal(ReasonProvidersAvailable, "all the metrics providers are available!"))),
		},
		"ProbesANewSpec": {
			reason: "A new spec may name another provider.",
			in:     observe(probedAgo(0, Pass), func(in *Observation) { in.Generation++ }),
			want:   decided(asked(probe)),
		},
		"AsksNobodyWhenNothingIsAnalysed": {
			reason: "With skipAnalysis no metric is ever looked at.",
			in:     observe(fresh(), unprobed, plan(func(p *Plan) { p.SkipAnalysis = true })),
			want:   decided(did(SyncPrimary{Revision: revA})),
		},
	})
}
