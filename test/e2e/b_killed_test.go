//go:build e2e && linux

package e2e

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"flagger.app/flagger/test/story"
)

const (
	kills   = 10
	apart   = 3 * time.Second  // between the releases of the apps, so that each kill meets each at another point
	rollout = 36 * time.Second // about how long one takes
)

// event is something that happens at a time of the test.
type event struct {
	at time.Duration
	do func()
}

// TestKilledOperatorGoesOn kills the operator at random moments of three rollouts. SEED repeats a run.
func TestKilledOperatorGoesOn(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if given, err := strconv.ParseUint(os.Getenv("SEED"), 10, 64); err == nil {
		seed = given
	}
	t.Logf("SEED=%d repeats the moments", seed)
	random := rand.New(rand.NewPCG(seed, seed))

	var scenes []*scene
	for i := range 3 {
		scenes = append(scenes, deploy(t, story.App{Namespace: fmt.Sprintf("killed-%d", i), Version: "6.0.0", Replicas: 2}, 50))
	}
	var plan []event
	for i, s := range scenes {
		s.initialized()
		plan = append(plan, event{at: time.Duration(i) * apart, do: func() { s.When(NewRevision("6.1.0")) }})
	}
	begun := time.Now()
	for range kills {
		plan = append(plan, event{at: time.Duration(random.Int64N(int64(rollout))), do: func() {
			t.Logf("kill at %.3f s", time.Since(begun).Seconds())
			stage.Operator.Kill()
			if err := stage.Operator.Start(); err != nil {
				t.Fatal(err)
			}
		}})
	}
	slices.SortFunc(plan, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	for _, next := range plan {
		<-time.After(next.at - time.Since(begun))
		next.do()
	}
	for _, s := range scenes {
		s.Then(Promoted(), Weighted(25, 50), RolledOnce(), NoPlatformFailure())
	}
}
