//go:build linux

package story_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/test/lab"
	"flagger.app/flagger/test/story"
)

// entry is a line of the audit log about a request received at a second of the first minute.
func entry(stage, verb, resource, second string) string {
	resource, subresource, _ := strings.Cut(resource, "/")
	return `{"stage":"` + stage + `","verb":"` + verb + `","requestURI":"/x","requestReceivedTimestamp":"2026-01-01T00:00:` + second +
		`.000000Z","objectRef":{"resource":"` + resource + `","subresource":"` + subresource + `","name":"podinfo"}}` + "\n"
}

// signed is a line of the audit log about a request of the user flagger, in the name of another one where that is not empty.
func signed(id, stage, as string) string {
	line := `{"auditID":"` + id + `","stage":"` + stage + `","verb":"get","requestURI":"/version",` +
		`"requestReceivedTimestamp":"2026-01-01T00:00:10.000000Z","user":{"username":"flagger"}`
	if as != "" {
		line += `,"impersonatedUser":{"username":"` + as + `"}`
	}
	return line + "}\n"
}

// audited returns the requests that a log tells from a second on.
func audited(t *testing.T, log string, second int) []story.Request {
	t.Helper()
	state := lab.State(t.TempDir())
	if err := os.WriteFile(filepath.Join(string(state), "audit.log"), []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	requests, err := story.Requests(state, time.Date(2026, time.January, 1, 0, 0, second, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	return requests
}

func TestRequests(t *testing.T) {
	const received, complete = "RequestReceived", "ResponseComplete"
	at := func(second int) time.Time { return time.Date(2026, time.January, 1, 0, 0, second, 0, time.UTC) }
	tests := map[string]struct {
		reason string
		log    string
		want   []story.Request
	}{
		"Once": {
			reason: "A request is logged when it comes and when it was answered; it is one all the same.",
			log:    entry(received, "patch", "canaries/status", "10") + entry(complete, "patch", "canaries/status", "10"),
			want:   []story.Request{{At: at(10), Verb: "patch", Resource: "canaries/status", Name: "podinfo"}},
		},
		"Earlier": {
			reason: "A watch that was opened before costs nothing now, even if it ends now.",
			log:    entry(received, "watch", "canaries", "01") + entry(complete, "watch", "canaries", "01"),
		},
		"Renewed": {
			reason: "A watch that is opened now is a request.",
			log:    entry(received, "watch", "canaries", "10"),
			want:   []story.Request{{At: at(10), Verb: "watch", Resource: "canaries", Name: "podinfo"}},
		},
		"BeingWritten": {
			reason: "A line without an end is not read yet.",
			log:    entry(received, "get", "leases", "10") + `{"stage":"Requ`,
			want:   []story.Request{{At: at(10), Verb: "get", Resource: "leases", Name: "podinfo"}},
		},
		"Replica": {
			reason: "A request that is made in somebody else's name is that one's, which its end alone tells.",
			log:    signed("1", received, "") + signed("2", received, "") + signed("2", complete, "flagger-2") + signed("1", complete, "flagger-1"),
			want: []story.Request{
				{At: at(10), User: "flagger-1", Verb: "get", Resource: "/version"},
				{At: at(10), User: "flagger-2", Verb: "get", Resource: "/version"},
			},
		},
		"Alone": {
			reason: "Any other is the user's own.",
			log:    signed("1", received, "") + signed("1", complete, ""),
			want:   []story.Request{{At: at(10), User: "flagger", Verb: "get", Resource: "/version"}},
		},
		"Discovery": {
			reason: "A request for no object goes by its path.",
			log:    `{"stage":"RequestReceived","verb":"get","requestURI":"/version","requestReceivedTimestamp":"2026-01-01T00:00:10.000000Z"}` + "\n",
			want:   []story.Request{{At: at(10), Verb: "get", Resource: "/version"}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, audited(t, test.log, 5)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
		})
	}
}

func TestNoLogIsNoRequest(t *testing.T) {
	requests, err := story.Requests(lab.State(t.TempDir()), time.Time{})
	if err != nil || len(requests) != 0 {
		t.Errorf("got %v, %v; want none: the file comes with the first request", requests, err)
	}
}

func TestBrokenLogIsAnError(t *testing.T) {
	state := lab.State(t.TempDir())
	if err := os.WriteFile(state.AuditLog(), []byte("nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := story.Requests(state, time.Time{}); err == nil {
		t.Error("got no error; a count of a log that cannot be read would be taken for few requests")
	}
}

func TestKinds(t *testing.T) {
	requests := []story.Request{{Verb: "patch", Resource: "a"}, {Verb: "get", Resource: "b"}, {Verb: "patch", Resource: "a", Name: "x"}}
	if diff := cmp.Diff([]string{"  1 get b", "  2 patch a"}, story.Kinds(requests)); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
	if !(story.Request{Resource: "leases"}).IsLease() || (story.Request{Resource: "canaries"}).IsLease() {
		t.Error("a lease is known by its resource")
	}
}

func TestIsWrite(t *testing.T) {
	for verb, want := range map[string]bool{
		"get": false, "list": false, "watch": false,
		"create": true, "update": true, "patch": true, "delete": true, "deletecollection": true,
	} {
		if got := (story.Request{Verb: verb}).IsWrite(); got != want {
			t.Errorf("%s is a write: got %t", verb, got)
		}
	}
}
