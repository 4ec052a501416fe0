package rollouttest

import (
	"errors"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

// example is a weighted rollout with a gate and a metric.
func example() Story {
	c := &v1beta1.Canary{ObjectMeta: metav1.ObjectMeta{Name: "podinfo", Namespace: "test"}}
	c.Spec.TargetRef = v1beta1.LocalObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "podinfo"}
	c.Spec.Service.Port = 80
	c.Spec.Analysis = &v1beta1.CanaryAnalysis{
		Interval: "30s", Threshold: 2, StepWeight: 20, MaxWeight: 50,
		Metrics:  []v1beta1.CanaryMetric{{Name: "errors"}},
		Webhooks: []v1beta1.CanaryWebhook{{Type: v1beta1.HookConfirmPromotion, Name: "gate", URL: "http://hooks.test"}},
	}
	return Story{
		Canary:       c,
		Capabilities: rollout.Capabilities{Routes: true},
		Settings:     rollout.Settings{Drain: 10 * time.Second},
		Pace:         Pace{Startup: 5 * time.Second, Deadline: time.Minute},
		Beats:        []Beat{On(AtRest(), Push("B"))},
	}
}

// meddle changes the decisions of the core in one phase.
func meddle(phase v1beta1.CanaryPhase, change func(rollout.Observation, *rollout.Decision)) func(rollout.Observation) rollout.Decision {
	return func(in rollout.Observation) rollout.Decision {
		dec := rollout.Decide(in)
		if in.Status.Phase == phase && len(dec.Ask) == 0 {
			change(in, &dec)
		}
		return dec
	}
}

// rerouted replaces the traffic that a decision asks for.
func rerouted(t rollout.Traffic) func(rollout.Observation, *rollout.Decision) {
	return func(_ rollout.Observation, dec *rollout.Decision) {
		for i, action := range dec.Actions {
			if _, ok := action.(rollout.Route); ok {
				dec.Actions[i] = rollout.Route{Traffic: t}
			}
		}
	}
}

func TestTheExampleIsFair(t *testing.T) {
	record, err := Play(example())
	if err != nil || record.Primary != Revision("B") || record.Final.Phase != v1beta1.PhaseSucceeded || record.Rolls != 2 {
		t.Fatalf("%v %+v", err, record)
	}
}

// unguarded is a door that lets everything pass.
func unguarded(rollout.Observation, rollout.Decision) error { return nil }

