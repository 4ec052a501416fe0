package rollout

import (
	"errors"
	"testing"
	"time"
)

func TestPermit(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		in     Observation
		action Action
		unsafe bool
	}{
		"ServicesAreAlwaysSafe": {
			reason: "They move nobody.", in: observe(primaryGone()), action: EnsureServices{},
		},
		"MoreToAReadyCanary": {
			reason: "The ordinary step.", in: observe(progressingAt(20)), action: Route{Traffic: Split(40)},
		},
		"MoreToAnUnreadyCanary": {
			reason: "Nobody is sent to pods that cannot answer (I1).", in: observe(progressingAt(20), starting()),
			action: Route{Traffic: Split(40)}, unsafe: true,
		},
		"LessToAnUnreadyCanary": {
			reason: "Leaving it is always right.", in: observe(progressingAt(20), starting()), action: Route{Traffic: ToPrimary()},
		},
		"MoreToADeadPrimary": {
			reason: "Nor to a primary without a pod (I9).", in: observe(progressingAt(20), primaryStuck(0)),
			action: Route{Traffic: ToPrimary()}, unsafe: true,
		},
		"MoreToAShakyPrimary": {
			reason: "A rollback cannot wait for the last pod.", in: observe(progressingAt(20), primaryStarting(1)),
			action: Route{Traffic: ToPrimary()},
		},
		"WeightsThatDoNotAddUp": {
			reason: "Weights sum to 100 (I4).", in: observe(progressingAt(20)),
			action: Route{Traffic: Traffic{Primary: 50, Canary: 40}}, unsafe: true,
		},
		"AnythingWithoutARoutingObject": {
			reason: "There is nothing to move.", in: observe(unrouted(), primaryStuck(0)), action: Route{Traffic: ToPrimary()},
		},
		"TheFirstRoute": {
			reason: "Users are at the primary's Service or at the target's; the route only says so.",
			in:     observe(func(in *Observation) { in.Routed, in.Routing = false, Routing{} }), action: Route{Traffic: ToPrimary()},
		},
		"StartingTheCanary": {
			reason: "More pods hurt nobody.", in: observe(), action: ScaleCanary{Direction: Up},
		},
		"StoppingUnderTraffic": {
			reason: "Its users would meet refused connections (I2).", in: observe(progressingAt(20)),
			action: ScaleCanary{Direction: Down}, unsafe: true,
		},
		"StoppingWhileDraining": {
			reason: "So would their requests under way.", in: observe(finalisingSince(9 * time.Second)),
			action: ScaleCanary{Direction: Down}, unsafe: true,
		},
		"StoppingWhatIsStopped": {
			reason: "No pods, no requests.", in: observe(finalisingSince(9*time.Second), scaledToZero()),
			action: ScaleCanary{Direction: Down},
		},
		"StoppingAfterTheDrain": {
			reason: "Nobody is left.", in: observe(finalisingSince(10 * time.Second)), action: ScaleCanary{Direction: Down},
		},
		"StoppingWithoutADrainPeriod": {
			reason: "Even with no drain at all, a side that has weight keeps its pods.",
			in:     observe(progressingAt(20), plan(func(p *Plan) { p.Drain = 0 })), action: ScaleCanary{Direction: Down}, unsafe: true,
		},
		"PromotingWhatTheTargetCarries": {
			reason: "What was analysed is what is copied.", in: observe(progressingAt(60)), action: Promote{Revision: revB},
		},
		"PromotingSomethingElse": {
			reason: "The target has changed since (I3).", in: observe(progressingAt(60), pushed(revC)),
			action: Promote{Revision: revB}, unsafe: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := Permit(test.in, test.action); errors.Is(err, ErrUnsafe) != test.unsafe {
				t.Errorf("%s got %v", test.reason, err)
			}
		})
	}
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
