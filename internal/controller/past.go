package controller

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"flagger.app/flagger/internal/rollout"
)

// past is what this process alone knows of canaries. A restart may lose it: what it cannot tell counts from when this
// process began. It is safe for concurrent use.
type past struct {
	began   time.Time
	mu      sync.Mutex
	records map[types.NamespacedName]*account
}

// account is what is known of one canary.
type account struct {
	// moved is when this process last changed the traffic; zero for never.
	moved time.Time
	// target and primary are who serves.
	target, primary presence
}

// presence is since when a workload has available pods, as far as this process has looked at it.
type presence struct {
	seen bool
	// since is zero while there is no available pod.
	since time.Time
}

func newPast(began time.Time) *past {
	return &past{began: began, records: map[types.NamespacedName]*account{}}
}

// of returns the account of a canary. The caller holds the lock.
func (p *past) of(key types.NamespacedName) *account {
	a, found := p.records[key]
	if !found {
		a = &account{}
		p.records[key] = a
	}
	return a
}

// moves notes that the traffic of a canary changes now.
func (p *past) moves(key types.NamespacedName, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.of(key).moved = now
}

// lastMoved is when this process last changed the traffic of a canary, or began: before, anything may have happened that
// no status tells of.
func (p *past) lastMoved(key types.NamespacedName) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if moved := p.of(key).moved; !moved.IsZero() {
		return moved
	}
	return p.began
}

// serving are target and primary with the time since when they serve without a break.
func (p *past) serving(key types.NamespacedName, now time.Time, target, primary rollout.Workload) (rollout.Workload, rollout.Workload) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.of(key)
	target.Serving = a.target.look(target, now, p.began)
	primary.Serving = a.primary.look(primary, now, p.began)
	return target, primary
}

// look notes whether a workload serves now, and returns since when. Where the object tells a later time than what was
// seen of it, it has had a break that nobody looked at.
func (p *presence) look(w rollout.Workload, now, began time.Time) time.Time {
	switch {
	case w.Available == 0:
		p.since = time.Time{}
	case !p.seen && !w.Serving.IsZero():
		p.since = w.Serving
	case !p.seen:
		p.since = began
	case p.since.IsZero():
		p.since = now
	}
	p.seen = true
	if w.Available > 0 && w.Serving.After(p.since) {
		return w.Serving
	}
	return p.since
}

// forget drops what is known of a canary that is gone.
func (p *past) forget(key types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.records, key)
}
