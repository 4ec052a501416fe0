package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Options say what to do to whom. All are required.
type Options struct {
	Target    string // the API server's URL
	Authority []byte // who signed its certificate, PEM
	Rates     Rates
	Longest   time.Duration // delay of answers and events, more than 0
	Storms    time.Duration // mean time between two; 0 for none
	Seed      uint64
}

// Proxy is a running proxy. Its methods may be called from any goroutine.
type Proxy struct {
	URL       string
	Authority []byte // who signed its certificate, PEM

	dice    *dice
	forward *httputil.ReverseProxy
	server  *http.Server
	end     func() // of the storms

	mutex    sync.Mutex
	counts   map[Fault]int
	resting  bool
	fair     context.Context // ends when a storm begins
	overcast func()          // ends it
}

// Start starts a proxy on the loopback device. It ends with Stop.
func Start(o Options) (*Proxy, error) {
	target, err := url.Parse(o.Target)
	if err != nil {
		return nil, fmt.Errorf("read the API server's URL: %w", err)
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(o.Authority) {
		return nil, errors.New("the API server's authority is no PEM certificate")
	}
	certificate, own, err := certify()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the operator: %w", err)
	}
	quiet := log.New(io.Discard, "", 0) // what it would log are the faults
	p := &Proxy{
		URL: "https://" + listener.Addr().String(), Authority: own,
		dice: newDice(o.Rates, o.Longest, o.Seed), counts: map[Fault]int{},
	}
	p.forward = &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:      &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities}, ForceAttemptHTTP2: true},
		FlushInterval:  -1,
		ModifyResponse: delay,
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:       quiet,
	}
	p.server = &http.Server{
		Handler: p, ReadHeaderTimeout: time.Minute, ErrorLog: quiet,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}},
	}
	p.clear()
	ctx, end := context.WithCancel(context.Background())
	p.end = end
	if o.Storms > 0 {
		go p.storm(ctx, o.Storms)
	}
	go func() { _ = p.server.ServeTLS(listener, "", "") }() // until Stop
	return p, nil
}

// Stop ends the proxy and all that goes through it.
func (p *Proxy) Stop() {
	p.end()
	_ = p.server.Close()
}

// Rest passes on everything unharmed from now on. Watches that are open keep what was drawn for them.
func (p *Proxy) Rest() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.resting = true
}

// Resume ends Rest. It resets all watches: those of the time of rest would have no faults as long as they live, which is
// five to ten minutes.
func (p *Proxy) Resume() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.resting = false
	p.overcast()
	p.fair, p.overcast = context.WithCancel(context.Background())
}

// Counts are how often each fault has happened; requests without one have the empty name.
func (p *Proxy) Counts() map[Fault]int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return maps.Clone(p.counts)
}

func (p *Proxy) count(fault Fault) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.counts[fault]++
}

// ServeHTTP lets a request meet its fate.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fair, resting := p.weather()
	watch := isWatch(r)
	fault := none
	switch {
	case resting:
	case fair.Err() != nil:
		p.count(Stormy)
		p.spoil(w, r, p.dice.rough())
		return
	case watch:
		fault = p.dice.fault(ofOpening)
	default:
		fault = p.dice.fault(ofRequests)
	}
	p.count(fault)
	switch {
	case fault != none:
		p.spoil(w, r, fault)
	case watch && resting:
		p.watch(w, r, fair, fate{})
	case watch:
		p.watch(w, r, fair, p.dice.watch())
	default:
		p.forward.ServeHTTP(w, r)
	}
}

func isWatch(r *http.Request) bool {
	watch, err := strconv.ParseBool(r.URL.Query().Get("watch"))
	return err == nil && watch
}

// spoil does to a request what was drawn.
func (p *Proxy) spoil(w http.ResponseWriter, r *http.Request, fault Fault) {
	switch fault {
	case Throttled:
		refuse(w, http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests)
	case Refused:
		refuse(w, http.StatusInternalServerError, metav1.StatusReasonInternalError)
	case ErrorLate:
		p.forward.ServeHTTP(nobody{http.Header{}}, r)
		refuse(w, http.StatusInternalServerError, metav1.StatusReasonInternalError)
	case ResetLate:
		p.forward.ServeHTTP(nobody{http.Header{}}, r)
		panic(http.ErrAbortHandler)
	case Slow:
		p.forward.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), answerDelay, p.dice.delay())))
	default:
		panic(http.ErrAbortHandler)
	}
}

// watch passes on a watch until it ends by itself, its time is over or a storm begins.
func (p *Proxy) watch(w http.ResponseWriter, r *http.Request, fair context.Context, f fate) {
	ctx, cancel := context.WithCancel(context.WithValue(r.Context(), eventDelay, f.delay))
	defer cancel()
	defer context.AfterFunc(fair, cancel)()
	if f.delay > 0 {
		p.count(Late)
	}
	if f.life > 0 {
		defer time.AfterFunc(f.life, func() {
			p.count(Cut)
			cancel()
		}).Stop()
	}
	p.forward.ServeHTTP(w, r.WithContext(ctx))
}

// refuse answers as API servers do.
func refuse(w http.ResponseWriter, code int, reason metav1.StatusReason) {
	w.Header().Set("Content-Type", "application/json")
	if code == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(metav1.Status{ // the operator may have gone
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusFailure, Message: "injected by the soak", Reason: reason, Code: int32(code),
	})
}

// nobody takes an answer that does not get through.
type nobody struct{ header http.Header }

func (n nobody) Header() http.Header         { return n.header }
func (n nobody) Write(b []byte) (int, error) { return len(b), nil }
func (n nobody) WriteHeader(int)             {}
