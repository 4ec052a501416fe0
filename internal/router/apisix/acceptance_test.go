package apisix

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router/routertest"
)

// answer is a condition as APISIX's controller writes it.
func answer(kind, status string, generation int64) any {
	return map[string]any{
		"type": kind, "status": status, "reason": "SyncFailed", "message": "backend timed out at 10:31",
		"observedGeneration": generation, "lastTransitionTime": "2026-01-02T03:04:05Z",
	}
}

func TestAcceptance(t *testing.T) {
	const present = 4
	for name, test := range map[string]struct {
		reason     string
		conditions []any
		want       rollout.Acceptance
		message    string
	}{
		"NoAnswer": {
			reason: "A controller may be told to write no status.",
			want:   rollout.Taken,
		},
		"Accepted": {
			reason: "The controller of version 2.", conditions: []any{answer("Accepted", "True", present)},
			want: rollout.Taken,
		},
		"ResourcesAvailable": {
			reason: "The controller of version 1.", conditions: []any{answer("ResourcesAvailable", "True", present)},
			want: rollout.Taken,
		},
		"Stale": {
			reason: "It has answered before, so it will again.", conditions: []any{answer("Accepted", "True", present-1)},
			want: rollout.Unconfirmed, message: "ApisixRoute shop-podinfo-canary.test is not confirmed by APISIX yet",
		},
		"StaleRefusal": {
			reason: "What was wrong may be mended by now.", conditions: []any{answer("Accepted", "False", present-1)},
			want: rollout.Unconfirmed, message: "ApisixRoute shop-podinfo-canary.test is not confirmed by APISIX yet",
		},
		"Unknown": {
			reason: "It has seen it and knows no more.", conditions: []any{answer("Accepted", "Unknown", present)},
			want: rollout.Unconfirmed, message: "ApisixRoute shop-podinfo-canary.test is not confirmed by APISIX yet",
		},
		"Refused": {
			reason:     "The weights of before are in force; the message may change from try to try, so it is not ours.",
			conditions: []any{answer("Accepted", "False", present)}, want: rollout.Refused,
			message: "ApisixRoute shop-podinfo-canary.test is refused by APISIX: its condition Accepted is False for the reason SyncFailed",
		},
		"RefusedByVersion1": {
			reason: "The same by its older name.", conditions: []any{answer("ResourcesAvailable", "False", present)}, want: rollout.Refused,
			message: "ApisixRoute shop-podinfo-canary.test is refused by APISIX: its condition ResourcesAvailable is False for the reason SyncFailed",
		},
		"LeftBehind": {
			reason:     "After an upgrade nobody writes the older condition any more.",
			conditions: []any{answer("ResourcesAvailable", "True", present-2), answer("Accepted", "True", present)},
			want:       rollout.Taken,
		},
		"AnotherCondition": {
			reason: "Of others we know nothing.", conditions: []any{answer("Healthy", "False", present)},
			want: rollout.Taken,
		},
	} {
		t.Run(name, func(t *testing.T) {
			object := route("shop-podinfo-canary")
			object.SetGeneration(present)
			if test.conditions != nil {
				object.Object["status"] = map[string]any{"conditions": test.conditions}
			}
			got, message, err := acceptance(object)
			if err != nil || got != test.want || message != test.message {
				t.Errorf("%s Got %v, %q, %v, want %v, %q", test.reason, got, message, err, test.want, test.message)
			}
		})
	}
}

func TestAnUnreadableStatusIsAnError(t *testing.T) {
	object := route("shop-podinfo-canary")
	object.Object["status"] = map[string]any{"conditions": "none"}
	_, _, err := acceptance(object)
	if err == nil || !strings.HasPrefix(err.Error(), "read the status of ApisixRoute shop-podinfo-canary.test: ") {
		t.Errorf("got error %v, want one that names the object", err)
	}
}

// The status is no drift, whoever writes it, and a later step waits for the next answer.
func TestAnAnswerCountsForItsGeneration(t *testing.T) {
	b := routertest.NewBench(t, provider(t))
	b.Apply(rollout.Split(25), 1)
	if got := b.Observe().Acceptance; got != rollout.Taken {
		t.Errorf("without an answer: got %v", got)
	}
	respond(b, "True")
	b.Apply(rollout.Split(25), 0)
	if got := b.Observe().Acceptance; got != rollout.Taken {
		t.Errorf("accepted: got %v", got)
	}
	b.Apply(rollout.Split(50), 1)
	if got := b.Observe(); got.Acceptance != rollout.Unconfirmed || got.Message == "" {
		t.Errorf("with the answer of the step before: got %+v", got)
	}
	respond(b, "False")
	if got := b.Observe(); got.Acceptance != rollout.Refused || got.Message == "" {
		t.Errorf("refused: got %+v", got)
	}
}

// respond writes what APISIX's controller would about the canary route as it is.
func respond(b *routertest.Bench, status string) {
	b.Helper()
	object := b.Routing()
	conditions := []any{answer("Accepted", status, object.GetGeneration())}
	if err := unstructured.SetNestedSlice(object.Object, conditions, "status", "conditions"); err != nil {
		b.Fatal(err)
	}
	b.Report(object)
}
