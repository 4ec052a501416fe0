package courier

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"time"
)

// hostConnections keeps a canary-laden cluster from flooding one receiver, and is more than all workers that call hooks and
// send events together: one namespace does not use it up.
const hostConnections = 160

// Verification says which certificates are accepted.
type Verification int

const (
	// VerifyCertificates accepts those that the system's authorities vouch for.
	VerifyCertificates Verification = iota
	// TrustAnyCertificate accepts all.
	TrustAnyCertificate
)

// keptTransport hides CloseIdleConnections, with which the retrying client would close, after a letter in vain, the
// connections that other letters share.
type keptTransport struct{ next *http.Transport }

// RoundTrip sends one request.
func (t keptTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	return t.next.RoundTrip(req)
}

// NewTransport returns a transport that goes by the proxy of the letter, else honours those of the environment, and
// limits every phase of a connection's life, however certificates are verified.
func NewTransport(v Verification) http.RoundTripper {
	return keptTransport{&http.Transport{
		Proxy:                  proxy,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    8,
		MaxConnsPerHost:        hostConnections,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
		TLSClientConfig: &tls.Config{
			MinVersion: tls.VersionTLS12,
			// The receiver's user asked for it.
			InsecureSkipVerify: v == TrustAnyCertificate, //nolint:gosec
		},
	}}
}

// proxyKey is where the context of a request holds the proxy of its letter.
type proxyKey struct{}

func withProxy(ctx context.Context, u *url.URL) context.Context {
	if u == nil {
		return ctx
	}
	return context.WithValue(ctx, proxyKey{}, u)
}

// proxy returns the proxy of a request, nil for none. Connections are kept by proxy, so one transport serves them all.
func proxy(req *http.Request) (*url.URL, error) {
	if u, ok := req.Context().Value(proxyKey{}).(*url.URL); ok {
		return u, nil
	}
	return http.ProxyFromEnvironment(req)
}
