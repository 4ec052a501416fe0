package testkit

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseAudit(t *testing.T) {
	const (
		arrived  = `{"auditID":"1","user":{"username":"flagger"},"verb":"create","requestURI":"/api/v1/namespaces/ns/events","objectRef":{"resource":"events","namespace":"ns"}}`
		answered = `{"auditID":"1","user":{"username":"flagger"},"verb":"create","requestURI":"/api/v1/namespaces/ns/events","objectRef":{"resource":"events","namespace":"ns","name":"a"},"responseStatus":{"code":201}}`
		watch    = `{"auditID":"2","verb":"watch","requestURI":"/apis/apps/v1/deployments?watch=true","objectRef":{"apiGroup":"apps","resource":"deployments"}}`
	)
	created := AuditEvent{
		User: Operator, Verb: "create", Resource: "events", Namespace: "ns", Name: "a", URI: "/api/v1/namespaces/ns/events", Code: 201,
	}
	watching := AuditEvent{
		Verb: "watch", Group: "apps", Resource: "deployments", URI: "/apis/apps/v1/deployments?watch=true",
	}
	tests := map[string]struct {
		reason string
		log    []string
		want   []AuditEvent
	}{
		"AnsweredRequestCountsOnce": {
			reason: "A request has two lines; counting both would double the operator's cost.",
			log:    []string{arrived, answered, ""},
			want:   []AuditEvent{created},
		},
		"OrderIsThatOfArrival": {
			reason: "An answer that comes late completes its request where that stands.",
			log:    []string{arrived, watch, answered, ""},
			want:   []AuditEvent{created, watching},
		},
		"HalfALineWaits": {
			reason: "The API server may be writing while the test reads.",
			log:    []string{watch, arrived[:20]},
			want:   []AuditEvent{watching},
		},
		"NothingIsNothing": {
			reason: "An idle operator leaves an empty log, and that is the result hoped for.",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseAudit([]byte(strings.Join(test.log, "\n")))
			if err != nil {
				t.Fatalf("%s: %v", test.reason, err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
		})
	}
}