// TestRefereeSees: a referee that never whistles proves nothing.
func TestRefereeSees(t *testing.T) {
	const run, end = v1beta1.PhaseProgressing, v1beta1.PhaseFinalising
	for name, test := range map[string]struct {
		reason string
		decide func(rollout.Observation) rollout.Decision
		want   error
	}{
		"TrafficToPodsThatAreNotReady": {
			reason: "I1.", want: ErrForbidden, decide: meddle(run, rerouted(rollout.Split(20))),
		},
		"WeightsThatDoNotAddUp": {
			reason: "I4.", want: ErrForbidden, decide: meddle(run, rerouted(rollout.Traffic{Primary: 90, Canary: 20})),
		},
		"StoppingBeforeTheDrain": {
			reason: "I2.", want: ErrForbidden,
			decide: meddle(end, func(in rollout.Observation, dec *rollout.Decision) {
				dec.Actions = append(dec.Actions, rollout.ScaleCanary{Direction: rollout.Down})
			}),
		},
		"TwoStepsWithinAnInterval": {
			reason: "I4.", want: ErrForbidden,
			decide: func(in rollout.Observation) rollout.Decision {
				if in.Status.Phase == run && in.Status.LastAnalysisTime != nil {
					in.Now = in.Now.Add(time.Hour)
				}
				return rollout.Decide(in)
			},
		},
		"PromotionPastTheSteps": {
			reason: "What was not analysed under traffic is not promoted.", want: ErrForbidden,
			decide: meddle(run, func(in rollout.Observation, dec *rollout.Decision) {
				dec.Actions = append(dec.Actions, rollout.Promote{Revision: in.Target.Revision})
			}),
		},
		"PromotionPastTheGate": {
			reason: "Gates are asked, not assumed.", want: ErrForbidden,
			decide: func(in rollout.Observation) rollout.Decision {
				in.Plan.Hooks = nil
				return rollout.Decide(in)
			},
		},
		"PromotionPastTheMetric": {
			reason: "So are metrics.", want: ErrForbidden,
			decide: func(in rollout.Observation) rollout.Decision {
				in.Plan.Metrics = nil
				return rollout.Decide(in)
			},
		},
		"AnEdgeThatIsNotDrawn": {
			reason: "The drawing in doc.go is the truth.", want: ErrForbidden,
			decide: meddle(run, func(_ rollout.Observation, dec *rollout.Decision) { dec.Status.Phase = v1beta1.PhaseInitialized }),
		},
		"ARevisionThatIsLost": {
			reason: "I5: what was pushed last must end as something.", want: ErrForbidden,
			decide: meddle(v1beta1.PhaseInitialized, func(in rollout.Observation, dec *rollout.Decision) {
				*dec = rollout.Decision{Status: in.Status}
			}),
		},
		"ARunThatNothingWakes": {
			reason: "It ends.", want: ErrEndless,
			decide: meddle(run, func(in rollout.Observation, dec *rollout.Decision) { *dec = rollout.Decision{Status: in.Status} }),
		},
		"ARunThatNeverEnds": {
			reason: "It ends.", want: ErrEndless,
			decide: meddle(run, func(in rollout.Observation, dec *rollout.Decision) {
				*dec = rollout.Decision{Status: in.Status, After: time.Second}
			}),
		},
		"AQuestionAskedTwice": {
			reason: "Hooks have effects.", want: ErrForbidden,
			decide: func(rollout.Observation) rollout.Decision {
				return rollout.Decision{Ask: []rollout.Question{{Kind: rollout.AskProviders}}}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := example()
			s.Decide, s.Permit = test.decide, unguarded
			if record, err := Play(s); !errors.Is(err, test.want) {
				t.Errorf("%s got %v, want %v\n%s", test.reason, err, test.want, record.Log)
			}
		})
	}
}

// TestInterruptions: a lost write is lost, a killed process goes no further, and both come to the same end.
func TestInterruptions(t *testing.T) {
	whole, err := Play(example())
	if err != nil {
		t.Fatal(err)
	}
	lost, killed := example(), example()
	lost.Lose, killed.Kill = 1, 1
	for name, s := range map[string]Story{"lost": lost, "killed": killed} {
		record, err := Play(s)
		if err != nil || record.Final.Phase != whole.Final.Phase || record.Rolls != whole.Rolls {
			t.Errorf("%s: %v, phase %s after %d rolls", name, err, record.Final.Phase, record.Rolls)
		}
		if record.Log == whole.Log {
			t.Errorf("%s: nothing was interrupted", name)
		}
	}
}

// TestSeeds: the same seed is the same story, another seed another order.
func TestSeeds(t *testing.T) {
	var logs []string
	for _, seed := range []uint64{1, 1, 2} {
		s := example()
		s.Seed = seed
		record, err := Play(s)
		if err != nil {
			t.Fatal(err)
		}
		logs = append(logs, record.Log)
	}
	if logs[0] != logs[1] || logs[0] == logs[2] {
		t.Error("seeds do not decide the order")
	}
	if slices.Contains(logs, "") {
		t.Error("nothing is narrated")
	}
}

func TestMomentsThatNeverCome(t *testing.T) {
	s := example()
	s.Beats = append(s.Beats, On(AtWeight(99), Push("C")))
	if _, err := Play(s); !errors.Is(err, ErrEndless) {
		t.Errorf("a beat that is never played makes a story worthless, got %v", err)
	}
}
