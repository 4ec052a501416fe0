package standin

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// How many connections to one pod are kept for later requests, and for how long.
const (
	idlePerPod = 256
	idleTime   = 90 * time.Second
)

// Options are what a Proxy needs; all are required.
type Options struct {
	// Now is the clock that durations are taken with.
	Now func() time.Time
}

// Proxy divides requests as the cluster's objects say. Its methods may be called from any goroutine.
type Proxy struct {
	options Options
	metrics *metrics
	forward *httputil.ReverseProxy
	table   atomic.Pointer[table]
	stale   atomic.Bool // the cluster has changed since table was made
	making  sync.Mutex
	read    func() cluster
	turns   sync.Map // *atomic.Uint64 by the name of a way: how many requests went there
}

// New returns a proxy that knows of nothing yet.
func New(options Options) *Proxy {
	transport := &http.Transport{MaxIdleConnsPerHost: idlePerPod, IdleConnTimeout: idleTime, DisableCompression: true}
	p := &Proxy{
		options: options,
		metrics: newMetrics(),
		forward: &httputil.ReverseProxy{Transport: transport, Rewrite: redirect},
	}
	p.table.Store(newTable(cluster{}))
	return p
}

// MetricsHandler serves the metrics.
func (p *Proxy) MetricsHandler() http.Handler { return p.metrics.handler() }

// podKey is the context key of the address that a request goes to.
type podKey struct{}

func redirect(r *httputil.ProxyRequest) {
	address, _ := r.In.Context().Value(podKey{}).(string)
	r.SetURL(&url.URL{Scheme: "http", Host: address})
	r.Out.Host = r.In.Host
}

// ServeHTTP hands a request on to a pod and counts the answer.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t := p.latest()
	to, known := t.way(r)
	if !known {
		http.NotFound(w, r)
		return
	}
	port, divided := to.shares.at(point(p.turn(to.name)))
	pods := t.endpoints[port]
	began := p.options.Now()
	answer := &recorder{ResponseWriter: w, status: http.StatusOK}
	var chosen endpoint
	if !divided || len(pods) == 0 {
		http.Error(answer, "no pod is ready", http.StatusServiceUnavailable)
	} else {
		chosen = pods[rand.IntN(len(pods))]
		p.forward.ServeHTTP(answer, r.WithContext(context.WithValue(r.Context(), podKey{}, chosen.address)))
	}
	took := p.options.Now().Sub(began)
	switch to.role {
	case gateway:
		p.metrics.countGateway(to.name, answer.status, took)
	case mesh:
		p.metrics.countMesh(port.service.Namespace, chosen.pod, answer.status, took)
	}
}

// latest is the table of the cluster as it is. It is made when a request wants it, as changes come by the thousand where
// nobody sends any.
func (p *Proxy) latest() *table {
	if p.stale.Load() {
		p.making.Lock()
		if p.stale.Swap(false) {
			p.table.Store(newTable(p.read()))
		}
		p.making.Unlock()
	}
	return p.table.Load()
}

// turn counts the requests of a way, whatever its shares are by now.
func (p *Proxy) turn(name string) uint64 {
	counter, _ := p.turns.LoadOrStore(name, new(atomic.Uint64))
	return counter.(*atomic.Uint64).Add(1)
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader passes the status on.
func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find what else the writer can do.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
