package kube

import (
	"errors"
	"net/http"
	"sync"
	"time"
)

// ErrFenced is the cause of the failure of a write that a Fence has held back.
var ErrFenced = errors.New("this instance does not hold the lease of the leader election")

// Fence stands between a process and the API server and holds back writes unless the process is known to lead: until
// one term after the lease was last renewed. Others wait that long before they take the lease over, so no write of an
// old leader follows the first of a new one, even if the old one was stopped in the middle of its work (a suspended
// process, a paused machine, a long garbage collection) and goes on where it was. The elector alone does not see to
// that: it tries to renew for some time more before it gives up.
//
// Reads pass at any time. What remains is a write that has passed the fence and is late on its way. Of those the API
// server refuses the ones that name the version they change.
//
// Clocks of different machines are not compared, so they may differ; they must run equally fast. The source:
// M. Kleppmann, "How to do distributed locking", 2016, and the assumptions of client-go's package leaderelection.
//
// The methods may be called from any goroutine. Use NewFence.
type Fence struct {
	term    time.Duration
	now     func() time.Time
	holding func()
	mutex   sync.Mutex
	held    time.Time // when the lease was last known to be ours; zero where it is not
	told    bool      // a write was held back since the last Open
}

// NewFence returns a fence that is closed. term is the duration of the lease. holding is called at the first write that
// is held back, and at the first one after each Open.
func NewFence(term time.Duration, now func() time.Time, holding func()) *Fence {
	return &Fence{term: term, now: now, holding: holding}
}

// Open lets writes pass until one term after renewed, the time just before a request was sent that has renewed the lease.
func (f *Fence) Open(renewed time.Time) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.held, f.told = renewed, false
}

// Close holds back writes until the next Open: the lease is somebody else's, or is about to be given up.
func (f *Fence) Close() {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.held = time.Time{}
}

// Guard returns a transport that sends by next what passes the fence. The others fail with ErrFenced.
func (f *Fence) Guard(next http.RoundTripper) http.RoundTripper {
	return guarded{fence: f, next: next}
}

// passes tells whether a write may pass.
func (f *Fence) passes() bool {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if !f.held.IsZero() && elapsed(f.held, f.now()) < f.term {
		return true
	}
	if !f.told {
		f.told = true
		f.holding()
	}
	return false
}

// elapsed goes by the clock that has gone further: the monotonic one goes on while a process is stopped, the wall clock
// while its machine is.
func elapsed(from, to time.Time) time.Duration {
	return max(to.Sub(from), to.Round(0).Sub(from.Round(0)))
}

// guarded is a transport behind a fence.
type guarded struct {
	fence *Fence
	next  http.RoundTripper
}

// RoundTrip sends a request that reads, or that the fence lets pass.
func (g guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	if isWrite(r.Method) && !g.fence.passes() {
		if r.Body != nil {
			_ = r.Body.Close() // as every transport has to
		}
		return nil, ErrFenced
	}
	return g.next.RoundTrip(r)
}

func isWrite(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}
