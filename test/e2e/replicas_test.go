//go:build e2e && linux

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/story"
)

const (
	fleet      = 50               // rollouts at the same time
	takeover   = 20 * time.Second // how long nobody may work
	reign      = 12 * time.Second // how long a leader lives at most with rollouts under way
	government = "default"        // the lease's namespace
	// endurance is how long the whole story may take. Much of it is the lease of a dead leader, each time.
	endurance = 8 * time.Minute
)

// TestReplicasTakeOver has two replicas of the operator, as the chart runs them, and ends the leader at random moments of
// 50 rollouts: by crashes, by a pause that outlasts its lease, and as Kubernetes does. SEED repeats a run.
func TestReplicasTakeOver(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), endurance)
	t.Cleanup(cancel)
	stage.Operator.Stop() // it leads without an election
	t.Cleanup(func() {
		if err := stage.Operator.Start(); err != nil {
			t.Error(err)
		}
	})
	e := newElection(ctx, t)
	scenes := rest(ctx, t)
	e.elect()

	begun := time.Now()
	for _, s := range scenes {
		s.When(NewRevision("6.1.0"))
	}
	for _, end := range []func(){e.crash, e.pause, e.crash, e.retire} {
		<-time.After(time.Duration(e.random.Int64N(int64(reign))))
		t.Logf("%.3f s after the releases:", time.Since(begun).Seconds())
		end()
	}
	for _, s := range scenes {
		s.await("succeeded", story.Run(v1beta1.PhaseSucceeded))
		s.await("stopped", story.Stopped())
		s.Then(Weighted(10, 20, 30, 40, 50), RolledOnce())
		s.servedBy(s.app.Answer())
	}
	e.judge()
}

// rest deploys the fleet and waits until it is initialized.
func rest(ctx context.Context, t *testing.T) []*scene {
	t.Helper()
	var scenes []*scene
	for i := range fleet {
		s := deploy(t, story.App{
			Namespace: fmt.Sprintf("replicas-%02d", i), Version: "6.0.0", Replicas: 1,
			Change: func(c *v1beta1.Canary) {
				c.Spec.Analysis.Metrics = nil
				c.Spec.Analysis.StepWeights = []v1beta1.Number{10, 20, 30, 40, 50}
				// Nobody looks at pods while there is no leader.
				c.Spec.ProgressDeadlineSeconds = ptr.To(v1beta1.Number(600))
			},
		}, 0)
		s.ctx = ctx
		scenes = append(scenes, s)
	}
	for _, s := range scenes {
		s.initialized()
	}
	return scenes
}

// term is the time for which a replica leads, from the moment that it asks for the lease.
type term struct {
	user   string
	vacant time.Time // when the end of the one before began
	begun  time.Time
	paused bool // it was frozen, and went on after the next had begun
}

// election is the operator's replicas: one leads, the other waits.
type election struct {
	*testing.T
	ctx             context.Context
	random          *rand.Rand
	leases          watch.Interface
	leader, standby *story.Operator
	waiting         string // the standby's user
	replicas        int    // so far
	holder          string // of the lease
	terms           []term
}

// newElection starts the first replica and waits until it leads.
func newElection(ctx context.Context, t *testing.T) *election {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if given, err := strconv.ParseUint(os.Getenv("SEED"), 10, 64); err == nil {
		seed = given
	}
	t.Logf("SEED=%d repeats the moments", seed)
	leases, err := stage.Client.Watch(ctx, &coordinationv1.LeaseList{}, client.InNamespace(government))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(leases.Stop)
	e := &election{T: t, ctx: ctx, random: rand.New(rand.NewPCG(seed, seed)), leases: leases}
	e.elect()
	e.succeed(time.Now())
	return e
}

// elect starts one more replica, which waits for the lease.
func (e *election) elect() {
	e.Helper()
	e.replicas++
	e.waiting = fmt.Sprintf("flagger-%d", e.replicas)
	standby, err := stage.Replica(e.waiting, "-leader-election-namespace", government)
	if err != nil {
		e.Fatal(err)
	}
	if err := standby.Start(); err != nil {
		e.Fatal(err)
	}
	e.Cleanup(standby.Kill)
	e.standby = standby
}

