package main

import (
	"bytes"
	"context"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"time"

	"github.com/go-logr/logr"
)

// Limits of the HTTP server. An answer has none: it may be that of a task that takes an hour.
const (
	headerTimeout   = 5 * time.Second
	idleTimeout     = 2 * time.Minute
	headerLimit     = 64 << 10
	shutdownTimeout = time.Minute
)

// server serves handler until it is told to stop.
type server struct {
	handler  http.Handler
	listener net.Listener
	// grace is how long requests in hand may take when the server is told to stop.
	grace time.Duration
	log   logr.Logger
}

// serve returns nil once ctx has ended and every request has been answered or, after the grace period, been cancelled.
func (s server) serve(ctx context.Context) error {
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	h := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerLimit,
		BaseContext:       func(net.Listener) context.Context { return requests },
		ErrorLog:          stdlog.New(logWriter{s.log}, "", 0),
	}
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(s.listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve HTTP: %w", err)
	case <-ctx.Done():
	}

	s.log.Info("shutting down the task runner")
	limited, stop := context.WithTimeout(requests, s.grace)
	defer stop()
	if err := h.Shutdown(limited); err != nil {
		s.log.Info("requests are cancelled", "after", s.grace.String())
	}
	s.log.Info("HTTP server stopped")
	return nil
}

// logWriter makes a line of the log of each line that the HTTP server complains with.
type logWriter struct{ log logr.Logger }

// Write never fails.
func (w logWriter) Write(line []byte) (int, error) {
	w.log.Info(string(bytes.TrimSpace(line)))
	return len(line), nil
}
