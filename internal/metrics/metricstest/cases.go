package metricstest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Case names a row of the table.
type Case string

// The rows of the table.
const (
	OneValue        Case = "Value"
	SeveralSeries   Case = "SeveralSeries"
	Empty           Case = "Empty"
	Null            Case = "Null"
	NaN             Case = "NaN"
	Unauthorized    Case = "Unauthorized"
	Forbidden       Case = "Forbidden"
	NotFound        Case = "NotFound"
	TooManyRequests Case = "TooManyRequests"
	ServerError     Case = "ServerError"
	Slow            Case = "Slow"
	Refused         Case = "Refused"
	Garbage         Case = "Garbage"
)

// row is one way in which a query can go, and the verdict on it.
type row struct {
	is     Case
	reason string
	answer http.HandlerFunc
	want   Verdict
}

// table returns the rows for b.
func table(b Backend) []row {
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { b.refuse(w, r, code) }
	}
	garbage := b.Answers.Garbage
	if garbage == nil {
		garbage = logIn
	}
	return []row{
		{OneValue, "The usual answer is a value.", b.Answers.Value, Value},
		{SeveralSeries, "Users rely on the series that always counted.", b.Answers.SeveralSeries, Value},
		{Empty, "No series is no data, not 0.", b.Answers.Empty, NoData},
		{Null, "null is no data, not 0.", b.Answers.Null, NoData},
		{NaN, "NaN would satisfy every bound.", b.Answers.NaN, NoData},
		{Unauthorized, "Who may not ask learns nothing about the canary.", status(http.StatusUnauthorized), ProviderError},
		{Forbidden, "Who may not ask learns nothing about the canary.", status(http.StatusForbidden), ProviderError},
		{NotFound, "A wrong address is not the canary's fault.", status(http.StatusNotFound), ProviderError},
		{TooManyRequests, "A quota that is used up is asked again later.", status(http.StatusTooManyRequests), ProviderError},
		{ServerError, "An outage tells nothing about the canary.", status(http.StatusInternalServerError), ProviderError},
		{Slow, "The caller's deadline bounds a query, and a late answer is none.", untilHungUp, ProviderError},
		{Refused, "Nobody answers.", http.NotFound, ProviderError},
		{Garbage, "What is no answer of the back end tells nothing about the canary.", garbage, ProviderError},
	}
}

// unshown is what a page of somebody else's says; it may be private, so no error quotes it.
const unshown = "internal page"

func logIn(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	_, _ = fmt.Fprintf(w, "<html><body>%s</body></html>", unshown) // a client that hung up is the client's test
}

// untilHungUp never answers.
func untilHungUp(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// echo returns the headers of a request and its query, as a careless server or proxy prints them, and much more.
func echo(r *http.Request) string {
	var said []string
	for name, values := range r.Header {
		said = append(said, fmt.Sprintf("%s: %s", name, strings.Join(values, ", ")))
	}
	slices.Sort(said)
	return fmt.Sprintf("you said\n%s\n%s", strings.Join(said, "\n"), strings.Repeat("and so on\n", 1000))
}
