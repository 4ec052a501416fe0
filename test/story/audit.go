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
	Verb     string
	Resource string // with the subresource, if any
	Name     string
}

func (r Request) String() string { return r.Verb + " " + r.Resource + " " + r.Name }

// IsLease tells whether the request is one of the leader election.
func (r Request) IsLease() bool { return r.Resource == "leases" }

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
	for line := range bytes.Lines(content) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // it is being written
		}
		request, received, err := parseRequest(line)
		if err != nil {
			return nil, fmt.Errorf("read the audit log: %w", err)
		}
		if received && !request.At.Before(from) {
			requests = append(requests, request)
		}
	}
	return requests, nil
}

// parseRequest reads a line of the audit log. Each request has two, for its arrival and its end; it returns true for
// the first.
func parseRequest(line []byte) (Request, bool, error) {
	var entry struct {
		Stage     string    `json:"stage"`
		Verb      string    `json:"verb"`
		URI       string    `json:"requestURI"`
		Received  time.Time `json:"requestReceivedTimestamp"`
		ObjectRef *struct {
			Resource    string `json:"resource"`
			Subresource string `json:"subresource"`
			Name        string `json:"name"`
		} `json:"objectRef"`
	}
	if err := json.Unmarshal(line, &entry); err != nil {
		return Request{}, false, err
	}
	request := Request{At: entry.Received, Verb: entry.Verb, Resource: entry.URI}
	if ref := entry.ObjectRef; ref != nil {
		request.Resource, request.Name = ref.Resource, ref.Name
		if ref.Subresource != "" {
			request.Resource += "/" + ref.Subresource
		}
	}
	return request, entry.Stage == "RequestReceived", nil
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
