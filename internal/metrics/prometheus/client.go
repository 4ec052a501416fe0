package prometheus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"

	"flagger.app/flagger/internal/metrics"
)

const (
	// maxShown is how much of a refusal's body an error shows, in bytes.
	maxShown = 512
	// maxBody is how much of any body is read, in bytes.
	maxBody = 4 << 20
	// maxConnections is how many queries one server gets at a time; the others wait, bounded by their contexts.
	maxConnections = 16
	maxRedirects   = 10
)

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
		return nil, nil, known{fmt.Errorf("request failed: %w", shown(err))}
	case err != nil:
		return nil, nil, known{fmt.Errorf("error reading body: %w", shown(err))}
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

// shown returns err without what would change with every attempt (ports) or quote the other side.
func shown(err error) error {
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
	}
	return err
}

// newHTTPClient returns a client with connections of its own, so that closing them disturbs nobody else.
func newHTTPClient(config *tls.Config) *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   5 * time.Second,
		ExpectContinueTimeout: time.Second,
		ForceAttemptHTTP2:     true,
		MaxConnsPerHost:       maxConnections,
		MaxIdleConnsPerHost:   2,
		IdleConnTimeout:       90 * time.Second,
	}
	return &http.Client{Transport: bounded{transport}, CheckRedirect: stayOnHost}
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

// stayOnHost follows redirects on the configured host and its own switch to TLS. Any other is returned as it is:
// following it would let whoever answers choose whom the operator calls.
func stayOnHost(req *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return fmt.Errorf("stopped after %d redirects", maxRedirects)
	}
	from, to := via[0].URL, req.URL
	same := from.Scheme == to.Scheme && from.Host == to.Host
	secured := from.Scheme == "http" && to.Scheme == "https" && from.Hostname() == to.Hostname() &&
		from.Port() == "" && to.Port() == ""
	if same || secured {
		return nil
	}
	return http.ErrUseLastResponse
}
