package rollout

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"flagger.app/flagger/api/v1beta1"
)

func TestRefuse(t *testing.T) {
	const message = "spec.analysis.interval: \"1min\" is not a duration such as 30s or 1m"
	known := func(in *Observation) {
		in.Status.Conditions = []v1beta1.CanaryCondition{{
			Type: v1beta1.StalledCondition, Status: "True", Reason: string(ReasonRefused), Message: message,
		}}
	}
	for name, test := range map[string]struct {
		reason string
		in     Observation
		want   []Event
	}{
		"SaysWhy": {
			reason: "A mistake is shown to its author, never only logged.",
			in:     observe(progressingAt(40), stuck(), drifted(ToPrimary())),
			want:   []Event{{Type: "Warning", Reason: ReasonRefused, Message: message, Phase: inRun}},
		},
		"SaysItOnce": {
			reason: "The same mistake is no news.",
			in:     observe(progressingAt(40), known),
		},
		"SaysWhatIsNew": {
			reason: "Another mistake is.",
			in: observe(progressingAt(40), known, func(in *Observation) {
				in.Status.Conditions[0].Message = "spec.targetRef.name: must name the workload to release"
			}),
			want: []Event{{Type: "Warning", Reason: ReasonRefused, Message: message, Phase: inRun}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dec := Refuse(test.in, ReasonRefused, message, time.Minute)
			if diff := cmp.Diff(test.want, dec.Events, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", test.reason, diff)
			}
			if len(dec.Actions) != 0 || dec.After != time.Minute {
				t.Errorf("a refused canary is left alone for a minute, got %v after %v", dec.Actions, dec.After)
			}
			want := v1beta1.CanaryStatus{Phase: inRun, CanaryWeight: 40, ObservedGeneration: 3}
			got := v1beta1.CanaryStatus{
				Phase: dec.Status.Phase, CanaryWeight: dec.Status.CanaryWeight, ObservedGeneration: dec.Status.ObservedGeneration,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the run stays as it is (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(map[string]string{
				v1beta1.ReadyCondition: "False Refused " + message, v1beta1.StalledCondition: "True Refused " + message,
			}, conditionsOf(dec)); diff != "" {
				t.Errorf("conditions differ (-want +got):\n%s", diff)
			}
		})
	}
}
