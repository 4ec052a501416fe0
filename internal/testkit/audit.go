package testkit

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Operator is the API server's user whose requests are audited; UserConfig gives its credentials.
const Operator = "flagger"

const auditLog = "audit.log"

// auditPolicy records Operator, service accounts and nobody else. A request is recorded before it is served, and the log
// is written in step with that: once a request is answered, it is in the file.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [ResponseStarted, Panic]
rules:
- level: Metadata
  users: ["` + Operator + `"]
- level: Metadata
  userGroups: ["system:serviceaccounts"]
- level: None
`

// AuditEvent is one request that was recorded.
type AuditEvent struct {
	User        string
	Verb        string // get, list, watch, create, update, patch, delete, ...
	Group       string // the API group; empty for the core group
	Resource    string // plural; empty where URI is no resource's
	Subresource string
	Namespace   string
	Name        string // empty for lists and watches, and for a create that is still under way
	URI         string
	Code        int // the HTTP status; 0 while the request is under way, as a watch may be for long
}

// auditLine is the part of an audit.k8s.io/v1 Event that an AuditEvent is made of.
type auditLine struct {
	AuditID    string `json:"auditID"`
	Verb       string `json:"verb"`
	RequestURI string `json:"requestURI"`
	User       struct {
		Username string `json:"username"`
	} `json:"user"`
	ObjectRef struct {
		APIGroup    string `json:"apiGroup"`
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Namespace   string `json:"namespace"`
		Name        string `json:"name"`
	} `json:"objectRef"`
	ResponseStatus struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
}

// Requests returns every request that Operator made of this binary's API server so far, in the order in which
// they arrived. A test that counts its own compares the lengths before and after, or the namespaces.
func Requests(t testing.TB) []AuditEvent {
	t.Helper()
	return RequestsOf(t, Operator)
}

// RequestsOf is Requests for another user: a service account, by the name system:serviceaccount:NAMESPACE:NAME.
func RequestsOf(t testing.TB, user string) []AuditEvent {
	t.Helper()
	return slices.DeleteFunc(recorded(t), func(event AuditEvent) bool { return event.User != user })
}

// recorded returns all that is in the audit log.
func recorded(t testing.TB) []AuditEvent {
	t.Helper()
	server.Lock()
	defer server.Unlock()
	if server.running == nil {
		t.Fatal("testkit: Requests needs the API server, and no test started it")
	}
	content, err := os.ReadFile(filepath.Join(server.running.dir, auditLog))
	if err != nil {
		t.Fatalf("testkit: read the audit log: %v", err)
	}
	events, err := parseAudit(content)
	if err != nil {
		t.Fatalf("testkit: read the audit log: %v", err)
	}
	return events
}

// parseAudit reads an audit log. A request has one line when it arrives and one when it is answered; the
// second completes the first. A last line without its end is still being written and is left out.
func parseAudit(content []byte) ([]AuditEvent, error) {
	var events []AuditEvent
	position := map[string]int{}
	complete := content[:bytes.LastIndexByte(content, '\n')+1]
	for line := range bytes.Lines(complete) {
		var read auditLine
		if err := json.Unmarshal(line, &read); err != nil {
			return nil, err
		}
		at, known := position[read.AuditID]
		if !known {
			at = len(events)
			position[read.AuditID] = at
			events = append(events, AuditEvent{})
		}
		events[at] = AuditEvent{
			User:        read.User.Username,
			Verb:        read.Verb,
			Group:       read.ObjectRef.APIGroup,
			Resource:    read.ObjectRef.Resource,
			Subresource: read.ObjectRef.Subresource,
			Namespace:   read.ObjectRef.Namespace,
			Name:        read.ObjectRef.Name,
			URI:         read.RequestURI,
			Code:        read.ResponseStatus.Code,
		}
	}
	return events, nil
}
