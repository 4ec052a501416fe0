package metricstest

import (
	"net/http"
	"testing"

	"flagger.app/flagger/internal/metrics"
)

const (
	// Measured is the value of every answer that has one.
	Measured = 99.5
	// Secret is part of all credentials that a Backend gives its provider; no error may show it.
	Secret = "s3cret"
)

// Backend is a provider and how the back end behind it answers, in the shapes that the real one sends.
type Backend struct {
	// New returns the provider for the server at address, which is http://127.0.0.1:<port>.
	New func(t *testing.T, address string) metrics.Provider
	// Query is one that the provider sends.
	Query string
	// Answers are those of a request that has succeeded.
	Answers Answers
	// Refuse answers with a status from 400 on, saying message where the back end has a text; nil does so in plain text.
	// A handler without statuses of HTTP translates them.
	Refuse func(w http.ResponseWriter, r *http.Request, status int, message string)
	// Differs holds the cases with another verdict than the table's; the package of the provider says why.
	Differs map[Case]Verdict
}

// Answers are those of a request that has succeeded. All but Garbage are required: what a back end cannot give is an
// answer that looks so.
type Answers struct {
	// Value is the usual answer.
	Value http.HandlerFunc
	// SeveralSeries has Measured in the series that counts, and other values in the others.
	SeveralSeries http.HandlerFunc
	// Empty has no series, Null one without a value, NaN one whose value is no number.
	Empty, Null, NaN http.HandlerFunc
	// Garbage is no answer of the back end; nil is a log-in page.
	Garbage http.HandlerFunc
}

// Body answers with a JSON document.
func Body(document string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(document)) // a client that hung up is the client's test
	}
}

// refuse answers with a status and what the request said, at a length that nobody wants to read.
func (b Backend) refuse(w http.ResponseWriter, r *http.Request, status int) {
	message := echo(r)
	if b.Refuse == nil {
		http.Error(w, message, status)
		return
	}
	b.Refuse(w, r, status, message)
}
