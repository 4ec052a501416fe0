package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"flagger.app/flagger/internal/metrics"
)

// maxShown is how much of a refusal's body an error shows, in bytes.
const maxShown = 512

// Refusal is an answer that is no success.
type Refusal struct {
	// Status is the HTTP status code.
	Status int
	// Body is the start of what the back end said: one line of valid UTF-8 without credentials, at most 512 bytes.
	Body string
}

// Error returns the body, or the status if there is none.
func (r *Refusal) Error() string {
	if r.Body != "" {
		return "error response: " + r.Body
	}
	return fmt.Sprintf("error response: Status %d %s", r.Status, http.StatusText(r.Status))
}

// Refuse returns the error for an answer, or nil for a success; it is a Refusal inside. 400 and 422 are how back ends
// say that they cannot parse or run a query.
func (c *Client) Refuse(status int, body []byte) error {
	r := &Refusal{Status: status, Body: c.excerpt(body)}
	switch {
	case status >= 200 && status < 300:
		return nil
	case status < 400:
		r.Body = fmt.Sprintf("Status %d %s: redirect to another host is not followed", status, http.StatusText(status))
	case status == http.StatusBadRequest, status == http.StatusUnprocessableEntity:
		return metrics.BadQuery(r)
	}
	return r
}

// excerpt returns the start of a refusal's body without credentials.
func (c *Client) excerpt(body []byte) string {
	return Excerpt(c.hidden.Replace(string(body)))
}

// Excerpt returns the start of what a back end said, as one line of valid UTF-8 and at most 512 bytes.
func Excerpt(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
	if len(text) > maxShown {
		text = strings.ToValidUTF8(text[:maxShown], "")
	}
	return text
}

// Decode fills the value that into points to from a JSON document. Its error says what is wrong, without a quote.
func Decode(document []byte, into any) error {
	err := json.Unmarshal(document, into)
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax):
		return fmt.Errorf("error unmarshaling result: %w", err)
	}
	return errors.New("error unmarshaling result: not the shape of an answer")
}

// Shown returns err without what would change with every attempt (ports) or quote the other side.
func Shown(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	var lookup *net.DNSError
	var network *net.OpError
	switch {
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return fmt.Errorf("lookup %s: no such host", lookup.Name)
	case errors.As(err, &lookup):
		return fmt.Errorf("lookup %s: no answer from the name server", lookup.Name)
	case errors.As(err, &network):
		stable := *network
		stable.Source = nil
		return &stable
	case strings.Contains(err.Error(), "malformed"):
		return errors.New("malformed HTTP response")
	case len(err.Error()) > maxShown:
		return errors.New(Excerpt(err.Error()))
	}
	return err
}
