package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/uuid"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

const (
	// leaseName is Flagger's, so that an instance of either keeps the other from working.
	leaseName     = "flagger-leader-election"
	leaseDuration = 60 * time.Second
	renewDeadline = 15 * time.Second
	retryPeriod   = 5 * time.Second
)

// watchedLock tells the log when another instance leads. The elector calls it from one goroutine.
type watchedLock struct {
	resourcelock.Interface
	log logr.Logger
	// leader is the last one seen.
	leader string
}

// newLock returns the lock of the leader election in namespace, under an identity of this process alone.
func newLock(cfg *rest.Config, namespace string, log logr.Logger) (resourcelock.Interface, error) {
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
	return &watchedLock{Interface: lock, log: log}, nil
}

// Get reads the lease and notices who holds it.
func (l *watchedLock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := l.Interface.Get(ctx)
	if err == nil && record.HolderIdentity != l.leader {
		l.leader = record.HolderIdentity
		if l.leader != "" && l.leader != l.Identity() {
			l.log.Info("Another instance has been elected as leader: " + l.leader)
		}
	}
	return record, raw, err
}
