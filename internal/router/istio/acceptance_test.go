package istio

import (
	"testing"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router/routertest"
)

// said is a status with the condition Reconciled.
func said(status string, generation any) map[string]any {
	return map[string]any{
		"observedGeneration": generation,
		"conditions": []any{
			map[string]any{"type": "PassedValidation", "status": "True"},
			map[string]any{"type": "Reconciled", "status": status, "message": "1/2 proxies up to date."},
		},
	}
}

// complaining is status with a message.
func complaining(status map[string]any, level string) map[string]any {
	status["validationMessages"] = []any{map[string]any{
		"level": level, "type": map[string]any{"code": "IST0101", "name": "ReferencedResourceNotFound"},
	}}
	return status
}

func TestAcceptance(t *testing.T) {
	const (
		unconfirmed = "VirtualService podinfo.test is not confirmed by Istio yet"
		refused     = "VirtualService podinfo.test is refused by Istio: IST0101 ReferencedResourceNotFound"
	)
	ofItsOwn := said("True", nil)
	ofItsOwn["conditions"].([]any)[1].(map[string]any)["observedGeneration"] = "2"
	for name, test := range map[string]struct {
		reason  string
		status  map[string]any
		want    rollout.Acceptance
		message string
	}{
		"Silence": {reason: "By default Istio writes nothing, and waiting for it would make every step a minute.", want: rollout.Taken},
		"Advice": {
			reason: "A warning moves traffic as asked.",
			status: complaining(map[string]any{}, "WARNING"), want: rollout.Taken,
		},
		"Reconciled": {
			reason: "All proxies have the present generation.",
			status: said("True", int64(3)), want: rollout.Taken,
		},
		"GenerationAsText": {
			reason: "Istio writes 64 bits as text.",
			status: said("True", "3"), want: rollout.Taken,
		},
		"NoGeneration": {
			reason: "An answer that names no generation is taken at its word.",
			status: said("True", nil), want: rollout.Taken,
		},
		"ReconciledAnEarlierOne": {
			reason: "The weights before are still in force.",
			status: said("True", "2"), want: rollout.Unconfirmed, message: unconfirmed,
		},
		"TheConditionIsOfAnEarlierOne": {
			reason: "A condition may name a generation of its own.",
			status: ofItsOwn, want: rollout.Unconfirmed, message: unconfirmed,
		},
		"NotReconciled": {
			reason: "Some proxies divide by the weights before.",
			status: said("False", int64(3)), want: rollout.Unconfirmed, message: unconfirmed,
		},
		"Error": {
			reason: "What will not mend itself is what users must hear of.",
			status: complaining(said("True", int64(3)), "ERROR"), want: rollout.Refused, message: refused,
		},
		"ErrorWithoutACondition": {
			reason: "The analysis may be on without the conditions.",
			status: complaining(map[string]any{}, "ERROR"), want: rollout.Refused, message: refused,
		},
		"ErrorInAnEarlierOne": {
			reason: "A no to another generation says nothing of this one.",
			status: complaining(map[string]any{"observedGeneration": int64(2)}, "ERROR"), want: rollout.Unconfirmed, message: unconfirmed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			route := object(map[string]any{})
			route.SetGeneration(3)
			if test.status != nil {
				route.Object["status"] = test.status
			}
			got, message, err := acceptance(route)
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want || message != test.message {
				t.Errorf("%s\ngot  %d %q\nwant %d %q", test.reason, got, message, test.want, test.message)
			}
		})
	}
}

// An answer holds for the weights it was given to and for no later ones.
func TestANewWeightAwaitsANewAnswer(t *testing.T) {
	b := routertest.NewBench(t, provider(t))
	b.Apply(rollout.Split(10), 3)
	route := b.Routing()
	route.Object["status"] = said("True", route.GetGeneration())
	b.Report(route)
	if got := b.Observe(); got.Acceptance != rollout.Taken {
		t.Errorf("after the answer: %+v", got)
	}
	b.Apply(rollout.Split(20), 1)
	if got := b.Observe(); got.Acceptance != rollout.Unconfirmed {
		t.Errorf("after the next step: %+v", got)
	}
}

func TestAStatusThatCannotBeReadIsAnError(t *testing.T) {
	route := object(map[string]any{})
	route.Object["status"] = map[string]any{"conditions": "none"}
	if _, _, err := acceptance(route); err == nil {
		t.Error("a list that is none was read")
	}
}
