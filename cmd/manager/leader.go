package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/uuid"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"flagger.app/flagger/internal/kube"
)

const (
	// leaseName is Flagger's, so that an instance of either keeps the other from working.
	leaseName = "flagger-leader-election"
	// A leader that dies is followed within the lease and two tries, which client-go draws out to 2.2 times the period
	// each: 19 s.
	leaseDuration = 10 * time.Second
	renewDeadline = 7 * time.Second
	retryPeriod   = 2 * time.Second
)

// errNotOurs is returned where a lease is to be given up that another instance has taken over.
var errNotOurs = errors.New("the lease is held by another instance")

// watchedLock tells the log when another instance leads, and keeps this one from writing while it does not lead itself.
// The elector calls it from one goroutine.
type watchedLock struct {
	resourcelock.Interface
	log   logr.Logger
	fence *kube.Fence
	// leader is the last one seen.
	leader string
}

// elect returns the lock of the leader election, and the configuration of everything that the leader alone may write. It
// returns no lock, and cfg itself, where this is the only instance.
func elect(cfg *rest.Config, o *options, log logr.Logger) (resourcelock.Interface, *rest.Config, error) {
	if !o.leaderElection {
		return nil, cfg, nil
	}
	fence := kube.NewFence(leaseDuration, time.Now, func() {
		log.Info("Writes are held back, as this instance does not hold the lease")
	})
	lock, err := newLock(cfg, fence, o.leaseNamespace(), log)
	if err != nil {
		return nil, nil, err
	}
	cfg = rest.CopyConfig(cfg)
	cfg.Wrap(fence.Guard)
	return lock, cfg, nil
}

// newLock returns the lock of the leader election in namespace, under an identity of this process alone.
func newLock(cfg *rest.Config, fence *kube.Fence, namespace string, log logr.Logger) (resourcelock.Interface, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("find host name: %w", err)
	}
	id := host + "_" + uuid.NewString()
	lock, err := resourcelock.NewFromKubeconfig(resourcelock.LeasesResourceLock, namespace, leaseName,
		resourcelock.ResourceLockConfig{Identity: id}, cfg, renewDeadline)
	if err != nil {
		return nil, fmt.Errorf("build lease lock: %w", err)
	}
	// The word configmap is history; users search for the line.
	log.Info(fmt.Sprintf("Starting leader election id: %s configmap: %s namespace: %s", id, leaseName, namespace))
	return &watchedLock{Interface: lock, log: log, fence: fence}, nil
}

// Get reads the lease and notices who holds it.
func (l *watchedLock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := l.Interface.Get(ctx)
	if err != nil {
		return record, raw, err
	}
	if record.HolderIdentity != l.Identity() {
		l.fence.Close()
	}
	if record.HolderIdentity != l.leader {
		l.leader = record.HolderIdentity
		if l.leader != "" && l.leader != l.Identity() {
			l.log.Info("Another instance has been elected as leader: " + l.leader)
		}
	}
	return record, raw, nil
}

// Create takes the lease that nobody has held yet.
func (l *watchedLock) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return l.write(ctx, record, l.Interface.Create)
}

// Update takes the lease, renews it or gives it up.
func (l *watchedLock) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return l.write(ctx, record, l.Interface.Update)
}

// write opens the fence once the lease is ours. It closes the fence before the lease is given up, as others need not wait
// then, and gives up no lease but ours: the elector, stopped for long enough, goes by what it knew before.
func (l *watchedLock) write(
	ctx context.Context, record resourcelock.LeaderElectionRecord, send func(context.Context, resourcelock.LeaderElectionRecord) error,
) error {
	if record.HolderIdentity != l.Identity() {
		l.fence.Close()
		if l.leader != l.Identity() {
			return errNotOurs
		}
		return send(ctx, record)
	}
	sent := time.Now()
	if err := send(ctx, record); err != nil {
		return err
	}
	l.fence.Open(sent)
	return nil
}
