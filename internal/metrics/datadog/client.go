package datadog

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/DataDog/datadog-api-client-go/v2/api/datadog"

	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/httpapi"
)

var (
	// errShape says that a success is not one of Datadog's.
	errShape = errors.New("error unmarshaling result: not the shape of an answer")
	// errNoValues says that an answer has no value.
	errNoValues = fmt.Errorf("invalid response: %w", metrics.ErrNoData)
)

// transport lets the library send its requests through our client, which adds the keys.
type transport func(*http.Request) (*http.Response, error)

// RoundTrip sends one request; an answer that is no success is an error.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) { return t(req) }

// newLibrary returns Datadog's client of the site that client calls. It does not try twice: the next check does.
func newLibrary(client *httpapi.Client) *datadog.APIClient {
	cfg := datadog.NewConfiguration()
	cfg.Servers = datadog.ServerConfigurations{{URL: strings.TrimSuffix(client.Address(), "/")}}
	cfg.OperationServers = nil
	cfg.HTTPClient = &http.Client{Transport: transport(client.Do)}
	return datadog.NewAPIClient(cfg)
}

// failure returns the library's error as one that can be shown: what our client said, with the status, else that the
// answer could not be decoded, as the library quotes it.
func failure(err error) error {
	var sent *url.Error
	if !errors.As(err, &sent) {
		return errShape
	}
	var refusal *httpapi.Refusal
	if !errors.As(sent.Err, &refusal) || refusal.Body == "" {
		return sent.Err
	}
	return fmt.Errorf("%w: %d %s", sent.Err, refusal.Status, http.StatusText(refusal.Status))
}
