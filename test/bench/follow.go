//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
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

// follow follows all canaries of a cluster until ctx ends. Routes are for the acceptor, if there is one.
func (f *follower) follow(ctx context.Context, config *rest.Config, scheme *runtime.Scheme, routes *acceptor) error {
	watching, err := cache.New(config, cache.Options{Scheme: scheme, DefaultTransform: cache.TransformStripManagedFields()})
	if err != nil {
		return fmt.Errorf("make a cache: %w", err)
	}
	if err := handle(ctx, watching, &v1beta1.Canary{}, func(o any) { f.note(o.(*v1beta1.Canary)) }); err != nil {
		return err
	}
	if routes != nil {
		if err := handle(ctx, watching, &gatewayv1.HTTPRoute{}, func(o any) { routes.note(ctx, o.(*gatewayv1.HTTPRoute)) }); err != nil {
			return err
		}
	}
	go func() { _ = watching.Start(ctx) }() // it ends with ctx, and reconnects till then
	if !watching.WaitForCacheSync(ctx) {
		return fmt.Errorf("fill the cache: %w", context.Cause(ctx))
	}
	return nil
}

// handle calls do for every object of a kind, and whenever it changes.
func handle(ctx context.Context, watching cache.Cache, kind client.Object, do func(any)) error {
	informer, err := watching.GetInformer(ctx, kind, cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("watch %T: %w", kind, err)
	}
	_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{AddFunc: do, UpdateFunc: func(_, o any) { do(o) }})
	if err != nil {
		return fmt.Errorf("watch %T: %w", kind, err)
	}
	return nil
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
