package controller

import (
	"errors"
	"testing"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/testkit"
)

func TestAlertsFollowTheirEvents(t *testing.T) {
	begins := rollout.Alert{
		Severity: v1beta1.SeverityInfo, Message: "New revision detected, progressing canary analysis.", Detailed: true,
	}
	cases := map[string]struct {
		reason string
		hooks  []testkit.CanaryOption
		before func(w *world)
		end    v1beta1.CanaryPhase
		want   []rollout.Alert
	}{
		"Promoted": {
			reason: "A release is told when it begins and when it is over, after its last event.",
			before: func(*world) {},
			end:    v1beta1.PhaseSucceeded,
			want: []rollout.Alert{
				begins, {Severity: v1beta1.SeverityInfo, Message: "Canary analysis completed successfully, promotion finished."},
			},
		},
		"Stuck": {
			reason: "A canary that never starts is what people have to know.",
			before: func(w *world) { w.broken["app:2"] = true },
			end:    v1beta1.PhaseFailed,
			want: []rollout.Alert{
				begins, {Severity: v1beta1.SeverityError, Message: "Progress deadline exceeded " +
					`canary deployment web.ns not ready: deployment "web" exceeded its progress deadline`},
			},
		},
		"Waiting": {
			reason: "A gate that stays closed is told once.",
			hooks:  []testkit.CanaryOption{testkit.Webhook(v1beta1.HookConfirmRollout, "gate")},
			before: func(w *world) { w.hooks.Close("gate", errors.New("not yet")) },
			end:    v1beta1.PhaseWaiting,
			want:   []rollout.Alert{{Severity: v1beta1.SeverityWarn, Message: "Canary is waiting for approval."}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.rollOut(tc.hooks...)
			w.alerts.Reset()
			tc.before(w)
			w.push("app:2")
			w.until(tc.end)
			for range 4 {
				w.step()
			}
			got := w.alerts.Alerts()
			for i := range got {
				got[i].Message = w.plain(got[i].Message)
			}
			expect(t, tc.reason, tc.want, got)
		})
	}
}
