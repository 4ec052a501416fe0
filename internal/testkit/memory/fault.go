package memory

import (
	"errors"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// ErrDead is what a client answers whose process has died.
var ErrDead = errors.New("the process is dead")

// Request is what a client asks of the server.
type Request struct {
	// Verb is get, list, create, update, patch, apply or delete; Subresource is "status" or empty.
	Verb, Subresource string
	Kind              schema.GroupVersionKind
	Namespace, Name   string
	// Cached is a read that the caches answer.
	Cached bool
}

// String is the request in short, as in "patch status Canary web".
func (r Request) String() string {
	words := []string{r.Verb, r.Subresource, r.Kind.Kind, r.Name}
	return strings.Join(slices.DeleteFunc(words, func(word string) bool { return word == "" }), " ")
}

// IsRead tells whether the request changes nothing.
func (r Request) IsRead() bool { return r.Verb == "get" || r.Verb == "list" }

// Write is a request that changed an object. Nobody may change the trees; nil is an object that was not there before, or
// is no more.
type Write struct {
	Request
	Before, After map[string]any
}

// Fault is what becomes of a request.
type Fault int

const (
	// Fine is no fault.
	Fine Fault = iota
	// Conflict is answered with 409, and nothing is done.
	Conflict
	// TooMany is answered with 429, and nothing is done.
	TooMany
	// Broken is answered with 500, and nothing is done.
	Broken
	// Lost is never answered, and not done either.
	Lost
	// Unanswered is done, but its sender does not know.
	Unanswered
	// Died kills the process before the request is sent.
	Died
	// DiedAfter kills the process once the request is done.
	DiedAfter
)

// Hooks see a client's requests. Both may change the cluster through another client, as somebody who is faster.
type Hooks struct {
	// Before decides on the fate of each request; nil lets everything pass.
	Before func(Request) Fault
	// After is told of each write that changed something, whatever its sender is told.
	After func(Write)
}

// refusal is the answer of a fault by which nothing is done, nil for none.
func (f Fault) refusal(r Request) error {
	switch f {
	case Conflict:
		return conflict(r.Kind, r.Name, "the object has been modified; please apply your changes to the latest version and try again")
	case TooMany:
		return apierrors.NewTooManyRequests("too many requests, please try again later", 1)
	case Broken:
		return apierrors.NewInternalError(errors.New("etcdserver: leader changed"))
	case Lost:
		return errTimeout()
	case Died:
		return ErrDead
	case Fine, Unanswered, DiedAfter:
	}
	return nil
}

func errTimeout() error { return apierrors.NewTimeoutError("the request was not answered in time", 1) }
