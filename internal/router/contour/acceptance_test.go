package contour

import (
	"testing"

	"flagger.app/flagger/internal/rollout"
)

const (
	unconfirmed = "HTTPProxy podinfo.test is not confirmed by Contour yet"
	present     = int64(4)
)

// status is what Contour says of a generation.
func status(summary, valid string, generation int64, reasons ...string) map[string]any {
	answer := map[string]any{"type": "Valid", "status": valid, "observedGeneration": generation}
	var list []any
	for _, reason := range reasons {
		list = append(list, map[string]any{"type": "ServiceError", "status": "True", "reason": reason, "message": "at 10:31"})
	}
	answer["errors"] = list
	other := map[string]any{"type": "Somebody", "status": "False", "observedGeneration": generation}
	return map[string]any{"currentStatus": summary, "conditions": []any{other, answer}}
}

func TestAcceptance(t *testing.T) {
	for name, test := range map[string]struct {
		reason  string
		status  map[string]any
		want    rollout.Acceptance
		message string
	}{
		"NoAnswer": {
			reason: "The CRD's default is no answer.",
			status: map[string]any{"currentStatus": "NotReconciled", "description": "Waiting for controller"},
			want:   rollout.Unconfirmed, message: unconfirmed,
		},
		"NoStatus": {reason: "Nor is nothing.", want: rollout.Unconfirmed, message: unconfirmed},
		"Valid":    {reason: "Contour routes by it.", status: status("valid", "True", present), want: rollout.Taken},
		"Stale": {
			reason: "What it says is about the weights of before.", status: status("valid", "True", present-1),
			want: rollout.Unconfirmed, message: unconfirmed,
		},
		"StaleRefusal": {
			reason: "What was wrong may be mended by now.", status: status("invalid", "False", present-1, "ServiceUnresolvedReference"),
			want: rollout.Unconfirmed, message: unconfirmed,
		},
		"Orphaned": {
			reason: "Nobody is routed by it, so nobody is routed wrongly.", status: status("orphaned", "False", present, "Orphaned"),
			want: rollout.Taken,
		},
		"Invalid": {
			reason: "The texts of the errors may change from try to try, so they are not ours.",
			status: status("invalid", "False", present, "ServiceUnresolvedReference", "HeaderMatchConditionsNotValid"),
			want:   rollout.Refused, message: "HTTPProxy podinfo.test is invalid to Contour for the reasons ServiceUnresolvedReference, HeaderMatchConditionsNotValid",
		},
	} {
		t.Run(name, func(t *testing.T) {
			proxy := httpProxy()
			proxy.SetGeneration(present)
			if test.status != nil {
				proxy.Object["status"] = test.status
			}
			got, message := acceptance(proxy)
			if got != test.want || message != test.message {
				t.Errorf("%s\ngot  %v %q\nwant %v %q", test.reason, got, message, test.want, test.message)
			}
		})
	}
}
