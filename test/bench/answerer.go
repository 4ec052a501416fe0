//go:build linux

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// probe is the query that operators try a Prometheus with; its answer is 1.
const probe = "vector(1)"

// answerer stands in for Prometheus: every query has one value.
type answerer struct {
	url     string
	queries atomic.Int64 // that were answered, without probes
	server  *http.Server
}

// answer starts an answerer on the loopback device. It ends with stop.
func answer() (*answerer, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for queries: %w", err)
	}
	a := &answerer{url: "http://" + listener.Addr().String()}
	a.server = &http.Server{Handler: a, ReadHeaderTimeout: time.Minute}
	go func() { _ = a.server.Serve(listener) }() // until stop
	return a, nil
}

func (a *answerer) stop() { _ = a.server.Close() }

// ServeHTTP answers an instant query, by GET or POST: 1 to the probe, a success rate of 100 % to any other.
func (a *answerer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/api/v1/query" {
		http.NotFound(w, r)
		return
	}
	value := 1
	if r.FormValue("query") != probe {
		a.queries.Add(1)
		value = 100
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, fmt.Sprintf( // the operator may have gone
		`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"%d"]}]}}`, value))
}