// succeed waits until the standby holds the lease, and makes it the leader. The end of the one before began at vacant.
func (e *election) succeed(vacant time.Time) {
	e.Helper()
	for {
		select {
		case <-e.ctx.Done():
			e.Fatalf("wait for %s to lead: %v", e.waiting, context.Cause(e.ctx))
		case change := <-e.leases.ResultChan():
			lease, ok := change.Object.(*coordinationv1.Lease)
			if !ok {
				e.Fatalf("the watch of the lease has ended: %v", change.Object)
			}
			holder := ptr.Deref(lease.Spec.HolderIdentity, "")
			if holder == "" || holder == e.holder {
				continue
			}
			e.holder = holder
			e.terms = append(e.terms, term{user: e.waiting, vacant: vacant, begun: lease.Spec.AcquireTime.Time})
			e.leader = e.standby
			return
		}
	}
}

// crash kills the leader.
func (e *election) crash() {
	e.Helper()
	e.Log("the leader crashes")
	begun := time.Now()
	e.leader.Kill()
	e.succeed(begun)
	e.elect()
}

// pause freezes the leader until the standby leads, and then lets it go on. It has to find out, and to end.
func (e *election) pause() {
	e.Helper()
	e.Log("the leader is paused")
	begun, former := time.Now(), e.leader
	former.Freeze()
	e.terms[len(e.terms)-1].paused = true
	e.succeed(begun)
	former.Thaw()
	e.elect()
	select {
	case <-e.ctx.Done():
		e.Fatalf("wait for the former leader to end: %v", context.Cause(e.ctx))
	case <-former.Ended():
	}
	if code := former.ExitCode(); code != 1 {
		e.Errorf("the former leader has ended with code %d, want 1", code)
	}
}

// retire ends the leader in good order.
func (e *election) retire() {
	e.Helper()
	e.Log("the leader is told to end")
	begun := time.Now()
	e.leader.Stop()
	e.succeed(begun)
	e.elect()
}

// mayBeLate tells whether a write may come after the term: it was on its way when its process was frozen, past the fence,
// and names the version that it changes, so that it is refused if the next leader has changed that.
func (t term) mayBeLate(write story.Request) bool {
	return t.paused && write.Resource == "canaries/status"
}

// judge checks by the audit log that nobody wrote but the leader of the time, and that each took over in time.
func (e *election) judge() {
	e.Helper()
	requests, err := story.Requests(stage.State, e.terms[0].begun)
	if err != nil {
		e.Fatal(err)
	}
	writes := map[string][]story.Request{}
	for _, request := range requests {
		if request.IsWrite() && !request.IsLease() {
			writes[request.User] = append(writes[request.User], request)
		}
	}
	for i, led := range e.terms {
		for _, write := range writes[led.user] {
			after := i+1 < len(e.terms) && !write.At.Before(e.terms[i+1].begun)
			if write.At.Before(led.begun) || after && !led.mayBeLate(write) {
				e.Errorf("%s wrote out of its term: %s %s", led.user, write.At.Format(time.StampMicro), write)
			}
		}
		if len(writes[led.user]) == 0 {
			e.Logf("%s led too briefly to write", led.user)
			continue
		}
		first := writes[led.user][0].At
		figure(e.T, "%s: leads %.1f s after the former leader's end began, first write %.3f s after that (limit of both %.0f s), %d writes",
			led.user, led.begun.Sub(led.vacant).Seconds(), first.Sub(led.begun).Seconds(), takeover.Seconds(), len(writes[led.user]))
		if idle := first.Sub(led.vacant); i > 0 && idle >= takeover {
			e.Errorf("nobody worked for %s before %s did", idle, led.user)
		}
		delete(writes, led.user)
	}
	for user, wrote := range writes {
		e.Errorf("%s never led, but wrote %s", user, wrote[0])
	}
}
