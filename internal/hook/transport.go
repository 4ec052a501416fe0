package hook

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// bodyLimit is how much of an answer is shown, in bytes.
	bodyLimit = 512
	// drainLimit is how much of an answer is read so that its connection can be used again, in bytes.
	drainLimit = 4 << 10
	// mostRedirects ends a loop of redirects.
	mostRedirects = 10
	// hostConnections keeps a canary-laden cluster from flooding one receiver.
	hostConnections = 64
)

// verification says which certificates are accepted.
type verification int

const (
	verifyCertificates verification = iota
	trustAnyCertificate
)

// keptTransport hides CloseIdleConnections, with which the retrying client would close, after a call in vain, the
// connections that other calls share.
type keptTransport struct{ next *http.Transport }

// RoundTrip sends one request.
func (t keptTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	return t.next.RoundTrip(req)
}

// newTransport returns a transport that honours the proxies of the environment and limits every phase of a
// connection's life, however certificates are verified.
func newTransport(v verification) http.RoundTripper {
	return keptTransport{&http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConns:          256,
		MaxIdleConnsPerHost:   8,
		MaxConnsPerHost:       hostConnections,
		ForceAttemptHTTP2:     true,
		TLSClientConfig: &tls.Config{
			MinVersion: tls.VersionTLS12,
			// The hook's author asked for it with disableTLS.
			InsecureSkipVerify: v == trustAnyCertificate, //nolint:gosec
		},
	}}
}

// follow keeps a redirect a POST with its body, which a 301, 302 or 303 would else turn into a GET, and stops at one
// that leaves the configured receiver. A redirect that is not followed is the answer.
func follow(req *http.Request, via []*http.Request) error {
	first := via[0]
	if len(via) > mostRedirects || !sameReceiver(first.URL, req.URL) {
		return http.ErrUseLastResponse
	}
	body, err := first.GetBody()
	if err != nil {
		return fmt.Errorf("rewind body: %w", err)
	}
	req.Method, req.Body, req.GetBody, req.ContentLength = first.Method, body, first.GetBody, first.ContentLength
	req.Header.Set("Content-Type", first.Header.Get("Content-Type"))
	return nil
}

// sameReceiver reports whether b is the receiver configured as a. Moving from http to https, each on its usual port,
// is no move to another one.
func sameReceiver(a, b *url.URL) bool {
	if !strings.EqualFold(a.Hostname(), b.Hostname()) {
		return false
	}
	upgraded := a.Scheme == "http" && b.Scheme == "https" && port(a) == "80" && port(b) == "443"
	return upgraded || a.Scheme == b.Scheme && port(a) == port(b)
}

// port returns the port that u stands for.
func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// judge returns nil for an answer that agrees, else an error with the receiver's own words. givingUp stands for an
// answer without words that was tried again in vain.
func judge(resp *http.Response, givingUp string) error {
	code := resp.StatusCode
	switch {
	case code >= 200 && code < 300:
		_, _ = io.CopyN(io.Discard, resp.Body, drainLimit) // the answer is in the status alone
		return nil
	case code >= 300 && code < 400:
		return fmt.Errorf("status %d %s%s", code, http.StatusText(code), destination(resp))
	}
	body, err := readBody(resp.Body)
	switch {
	case err != nil:
		return fmt.Errorf("error reading body: %w", err)
	case body != "":
		return errors.New(body)
	case code == http.StatusTooManyRequests, code >= 500 && code != http.StatusNotImplemented:
		return errors.New(givingUp)
	}
	return fmt.Errorf("status %d %s", code, http.StatusText(code))
}

// destination tells where a redirect that was not followed leads, as far as that is no secret.
func destination(resp *http.Response) string {
	to, err := resp.Location()
	if err != nil {
		return ""
	}
	return fmt.Sprintf(": redirect to %s://%s not followed", to.Scheme, to.Host)
}

// readBody returns the beginning of an answer. Events take UTF-8 alone, so whatever is not, a character cut in two
// included, is left out.
func readBody(r io.Reader) (string, error) {
	body, err := io.ReadAll(io.LimitReader(r, bodyLimit))
	if err != nil {
		return "", err
	}
	_, _ = io.CopyN(io.Discard, r, drainLimit)
	return strings.ToValidUTF8(string(body), ""), nil
}

// withoutSource returns err without the local address of its connection. The port differs with every attempt, and a
// text that differs makes one repeated event many.
func withoutSource(err error) error {
	var request *url.Error
	var network *net.OpError
	if !errors.As(err, &request) || !errors.As(err, &network) || network.Source == nil {
		return err
	}
	steady := *network
	steady.Source = nil
	return &url.Error{Op: request.Op, URL: request.URL, Err: &steady}
}
