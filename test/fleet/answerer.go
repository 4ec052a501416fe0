//go:build linux

package fleet

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	probe   = "vector(1)" // the query that operators try a Prometheus with; its answer is 1
	success = 100         // percent
)

// Answerer stands in for Prometheus.
type Answerer struct {
	URL     string
	Queries atomic.Int64 // that were answered, without probes

	failing func(query string) bool
	server  *http.Server
}

// Answer starts an answerer on the loopback device. The success rate is 0 % in queries that are failing and 100 % in all
// others. It ends with Stop.
func Answer(failing func(query string) bool) (*Answerer, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for queries: %w", err)
	}
	a := &Answerer{URL: "http://" + listener.Addr().String(), failing: failing}
	a.server = &http.Server{Handler: a, ReadHeaderTimeout: time.Minute}
	go func() { _ = a.server.Serve(listener) }() // until Stop
	return a, nil
}

// NoneFailing answers every query with success.
func NoneFailing(string) bool { return false }

// Stop ends the answerer.
func (a *Answerer) Stop() { _ = a.server.Close() }

// ServeHTTP answers an instant query, by GET or POST: 1 to the probe, a success rate to any other.
func (a *Answerer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/api/v1/query" {
		http.NotFound(w, r)
		return
	}
	value := 1
	if query := r.FormValue("query"); query != probe {
		a.Queries.Add(1)
		value = success
		if a.failing(query) {
			value = 0
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, fmt.Sprintf( // the operator may have gone
		`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"%d"]}]}}`, value))
}
