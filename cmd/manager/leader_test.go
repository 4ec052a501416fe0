package main

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	ctrl "sigs.k8s.io/controller-runtime"

	"flagger.app/flagger/internal/kube"
)

// lease is a lock whose holder is set by hand.
type lease struct {
	resourcelock.Interface
	holder string
	err    error
	writes int
}

func (l *lease) Identity() string { return "us" }

func (l *lease) Get(context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	if l.err != nil {
		return nil, nil, l.err
	}
	return &resourcelock.LeaderElectionRecord{HolderIdentity: l.holder}, nil, nil
}

func (l *lease) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return l.Update(ctx, record)
}

func (l *lease) Update(_ context.Context, record resourcelock.LeaderElectionRecord) error {
	if l.err != nil {
		return l.err
	}
	l.holder = record.HolderIdentity
	l.writes++
	return nil
}

func TestOtherLeadersAreTold(t *testing.T) {
	var lines []string
	log := funcr.New(func(_, args string) { lines = append(lines, args) }, funcr.Options{})
	held := &lease{}
	lock := &watchedLock{Interface: held, log: log, fence: kube.NewFence(leaseDuration, time.Now, func() {})}

	for _, holder := range []string{"them", "them", "", "us", "us", "others"} {
		held.holder = holder
		if _, _, err := lock.Get(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	held.err = errors.New("unreachable")
	if _, _, err := lock.Get(t.Context()); !errors.Is(err, held.err) {
		t.Errorf("got %v, want the lock's own error", err)
	}

	want := []string{
		`"level"=0 "msg"="Another instance has been elected as leader: them"`,
		`"level"=0 "msg"="Another instance has been elected as leader: others"`,
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("each change of leader is told once, our own elsewhere (-want +got):\n%s", diff)
	}
}

// accepting is an API server that takes every write.
type accepting struct{}

func (accepting) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

func TestOnlyTheLeaderWrites(t *testing.T) {
	ours, nobodys := resourcelock.LeaderElectionRecord{HolderIdentity: "us"}, resourcelock.LeaderElectionRecord{}
	unreachable := errors.New("unreachable")
	read := func(l *watchedLock) error { _, _, err := l.Get(t.Context()); return err }
	create := func(l *watchedLock) error { return l.Create(t.Context(), ours) }
	renew := func(l *watchedLock) error { return l.Update(t.Context(), ours) }
	giveUp := func(l *watchedLock) error { return l.Update(t.Context(), nobodys) }
	cases := map[string]struct {
		reason string
		held   lease
		steps  []func(*watchedLock) error
		writes bool // of everything else
		err    error
		leases int
	}{
		"Waits":    {"Another instance leads.", lease{holder: "them"}, []func(*watchedLock) error{read}, false, nil, 0},
		"Creates":  {"The first instance makes the lease.", lease{}, []func(*watchedLock) error{create}, true, nil, 1},
		"Takes":    {"A lease that has run out is taken.", lease{holder: "them"}, []func(*watchedLock) error{read, renew}, true, nil, 1},
		"Read":     {"Reading our own lease changes nothing.", lease{}, []func(*watchedLock) error{create, read}, true, nil, 1},
		"Fails":    {"A lease that could not be written may be another's.", lease{err: unreachable}, []func(*watchedLock) error{renew}, false, unreachable, 0},
		"GivesUp":  {"A lease that was given up is another's at once.", lease{}, []func(*watchedLock) error{create, read, giveUp}, false, nil, 2},
		"Deprived": {"The lease of a successor is not ours to give up.", lease{}, []func(*watchedLock) error{create, deprive, read, giveUp}, false, errNotOurs, 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			fence := kube.NewFence(leaseDuration, time.Now, func() {})
			lock := &watchedLock{Interface: &tc.held, log: logr.Discard(), fence: fence}
			var err error
			for _, step := range tc.steps {
				err = step(lock)
			}
			if !errors.Is(err, tc.err) || tc.held.writes != tc.leases {
				t.Errorf("%s\ngot %v after %d writes of the lease, want %v after %d", tc.reason, err, tc.held.writes, tc.err, tc.leases)
			}
			client := http.Client{Transport: fence.Guard(accepting{})}
			_, err = client.Post("https://kubernetes.default.svc/api", "application/json", http.NoBody)
			if got := !errors.Is(err, kube.ErrFenced); got != tc.writes {
				t.Errorf("%s\nwrites pass: %t, want %t", tc.reason, got, tc.writes)
			}
		})
	}
}

// deprive gives the lease to another instance.
func deprive(l *watchedLock) error {
	l.Interface.(*lease).holder = "them"
	return nil
}

// ended is a manager whose run has ended.
type ended struct {
	ctrl.Manager
	err error
}

func (m ended) Start(context.Context) error { return m.err }

func TestHowARunEnds(t *testing.T) {
	broken := errors.New("cache did not sync")
	cases := map[string]struct {
		reason string
		err    error
		want   error
	}{
		"Stopped": {"Being told to stop is no failure.", nil, nil},
		"Lost":    {"Users search for the line.", errors.New("leader election lost"), failure{"Leadership lost"}},
		"Broken":  {"Any other failure keeps its cause.", broken, broken},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			op := operator{Manager: ended{err: tc.err}, options: parsed(t), log: logr.Discard()}
			if got := op.start(t.Context()); !errors.Is(got, tc.want) {
				t.Errorf("%s\ngot %v, want %v", tc.reason, got, tc.want)
			}
		})
	}
}
