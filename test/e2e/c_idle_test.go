//go:build e2e && linux

package e2e

import (
	"fmt"
	"testing"
	"time"

	"flagger.app/flagger/test/story"
)

// TestIdleCanariesCostNothing counts every request that the API server receives from the operator in a minute. The
// operator is started anew before: clients renew a watch after five to ten minutes, so none does in this minute, and no
// request but the leader election's is left to be excused.
func TestIdleCanariesCostNothing(t *testing.T) {
	const idle, window = 10, time.Minute
	var scenes []*scene
	for i := range idle {
		scenes = append(scenes, deploy(t, story.App{Namespace: fmt.Sprintf("idle-%d", i), Version: "6.0.0", Replicas: 1}, 0))
	}
	for _, s := range scenes {
		s.initialized()
	}
	stage.Operator.Stop()
	if err := stage.Operator.Start("-enable-leader-election"); err != nil {
		t.Fatal(err)
	}
	quiet(t)
	begun := time.Now()
	<-time.After(window)
	requests, err := story.Requests(stage.State, begun)
	if err != nil {
		t.Fatal(err)
	}
	leases := 0
	for _, request := range requests {
		if request.IsLease() {
			leases++
			continue
		}
		t.Errorf("%s: %s", request.At.Format(time.TimeOnly), request)
	}
	figure(t, "%d requests in %s with %d idle canaries, besides %d of the lease", len(requests)-leases, window, idle, leases)
	if leases == 0 {
		t.Error("the lease was not renewed, so nothing shows that the operator ran")
	}
}

// quiet waits until the operator, just started, leads and has asked for nothing but its lease for five seconds.
func quiet(t *testing.T) {
	t.Helper()
	const calm, limit = 5 * time.Second, time.Minute
	started := time.Now()
	for time.Since(started) < limit {
		asked := time.Now()
		<-time.After(calm)
		requests, err := story.Requests(stage.State, started)
		if err != nil {
			t.Fatal(err)
		}
		working, busy := false, false
		for _, request := range requests {
			working = working || !request.IsLease()
			busy = busy || !request.IsLease() && request.At.After(asked)
		}
		if working && !busy {
			return
		}
	}
	t.Fatalf("the operator did not come to rest in %s", limit)
}
