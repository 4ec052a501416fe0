package podserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	corev1 "k8s.io/api/core/v1"
)

// Headers of an answer.
const (
	PodHeader     = "X-Pod"
	VersionHeader = "X-Version"
	FaultHeader   = "X-Fault" // FaultApp where the pod failed the request on purpose
	FaultApp      = "app"
)

// FirstRequest is how long a connection may be open before its first request. It is longer than Go's clients and Traefik
// keep an idle connection, 90 s: they open some ahead of need, and fail the request that meets one as it is closed unused.
const FirstRequest = 2 * time.Minute

// maxPaths bounds the label values that clients can make; requests beyond are counted under "other".
const maxPaths = 50

// Options are what a Server needs; all are required.
type Options struct {
	// Now is the clock that durations are taken with.
	Now func() time.Time
	// Wait returns after a latency, or sooner with ctx.
	Wait func(ctx context.Context, latency time.Duration)
}

// Server answers for the pods it was told of by Set and Remove. Its methods may be called from any goroutine.
type Server struct {
	options Options
	mutex   sync.RWMutex
	pods    map[string]*pod // by address
	paths   map[string]bool
}

// New returns a server that knows no pod yet.
func New(options Options) *Server {
	return &Server{options: options, pods: map[string]*pod{}, paths: map[string]bool{"/": true}}
}

// Set makes the server answer for a pod as the API server describes it. A pod without an address, or one that
// has ended, is not answered for.
func (s *Server) Set(from *corev1.Pod) {
	if !live(from) {
		s.Remove(from)
		return
	}
	s.mutex.Lock()
	current := s.pods[from.Status.PodIP]
	replaced := current
	if current == nil || current.uid != from.UID {
		current = newPod(from)
		s.pods[current.address] = current
	}
	s.mutex.Unlock()
	if replaced != nil && replaced != current {
		replaced.end()
	}
	current.draining.Store(from.DeletionTimestamp != nil)
}

// knows tells whether the server answers for a pod.
func (s *Server) knows(from *corev1.Pod) bool {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	known := s.pods[from.Status.PodIP]
	return known != nil && known.uid == from.UID
}

// Remove ends a pod: its connections are reset and its metrics are gone.
func (s *Server) Remove(from *corev1.Pod) {
	s.mutex.Lock()
	var removed *pod
	if known := s.pods[from.Status.PodIP]; known != nil && known.uid == from.UID {
		removed = known
		delete(s.pods, known.address)
	}
	s.mutex.Unlock()
	if removed != nil {
		removed.end()
	}
}

// Serve answers on listener until ctx ends, which closes it. It returns nil then.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: FirstRequest,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, podKey{}, s.at(c))
		},
		ConnState: func(c net.Conn, state http.ConnState) {
			if p := s.at(c); p != nil && (state == http.StateClosed || state == http.StateHijacked) {
				p.leave(c)
			}
		},
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	err := server.Serve(&door{Listener: listener, server: s})
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve pods: %w", err)
}

// podKey is the context key of the *pod that a connection belongs to.
type podKey struct{}

// at returns the pod at the local address of a connection, or nil.
func (s *Server) at(c net.Conn) *pod {
	host, _, err := net.SplitHostPort(c.LocalAddr().String())
	if err != nil {
		return nil
	}
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	return s.pods[host]
}

// door lets in the connections of live pods and resets the others.
type door struct {
	net.Listener
	server *Server
}

func (d *door) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if p := d.server.at(c); p != nil && p.join(c) {
			return c, nil
		}
		reset(c)
	}
}

// answer is the body of a response.
type answer struct {
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	Version   string `json:"version"`
	Path      string `json:"path"`
}

// ServeHTTP answers as the pod that the connection belongs to.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p, _ := r.Context().Value(podKey{}).(*pod)
	if p == nil {
		panic(http.ErrAbortHandler) // the pod ended between the connection and its first request
	}
	if p.draining.Load() {
		w.Header().Set("Connection", "close")
	}
	switch r.URL.Path {
	case "/healthz":
		return
	case "/metrics":
		promhttp.HandlerFor(p.registry, promhttp.HandlerOpts{}).ServeHTTP(w, r)
		return
	}
	started, n := s.options.Now(), p.answered.Add(1)
	if delay := p.fault.delay(n); delay > 0 {
		s.options.Wait(r.Context(), delay)
	}
	status := http.StatusOK
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set(PodHeader, p.name.Name)
	w.Header().Set(VersionHeader, p.version)
	if p.fault.strikes(n) {
		status = http.StatusInternalServerError
		w.Header().Set(FaultHeader, FaultApp)
	}
	w.WriteHeader(status)
	body := answer{Namespace: p.name.Namespace, Pod: p.name.Name, Version: p.version, Path: r.URL.Path}
	_ = json.NewEncoder(w).Encode(body) // a client that has gone away loses nothing
	p.count(r.Method, s.path(r.URL.Path), status, s.options.Now().Sub(started))
}

// path returns the label value for a request's path.
func (s *Server) path(path string) string {
	s.mutex.RLock()
	known, full := s.paths[path], len(s.paths) >= maxPaths
	s.mutex.RUnlock()
	switch {
	case known:
		return path
	case full:
		return "other"
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.paths[path] = true
	return path
}

// MetricsHandler serves the metrics of all live pods, for one scrape with honor_labels.
func (s *Server) MetricsHandler() http.Handler {
	return promhttp.HandlerFor(prometheus.GathererFunc(s.gather), promhttp.HandlerOpts{})
}

func (s *Server) gather() ([]*dto.MetricFamily, error) {
	s.mutex.RLock()
	all := make(prometheus.Gatherers, 0, len(s.pods))
	for _, p := range s.pods {
		all = append(all, p.registry)
	}
	s.mutex.RUnlock()
	return all.Gather()
}
