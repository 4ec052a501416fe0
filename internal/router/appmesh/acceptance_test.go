package appmesh

import (
	"testing"

	"flagger.app/flagger/internal/rollout"
)

func TestAcceptance(t *testing.T) {
	condition := func(status string) []any {
		return []any{map[string]any{"type": "VirtualRouterActive", "status": status, "reason": "Inactive"}}
	}
	for name, test := range map[string]struct {
		reason     string
		observed   int64
		conditions []any
		want       rollout.Acceptance
		message    string
	}{
		"Active": {
			reason: "App Mesh has made what this generation asks for.", observed: 3, conditions: condition("True"), want: rollout.Taken,
		},
		"Silent": {
			reason: "Nobody has answered yet.", want: rollout.Unconfirmed,
			message: "VirtualRouter podinfo.test is not confirmed by App Mesh yet",
		},
		"Outdated": {
			reason: "The answer is about the weights before.", observed: 2, conditions: condition("True"), want: rollout.Unconfirmed,
			message: "VirtualRouter podinfo.test is not confirmed by App Mesh yet",
		},
		"Unknown": {
			reason: "Unknown is no answer.", observed: 3, conditions: condition("Unknown"), want: rollout.Unconfirmed,
			message: "VirtualRouter podinfo.test is not confirmed by App Mesh yet",
		},
		"Inactive": {
			reason: "A no stays one until somebody mends it.", observed: 3, conditions: condition("False"), want: rollout.Refused,
			message: `VirtualRouter podinfo.test is refused by App Mesh: its condition VirtualRouterActive is False, reason "Inactive"`,
		},
		"RefusedBefore": {
			reason: "A no to the weights before is none to these.", observed: 2, conditions: condition("False"), want: rollout.Unconfirmed,
			message: "VirtualRouter podinfo.test is not confirmed by App Mesh yet",
		},
	} {
		t.Run(name, func(t *testing.T) {
			live := virtualRouter("podinfo", "podinfo-primary")
			live.SetGeneration(3)
			live.Object["status"] = map[string]any{"observedGeneration": test.observed, "conditions": test.conditions}
			got, message, err := acceptance(live)
			if err != nil || got != test.want || message != test.message {
				t.Errorf("%s Got %v, %q, %v, want %v, %q", test.reason, got, message, err, test.want, test.message)
			}
		})
	}
	broken := virtualRouter("podinfo", "podinfo-primary")
	broken.Object["status"] = "active"
	if got, _, err := acceptance(broken); err == nil || got != rollout.Unconfirmed {
		t.Errorf("a status that cannot be read: got %v, %v", got, err)
	}
}
