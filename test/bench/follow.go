//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/fleet"
)

// moment is what a canary's status says from one time on.
type moment struct {
	at     time.Time // when it was seen
	phase  v1beta1.CanaryPhase
	weight int
}

// follower keeps the moments of all canaries.
type follower struct {
	now      func() time.Time
	patience time.Duration // how long canaries may take to get anywhere
	mutex    sync.Mutex
	moments  map[types.NamespacedName][]moment
	waits    []*wait
}

// wait is for each of some canaries to have a moment as wanted.
type wait struct {
	wanted  func(moment) bool
	pending map[types.NamespacedName]bool
	came    map[types.NamespacedName]moment
	done    chan struct{} // closed when none is pending
}

func newFollower(now func() time.Time, patience time.Duration) *follower {
	return &follower{now: now, patience: patience, moments: map[types.NamespacedName][]moment{}}
}

// handler tells the follower of all canaries of a cluster.
func (f *follower) handler() fleet.Handler {
	return fleet.Handler{Kind: &v1beta1.Canary{}, Note: func(o client.Object) { f.note(o.(*v1beta1.Canary)) }}
}

// note adds the moment of a canary, if it differs from the one before.
func (f *follower) note(c *v1beta1.Canary) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	key := client.ObjectKeyFromObject(c)
	m := moment{at: f.now(), phase: c.Status.Phase, weight: c.Status.CanaryWeight}
	past := f.moments[key]
	if len(past) > 0 && past[len(past)-1].phase == m.phase && past[len(past)-1].weight == m.weight {
		return
	}
	f.moments[key] = append(past, m)
	for _, w := range f.waits {
		w.meet(key, m)
	}
}

func (w *wait) meet(key types.NamespacedName, m moment) {
	if !w.pending[key] || !w.wanted(m) {
		return
	}
	delete(w.pending, key)
	w.came[key] = m
	if len(w.pending) == 0 {
		close(w.done)
	}
}

// expect begins to wait for a moment, from now on, of each of keys.
func (f *follower) expect(keys []types.NamespacedName, wanted func(moment) bool) *wait {
	w := &wait{
		wanted: wanted, pending: map[types.NamespacedName]bool{}, came: map[types.NamespacedName]moment{}, done: make(chan struct{}),
	}
	for _, key := range keys {
		w.pending[key] = true
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.waits = append(f.waits, w)
	return w
}

// await returns the moments that were waited for, once all have come.
func (f *follower) await(ctx context.Context, w *wait) (map[types.NamespacedName]moment, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, f.patience, fmt.Errorf("it took longer than %s", f.patience))
	defer cancel()
	select {
	case <-w.done:
	case <-ctx.Done():
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if n := len(w.pending); n > 0 {
		return nil, errors.Join(fmt.Errorf("%d of %d canaries did not get there", n, n+len(w.came)), context.Cause(ctx))
	}
	return w.came, nil
}

// since returns the moments of a canary from a time on. They are not to be changed.
func (f *follower) since(key types.NamespacedName, from time.Time) []moment {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	for i, m := range f.moments[key] {
		if !m.at.Before(from) {
			return f.moments[key][i:]
		}
	}
	return nil
}

// in returns what is true of moments in one of some phases.
func in(phases ...v1beta1.CanaryPhase) func(moment) bool {
	return func(m moment) bool {
		for _, phase := range phases {
			if m.phase == phase {
				return true
			}
		}
		return false
	}
}
