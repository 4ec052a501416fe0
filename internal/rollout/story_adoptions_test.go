package rollout_test

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	rt "flagger.app/flagger/internal/rollout/rollouttest"
)

// Identities as Flagger writes them.
const (
	flaggerA = "5498f4fcd6"
	flaggerB = "67c757ffb7"
)

// left is a status that Flagger wrote ten seconds before we came.
func left(phase v1beta1.CanaryPhase, applied, promoted string, edits ...func(*v1beta1.CanaryStatus)) v1beta1.CanaryStatus {
	status := v1beta1.CanaryStatus{
		Phase: phase, LastAppliedSpec: applied, LastPromotedSpec: promoted,
		LastTransitionTime: metav1.Time{Time: time.Date(2025, 12, 31, 23, 59, 50, 0, time.UTC)},
	}
	for _, edit := range edits {
		edit(&status)
	}
	return status
}

func counters(weight, iterations, failed int) func(*v1beta1.CanaryStatus) {
	return func(s *v1beta1.CanaryStatus) {
		s.CanaryWeight, s.Iterations, s.FailedChecks = weight, iterations, failed
	}
}

// adopt is a story that begins where Flagger left.
func adopt(c *v1beta1.Canary, scene rt.Scene, beats ...rt.Beat) rt.Story {
	return story(c, append([]rt.Beat{rt.On(rt.First(), rt.Adopt(scene))}, beats...)...)
}

// adoptions are stories that begin with a status of Flagger's, one at least for each phase.
func adoptions() map[string]rt.Story {
	weighted, bluegreen := canary(steps(20, 50)), canary(iterations(2))
	same := func(phase v1beta1.CanaryPhase) rt.Scene {
		return rt.Scene{Target: "A", Primary: "A", Status: left(phase, flaggerA, flaggerA)}
	}
	running := func(pods int, canary rollout.Weight, status v1beta1.CanaryStatus) rt.Scene {
		return rt.Scene{Target: "B", Primary: "A", Pods: pods, Canary: canary, Status: status}
	}
	progressing := running(2, 40, left(v1beta1.PhaseProgressing, flaggerB, flaggerA, counters(40, 0, 1)))
	failed := running(0, 0, left(v1beta1.PhaseFailed, flaggerB, flaggerA))
	return map[string]rt.Story{
		"adopt-initializing":      adopt(weighted, same(v1beta1.PhaseInitializing)),
		"adopt-initialized":       adopt(weighted, same(v1beta1.PhaseInitialized), rt.On(rt.AtRest(), rt.Push("B"))),
		"adopt-succeeded":         adopt(weighted, same(v1beta1.PhaseSucceeded)),
		"adopt-succeeded-changed": adopt(weighted, running(0, 0, left(v1beta1.PhaseSucceeded, flaggerA, flaggerA))),
		"adopt-waiting": adopt(canary(steps(20, 50), hook(v1beta1.HookConfirmRollout, "gate")), running(0, 0, left(v1beta1.PhaseWaiting, flaggerA, flaggerA)),
			rt.On(rt.First(), rt.Say("gate", rollout.Fail, "")), rt.On(rt.Called("gate", 2), rt.Say("gate", rollout.Pass, ""))),
		"adopt-progressing":                 adopt(weighted, progressing),
		"adopt-progressing-bluegreen":       adopt(bluegreen, running(2, 0, left(v1beta1.PhaseProgressing, flaggerB, flaggerA, counters(0, 1, 0)))),
		"adopt-waiting-promotion":           adopt(weighted, running(2, 60, left(v1beta1.PhaseWaitingPromotion, flaggerB, flaggerA, counters(0, -1, 0)))),
		"adopt-waiting-promotion-bluegreen": adopt(bluegreen, running(2, 100, left(v1beta1.PhaseWaitingPromotion, flaggerB, flaggerA, counters(0, 1, 0)))),
		"adopt-promoting": adopt(weighted, rt.Scene{Target: "B", Primary: "B", Pods: 2, Canary: 60,
			Status: left(v1beta1.PhasePromoting, flaggerB, flaggerA, counters(60, 0, 0))}),
		"adopt-promoting-changed":    adopt(weighted, running(2, 60, left(v1beta1.PhasePromoting, flaggerB, flaggerA, counters(60, 0, 0)))),
		"adopt-finalising":           adopt(weighted, rt.Scene{Target: "B", Primary: "B", Pods: 2, Status: left(v1beta1.PhaseFinalising, flaggerB, flaggerA)}),
		"adopt-finalising-changed":   adopt(weighted, running(2, 0, left(v1beta1.PhaseFinalising, flaggerB, flaggerA))),
		"adopt-failed":               adopt(weighted, failed, rt.On(rt.AtRest(), rt.Push("C"))),
		"adopt-failed-reverted":      adopt(weighted, failed, rt.On(rt.AtRest(), rt.Push("A"))),
		"adopt-progressing-reverted": adopt(weighted, progressing, rt.On(rt.AtWeight(40).Later(5*time.Second), rt.Push("A"))),
		"adopt-progressing-failing": adopt(canary(steps(20, 50), metric("errors")), progressing,
			rt.On(rt.First(), rt.Say("errors", rollout.Fail, "Halt podinfo.test advancement errors 7.00 > 5"))),
		"adopt-waiting-reverted": adopt(canary(steps(20, 50), hook(v1beta1.HookConfirmRollout, "gate")), running(0, 0, left(v1beta1.PhaseWaiting, flaggerA, flaggerA)),
			rt.On(rt.First(), rt.Say("gate", rollout.Fail, "")), rt.On(rt.Called("gate", 2), rt.Push("A"))),
		"adopt-failed-parked": adopt(weighted, rt.Scene{Target: "B", Primary: "B", Pods: 2, Canary: 100,
			Status: left(v1beta1.PhaseFailed, flaggerB, flaggerA, counters(100, 0, 0))}),
		"adopt-terminating": adopt(canary(steps(20, 50), spec(revertOnDeletion)), rt.Scene{Target: "A", Primary: "A",
			Status: left(v1beta1.PhaseTerminating, flaggerA, flaggerA)}, rt.On(rt.First(), rt.Delete())),
	}
}
