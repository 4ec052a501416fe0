package prometheus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/prometheus/client_golang/api"

	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/httpapi"
)

// maxBody is how much of any body is read, in bytes.
const maxBody = 4 << 20

// client puts our requests and our errors around those of the library: queries go out as GET, as the contract has
// it, and every error is known.
type client struct {
	api.Client
	access access
}

// known is an error with a text of ours, which may be shown.
type known struct{ error }

// Do sends req as GET with the headers of the provider and returns the body of a success that holds a result.
func (c client) Do(ctx context.Context, req *http.Request) (*http.Response, []byte, error) {
	get, err := c.get(ctx, req)
	if err != nil {
		return nil, nil, known{fmt.Errorf("build request: %w", err)}
	}
	resp, body, err := c.Client.Do(ctx, get)
	switch {
	case err != nil && resp == nil:
		return nil, nil, known{fmt.Errorf("request failed: %w", httpapi.Shown(err))}
	case err != nil:
		return nil, nil, known{fmt.Errorf("error reading body: %w", httpapi.Shown(err))}
	}
	if err := c.refusal(resp.StatusCode, body); err != nil {
		return nil, nil, known{err}
	}
	if err := checkResult(body); err != nil {
		return nil, nil, known{err}
	}
	return resp, body, nil
}

// get turns the form that the library posts into the query of a GET.
func (c client) get(ctx context.Context, req *http.Request) (*http.Request, error) {
	form, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	arguments, err := io.ReadAll(form)
	if err != nil {
		return nil, err
	}
	target := *req.URL
	target.RawQuery = string(arguments)
	get, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	get.Header = c.access.headers.Clone()
	return get, nil
}

// refusal returns the error for a status that is no success. 400 and 422 are how Prometheus says that it cannot
// parse or run a query.
func (c client) refusal(status int, body []byte) error {
	line := fmt.Sprintf("error response: Status %d %s: ", status, http.StatusText(status))
	switch {
	case status >= 200 && status < 300:
		return nil
	case status < 400:
		return errors.New(line + "redirect to another host is not followed")
	}
	err := errors.New(line + c.access.excerpt(body))
	if status == http.StatusBadRequest || status == http.StatusUnprocessableEntity {
		return metrics.BadQuery(err)
	}
	return err
}

// bounded reads at most maxBody of a response, so that no server can fill the memory.
type bounded struct{ *http.Transport }

// RoundTrip sends one request.
func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.Transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxBody), resp.Body}
	return resp, nil
}
