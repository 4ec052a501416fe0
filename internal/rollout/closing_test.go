package rollout

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/api/v1beta1"
)

func TestClose(t *testing.T) {
	report := Hook{Name: "report", Type: v1beta1.HookPostRollout, Index: 0}
	clean := Hook{Name: "clean", Type: v1beta1.HookPostRollout, Index: 1}
	in := observe(progressingAt(40), plan(func(p *Plan) { p.Hooks = []Hook{report, clean} }))
	final := Event{Type: "Normal", Reason: ReasonPromoted, Message: "done", Phase: v1beta1.PhaseSucceeded}
	closing := func(phase v1beta1.CanaryPhase) []Question {
		return []Question{hookQuestion(0, phase), hookQuestion(1, phase)}
	}
	for name, test := range map[string]struct {
		reason  string
		dec     Decision
		answers Answers
		want    []Event
	}{
		"TellsEachAndTheEnd": {
			reason: "The final event comes after the hooks that precede it, with the phase that is stored by then.",
			dec:    Decision{Closing: closing(v1beta1.PhaseSucceeded), Final: []Event{final}},
			answers: Answers{
				hookQuestion(0, v1beta1.PhaseSucceeded): {Verdict: Pass}, hookQuestion(1, v1beta1.PhaseSucceeded): {Verdict: Pass},
			},
			want: []Event{
				{Type: "Normal", Reason: ReasonGatePassed, Message: "Post-rollout check report passed", Phase: v1beta1.PhaseSucceeded},
				{Type: "Normal", Reason: ReasonGatePassed, Message: "Post-rollout check clean passed", Phase: v1beta1.PhaseSucceeded},
				final,
			},
		},
		"GoesOnAfterAFailure": {
			reason: "One receiver that is down keeps nothing from the others; the run has ended all the same.",
			dec:    Decision{Closing: closing(v1beta1.PhaseSucceeded), Final: []Event{final}},
			answers: Answers{
				hookQuestion(0, v1beta1.PhaseSucceeded): {Verdict: Fail, Message: "boom"},
				hookQuestion(1, v1beta1.PhaseSucceeded): {Verdict: Pass},
			},
			want: []Event{
				{Type: "Warning", Reason: ReasonHookFailed, Message: "Post-rollout hook report failed boom", Phase: v1beta1.PhaseSucceeded},
				{Type: "Normal", Reason: ReasonGatePassed, Message: "Post-rollout check clean passed", Phase: v1beta1.PhaseSucceeded},
				final,
			},
		},
		"TellsTheOldPhaseOfAFailedRun": {
			reason: "Event hooks know the events of a failed run by the phase it was in.",
			dec:    Decision{Closing: closing(v1beta1.PhaseFailed)[:1]},
			answers: Answers{
				hookQuestion(0, v1beta1.PhaseFailed): {Verdict: Pass},
			},
			want: []Event{{Type: "Normal", Reason: ReasonGatePassed, Message: "Post-rollout check report passed", Phase: inRun}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Close(in, test.dec, test.answers)); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", test.reason, diff)
			}
		})
	}
}

// TestUncalled is about the hooks of a run whose end was stored by a process that died right after.
func TestUncalled(t *testing.T) {
	uncalled := checked(string(v1beta1.HookPostRollout), string(v1beta1.HookPostRollout), NoData)
	tell := hooks(v1beta1.HookPostRollout)
	promotedB := func(in *Observation) {
		status(v1beta1.PhaseSucceeded)(in)
		in.Status.LastAppliedSpec, in.Status.LastPromotedSpec, in.Target.Revision, in.Primary.Revision = revB, revB, revB, revB
	}
	final := normal(ReasonPromoted, "Promotion completed! Scaling down podinfo.test")
	runRows(t, map[string]row{
		"AreCalledAfterASuccess": {
			reason: "Whoever waits for the end of the run is told.", in: observe(promotedB, tell, uncalled),
			want: decided(ended(Running, []Question{hookQuestion(0, v1beta1.PhaseSucceeded)}, final), wakes(time.Millisecond)),
		},
		"AreCalledAfterAFailure": {
			reason: "A failure too; the pods go afterwards.", in: observe(failedSince(drainTime), tell, uncalled),
			want: decided(ended(Running, []Question{hookQuestion(0, v1beta1.PhaseFailed)}), wakes(time.Millisecond)),
		},
		"AreCalledBeforeTheNextRun": {
			reason: "It would forget them.", in: observe(promotedB, tell, uncalled, pushed(revC)),
			want: decided(ended(Running, []Question{hookQuestion(0, v1beta1.PhaseSucceeded)}, final), wakes(time.Millisecond)),
		},
		"AreCalledOnce": {
			reason: "This one has answered.",
			in:     observe(promotedB, tell, checked(string(v1beta1.HookPostRollout), string(v1beta1.HookPostRollout), Fail)),
		},
	})
}

func TestClosed(t *testing.T) {
	in := observe(running(v1beta1.PhaseFinalising), hooks(v1beta1.HookPostRollout), primaryAt(revB))
	dec := Decide(in)
	after := in
	after.Status = dec.Status
	if got := after.uncalled(); len(got) != 1 {
		t.Fatalf("the write that ends a run says what it owes: got %v", got)
	}
	after.Status = Closed(in, dec.Status, Answers{dec.Closing[0]: {Verdict: Fail, Message: "nobody home"}})
	if got := after.uncalled(); len(got) != 0 {
		t.Errorf("what has answered is owed no more, whatever it answered: got %v", got)
	}
}
