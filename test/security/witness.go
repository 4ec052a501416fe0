package security

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
)

// Request is what somebody was sent.
type Request struct {
	Method, Path string
	Header       http.Header
	Body         string
}

// Authorization is who the request says that it is from.
func (r Request) Authorization() string { return r.Header.Get("Authorization") }

// Text is all of the request.
func (r Request) Text() string { return fmt.Sprint(r.Method, " ", r.Path, " ", r.Header, " ", r.Body) }

// Witness sees requests. The zero value has seen none; it is safe for concurrent use.
type Witness struct {
	mu   sync.Mutex
	seen []Request
}

// Seen returns all requests so far, in the order in which they came.
func (w *Witness) Seen() []Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Request(nil), w.seen...)
}

// Before notes every request before next has it.
func (w *Witness) Before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(answer, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		w.mu.Lock()
		w.seen = append(w.seen, Request{r.Method, r.URL.RequestURI(), r.Header.Clone(), string(body)})
		w.mu.Unlock()
		next.ServeHTTP(answer, r)
	})
}

// Front puts a witness between an API server and whoever uses the configuration returned, credentials included.
func (w *Witness) Front(t testing.TB, cfg *rest.Config) *rest.Config {
	t.Helper()
	host, err := url.Parse(cfg.Host)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := rest.TransportFor(&rest.Config{Host: cfg.Host, TLSClientConfig: cfg.TLSClientConfig})
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(host)
	proxy.Transport, proxy.FlushInterval = transport, -1 // watches are told at once
	proxy.ErrorHandler = func(answer http.ResponseWriter, _ *http.Request, _ error) { answer.WriteHeader(http.StatusBadGateway) }
	server := httptest.NewTLSServer(w.Before(proxy)) // clients give no credentials to one without TLS
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return &rest.Config{
		Host: server.URL, BearerToken: cfg.BearerToken, TLSClientConfig: rest.TLSClientConfig{Insecure: true},
	}
}

// Repeat refuses everything and says again what it was sent, as a careless endpoint may and a hostile one will.
func Repeat(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = fmt.Fprintf(w, "no %s for %s", r.URL, strings.Join(flat(r.Header), " "))
}

// flat are the values of headers that tell who asks, and these first.
func flat(header http.Header) []string {
	values := header.Values("Authorization")
	for name, of := range header {
		if name != "Authorization" && name != "User-Agent" && name != "Accept-Encoding" {
			values = append(values, of...)
		}
	}
	return values
}
