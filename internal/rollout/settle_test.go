package rollout

import (
	"testing"
	"time"
)

// TestPodsThatTheDataPlaneDoesNotKnow is about the seconds after pods have come where there were none.
func TestPodsThatTheDataPlaneDoesNotKnow(t *testing.T) {
	up := did(ScaleCanary{Direction: Up})
	first := decided(
		did(Route{Traffic: Split(20)}), enters(inRun), counts(20, 0, 0), ticked(), wakes(30*time.Second), applied(revB),
		said(normal(ReasonAnalysisStarted, "Starting canary analysis for podinfo.test"),
			normal(ReasonWeightAdvanced, "Advance podinfo.test canary weight 20")),
	)
	runRows(t, map[string]row{
		"GetNoUsersYet": {
			reason: "The gateway would answer 404: it hears of endpoints after us. Nothing is written meanwhile.",
			in:     observe(beginning(), servingFor(time.Second)), want: decided(up, wakes(2*time.Second)),
		},
		"GetTheirFirstUsersInTime": {
			reason: "Three seconds are what it takes.", in: observe(beginning(), servingFor(3*time.Second)), want: first,
		},
		"WaitNoLongerThanThatForAClockSetBack": {
			reason: "Pods that are of tomorrow are known three seconds from now at the latest.",
			in:     observe(beginning(), servingFor(-time.Hour)), want: decided(up, wakes(3*time.Second)),
		},
		"GetNoUsersBackEither": {
			reason: "A rollback to nobody helps nobody.",
			in:     observe(progressingAt(20), failedChecks(2), primaryServingFor(2*time.Second)), want: decided(wakes(time.Second)),
		},
		"KeepNoRevisionOutForLong": {
			reason: "The primary has only just come back.",
			in:     observe(pushed(revB), primaryServingFor(2*time.Second)), want: decided(wakes(time.Second)),
		},
		"AreNotPromisedTheFirstUsers": {
			reason: "They are well served where they are.",
			in:     observe(copied(), primaryServingFor(time.Second)), want: decided(wakes(2 * time.Second)),
		},
	})
}
