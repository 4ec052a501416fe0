//go:build linux

package main

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"flagger.app/flagger/api/v1beta1"
)

// watched is a follower whose clock goes on a second with every look, and a function that shows it a canary.
func watched() (*follower, func(name string, phase v1beta1.CanaryPhase, weight int)) {
	now := time.Time{}
	f := newFollower(func() time.Time {
		now = now.Add(time.Second)
		return now
	}, time.Minute)
	return f, func(name string, phase v1beta1.CanaryPhase, weight int) {
		f.note(&v1beta1.Canary{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: v1beta1.CanaryStatus{Phase: phase, CanaryWeight: weight}})
	}
}

func keysOf(names ...string) []types.NamespacedName {
	var keys []types.NamespacedName
	for _, name := range names {
		keys = append(keys, types.NamespacedName{Name: name})
	}
	return keys
}

func TestFollowerKeepsWhatChanges(t *testing.T) {
	f, show := watched()
	show("a", v1beta1.PhaseProgressing, 0)
	show("a", v1beta1.PhaseProgressing, 0)
	show("a", v1beta1.PhaseProgressing, 10)
	show("b", v1beta1.PhaseFailed, 0)
	show("a", v1beta1.PhasePromoting, 10)
	want := []moment{at(3000, v1beta1.PhaseProgressing, 10), at(5000, v1beta1.PhasePromoting, 10)}
	got := f.since(keysOf("a")[0], time.Time{}.Add(2*time.Second))
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(moment{})); diff != "" {
		t.Errorf("moments differ in phase or weight, each canary has its own (-want +got):\n%s", diff)
	}
}

func TestFollowerWaits(t *testing.T) {
	f, show := watched()
	show("a", v1beta1.PhaseSucceeded, 0)
	w := f.expect(keysOf("a", "b"), in(v1beta1.PhaseSucceeded, v1beta1.PhaseFailed))
	show("a", v1beta1.PhaseProgressing, 0)
	show("b", v1beta1.PhaseFailed, 0)
	show("other", v1beta1.PhaseSucceeded, 0)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if came, err := f.await(ended, w); err == nil {
		t.Fatalf("what was before does not count, got %v", came)
	}
	show("a", v1beta1.PhaseSucceeded, 0)
	show("b", v1beta1.PhaseSucceeded, 0)
	came, err := f.await(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	keys := keysOf("a", "b")
	want := map[types.NamespacedName]moment{keys[0]: at(5000, v1beta1.PhaseSucceeded, 0), keys[1]: at(3000, v1beta1.PhaseFailed, 0)}
	if diff := cmp.Diff(want, came, cmp.AllowUnexported(moment{})); diff != "" {
		t.Errorf("the first moment as wanted counts (-want +got):\n%s", diff)
	}
	if first(came).Second() != 3 || last(came).Second() != 5 {
		t.Errorf("got %v to %v", first(came), last(came))
	}
}
