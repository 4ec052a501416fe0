package main

import (
	"context"
	"errors"
	"testing"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	ctrl "sigs.k8s.io/controller-runtime"
)

// lease is a lock whose holder is set by hand.
type lease struct {
	resourcelock.Interface
	holder string
	err    error
}

func (l *lease) Identity() string { return "us" }

func (l *lease) Get(context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	if l.err != nil {
		return nil, nil, l.err
	}
	return &resourcelock.LeaderElectionRecord{HolderIdentity: l.holder}, nil, nil
}

func TestOtherLeadersAreTold(t *testing.T) {
	var lines []string
	log := funcr.New(func(_, args string) { lines = append(lines, args) }, funcr.Options{})
	held := &lease{}
	lock := &watchedLock{Interface: held, log: log}

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
