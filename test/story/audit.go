//go:build linux

package story

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"flagger.app/flagger/test/lab"
)

// Request is one request of the operator to the API server, as the audit log tells it.
type Request struct {
	At       time.Time // when it was received
	User     string    // in whose name it was made; the operator's own while it is not answered
	Verb     string
	Resource string // with the subresource, if any
	Name     string
}

func (r Request) String() string { return r.Verb + " " + r.Resource + " " + r.Name }

// IsLease tells whether the request is one of the leader election.
func (r Request) IsLease() bool { return r.Resource == "leases" }

// IsWrite tells whether the request changes something, if it succeeds.
func (r Request) IsWrite() bool {
	return slices.Contains([]string{"create", "update", "patch", "delete", "deletecollection"}, r.Verb)
}

// Requests returns the operator's requests that the API server received from the given time on, to the microsecond. A
// watch counts as one request when it is opened, and again whenever it is renewed; its messages count nothing.
func Requests(state lab.State, from time.Time) ([]Request, error) {
	content, err := os.ReadFile(state.AuditLog())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil // it comes with the first request
	}
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	var requests []Request
	byID := map[string]int{} // the index of each
	for line := range bytes.Lines(content) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // it is being written
		}
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("read the audit log: %w", err)
		}
		if e.Stage == "RequestReceived" && !e.Received.Before(from) {
			byID[e.ID] = len(requests)
			requests = append(requests, e.request())
		}
		if at, found := byID[e.ID]; found && e.As != nil {
			requests[at].User = e.As.Name
		}
	}
	return requests, nil
}

// entry is a line of the audit log. Each request has two, for its arrival and its end; the second alone tells in whose
// name it was made.
type entry struct {
	ID        string    `json:"auditID"`
	Stage     string    `json:"stage"`
	Verb      string    `json:"verb"`
	URI       string    `json:"requestURI"`
	Received  time.Time `json:"requestReceivedTimestamp"`
	User      user      `json:"user"`
	As        *user     `json:"impersonatedUser"`
	ObjectRef *struct {
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Name        string `json:"name"`
	} `json:"objectRef"`
}

type user struct {
	Name string `json:"username"`
}

func (e entry) request() Request {
	request := Request{At: e.Received, User: e.User.Name, Verb: e.Verb, Resource: e.URI}
	if ref := e.ObjectRef; ref != nil {
		request.Resource, request.Name = ref.Resource, ref.Name
		if ref.Subresource != "" {
			request.Resource += "/" + ref.Subresource
		}
	}
	return request
}

// Kinds counts requests by verb and resource, sorted.
func Kinds(requests []Request) []string {
	counts := map[string]int{}
	for _, r := range requests {
		counts[r.Verb+" "+r.Resource]++
	}
	var kinds []string
	for kind, n := range counts {
		kinds = append(kinds, fmt.Sprintf("%3d %s", n, kind))
	}
	slices.Sort(kinds)
	return kinds
}
