package main

import (
	"fmt"
	"time"

	"github.com/go-logr/logr"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"flagger.app/flagger/internal/event"
)

const (
	// component is the source of our events, which users filter on.
	component = "flagger"
	// eventTimeout limits one request that writes an event.
	eventTimeout = 30 * time.Second
)

// lasting is work that begins before the leader's and ends after it: what has a cache is ended by the manager only once
// the reconcilers have ended, and before the lease is given up.
type lasting struct {
	manager.RunnableFunc
	cache cache.Cache
}

// GetCache returns what must be in sync before the work of the leader may begin.
func (l lasting) GetCache() cache.Cache { return l.cache }

// addEvents returns a recorder of core/v1 events, which mgr runs. dropped is called once for each event that is given up.
// Every event is echoed to the log at level debug.
func addEvents(mgr ctrl.Manager, log logr.Logger, dropped func()) (record.EventRecorder, error) {
	cfg := rest.CopyConfig(mgr.GetConfig())
	cfg.Timeout = eventTimeout
	core, err := typedcorev1.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("build events client: %w", err)
	}
	events := event.New(event.Options{
		Client:    core,
		Scheme:    mgr.GetScheme(),
		Component: component,
		Log:       log.WithName("event-broadcaster"), // users search for the name
		Dropped:   dropped,
		Clock:     clock.RealClock{},
	})
	if err := mgr.Add(lasting{RunnableFunc: events.Run, cache: mgr.GetCache()}); err != nil {
		return nil, fmt.Errorf("add events: %w", err)
	}
	return events, nil
}
