package main

import (
	"bytes"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"net/http/pprof"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

// Limits of the HTTP server.
const (
	readTimeout     = 5 * time.Second
	writeTimeout    = time.Minute
	idleTimeout     = 15 * time.Second
	shutdownTimeout = 3 * time.Second
)

// endpoints returns everything that -port serves: /metrics, /healthz, /readyz and nothing else.
func endpoints(metrics http.Handler, ready *atomic.Bool) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "OK")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !ready.Load() {
			http.Error(w, "caches are not in sync yet", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "OK")
	})
	return mux
}

// addProfiles adds the profiles of the process to mux.
func addProfiles(mux *http.ServeMux) {
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
}

// newServer returns a server of handler for the manager to run, on every instance whether it leads or not. The manager
// starts it before the caches and stops it last.
func newServer(handler http.Handler, listener net.Listener, log logr.Logger) *manager.Server {
	grace := shutdownTimeout
	return &manager.Server{
		Name:     "flagger",
		Listener: listener,
		Server: &http.Server{
			Handler:      handler,
			ReadTimeout:  readTimeout,
			WriteTimeout: writeTimeout,
			IdleTimeout:  idleTimeout,
			ErrorLog:     stdlog.New(logWriter{log}, "", 0),
		},
		ShutdownTimeout: &grace,
	}
}

// logWriter makes a line of the log of each line that the HTTP server complains with.
type logWriter struct{ log logr.Logger }

// Write never fails.
func (w logWriter) Write(line []byte) (int, error) {
	w.log.Info(string(bytes.TrimSpace(line)))
	return len(line), nil
}
