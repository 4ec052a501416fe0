package httpapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"

	"flagger.app/flagger/internal/metrics"
)

const (
	// maxBody is how much of any body is read, in bytes.
	maxBody = 4 << 20
	// maxDuration bounds a request whose context sets no earlier deadline.
	maxDuration = 15 * time.Second
	// maxConnections is how many requests one server gets at a time; the others wait, bounded by their contexts.
	maxConnections = 16
	maxRedirects   = 10
	// maxHeader bounds the head of an answer, in bytes.
	maxHeader = 64 << 10
)

// Client calls one back end. It keeps its connections and is safe for concurrent use.
type Client struct {
	base   *url.URL
	header http.Header
	hidden *strings.Replacer // takes the credentials out of a text
	http   *http.Client
}

// New returns a client of the back end at base, whose path stands before every other, which sends the headers of cfg
// and over them credentials. The user and password of base, if any, become basic authentication where nothing else
// says who asks; its query is dropped. An error names what is wrong in the Secret.
func New(cfg metrics.Config, base *url.URL, credentials ...Credential) (*Client, error) {
	config, err := NewTLS(cfg)
	if err != nil {
		return nil, err
	}
	return newClient(cfg, base, NewTransport(config), credentials), nil
}

// NewWithTransport is New for a back end that only transport can reach. The client is as safe as transport is.
func NewWithTransport(base *url.URL, transport http.RoundTripper, credentials ...Credential) *Client {
	return newClient(metrics.Config{}, base, transport, credentials)
}

func newClient(cfg metrics.Config, base *url.URL, transport http.RoundTripper, credentials []Credential) *Client {
	header, hidden := newHeader(cfg, base, credentials)
	return &Client{
		base:   &url.URL{Scheme: base.Scheme, Host: base.Host, Path: base.Path},
		header: header,
		hidden: hidden,
		http:   &http.Client{Transport: transport, CheckRedirect: StayOnHost, Timeout: maxDuration},
	}
}

// Address returns the base of all requests, without user and password.
func (c *Client) Address() string { return c.base.String() }

// Get asks for the JSON document at path, which is relative to the base and escaped, and fills the value that into
// points to; with nil the answer's status alone counts.
func (c *Client) Get(ctx context.Context, path string, arguments url.Values, into any) error {
	target := c.base.JoinPath(path)
	target.RawQuery = arguments.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), http.NoBody)
	if err != nil {
		return fmt.Errorf("build request: %w", err)
	}
	_, body, err := c.send(req) //nolint:bodyclose // send has read and closed it
	if err != nil || into == nil {
		return err
	}
	return Decode(body, into)
}

// Do sends req, with the client's headers over its own, and returns a success whose body is in memory. All its errors
// may be shown.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	resp, body, err := c.send(req.Clone(req.Context()))
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// CloseIdleConnections ends the connections that no request uses now.
func (c *Client) CloseIdleConnections() { utilnet.CloseIdleConnectionsFor(c.http.Transport) }

// send sends req and reads at most maxBody of the answer, so that no server can fill the memory. The transport unpacks
// what is compressed, so the bound holds for what comes out.
func (c *Client) send(req *http.Request) (*http.Response, []byte, error) {
	req.Header.Del("Accept-Encoding")
	for name, values := range c.header {
		req.Header[name] = values
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, nil, fmt.Errorf("request failed: %w", Shown(err))
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return nil, nil, fmt.Errorf("error reading body: %w", Shown(err))
	}
	return resp, body, c.Refuse(resp.StatusCode, body)
}

// NewTransport returns a transport with connections of its own, so that closing them disturbs nobody else.
func NewTransport(config *tls.Config) *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   5 * time.Second,
		ExpectContinueTimeout: time.Second,
		ForceAttemptHTTP2:     true,
		MaxConnsPerHost:       maxConnections,
		MaxIdleConnsPerHost:   maxConnections,
		IdleConnTimeout:       90 * time.Second,

		MaxResponseHeaderBytes: maxHeader,
	}
}

// StayOnHost follows redirects on the configured host and its own switch to TLS. Any other is returned as it is:
// following it would let whoever answers choose whom the operator calls.
func StayOnHost(req *http.Request, via []*http.Request) error {
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
