//go:build e2e && linux

package e2e

import (
	"net/http"
	"testing"
	"time"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/lab/load"
	"flagger.app/flagger/test/story"
)

func TestBlueGreen(t *testing.T) {
	t.Parallel()
	app := story.App{Namespace: "bluegreen", Version: "6.0.0", Replicas: 1, Change: func(c *v1beta1.Canary) {
		c.Spec.Analysis = &v1beta1.CanaryAnalysis{Interval: "10s", Threshold: 2, Iterations: 2}
	}}
	Given(t, app, 30).
		When(NewRevision("6.1.0")).
		Then(
			Promoted(),
			Said(
				"New revision detected! Scaling up APP",
				"Starting canary analysis for APP",
				"Advance APP canary iteration 1/2",
				"Advance APP canary iteration 2/2",
				"Routing all traffic to canary",
				"Copying APP template spec to podinfo-primary.bluegreen",
				"Routing all traffic to primary",
				"Promotion completed! Scaling down APP",
			),
			RolledOnce(),
			NoPlatformFailure(),
		)
}

// TestABTesting sends users with and without a header; only those with it may meet the new version before its promotion.
func TestABTesting(t *testing.T) {
	t.Parallel()
	app := story.App{Namespace: "abtest", Version: "6.0.0", Replicas: 1, Change: func(c *v1beta1.Canary) {
		c.Spec.Analysis.StepWeights, c.Spec.Analysis.Iterations = nil, 2
		c.Spec.Analysis.Match = []istio.HTTPMatchRequest{{Headers: map[string]istio.StringMatch{"x-group": {Exact: "insider"}}}}
	}}
	s := Given(t, app, 30)
	insiders, err := stage.Send(s.ctx, app, 30, http.Header{"X-Group": {"insider"}})
	s.must(err)
	s.When(NewRevision("6.1.0"))
	s.await("first iteration", iteration(1))
	begun, insidersBegun := s.switched(insiders)
	ended := s.await("second iteration", iteration(2))
	insidersEnded := insiders.Snapshot()
	if others := ended.Load.Since(begun); others.Done == 0 || others.Of("6.1.0") != 0 {
		t.Errorf("users without the header were answered by %v, want 6.0.0 alone", others.Versions)
	}
	during := insidersEnded.Since(insidersBegun)
	figure(t, "%d of %d requests with the header met the new version", during.Of("6.1.0"), during.Done)
	if during.Of("6.1.0") != during.Done || during.Done == 0 {
		t.Errorf("users with the header were answered by %v, want 6.1.0 alone", during.Versions)
	}
	s.Then(Promoted(), RolledOnce(), NoPlatformFailure())
	counts, err := insiders.Stop()
	s.must(err)
	if counts.Platform != 0 {
		t.Errorf("%d requests with the header were failed by the platform: %v, %v", counts.Platform, counts.Broken, counts.Versions)
	}
}

// switched waits until the gateway, which takes a moment to follow the route, sends users with the header to the new
// version, and then as long again for the requests that are under way. It returns the counts of both groups from then on.
func (s *scene) switched(insiders *story.Traffic) (others, those load.Counts) {
	s.Helper()
	const limit, pause = 2 * time.Second, 100 * time.Millisecond
	began := time.Now()
	for insiders.Snapshot().Of("6.1.0") == 0 {
		if time.Since(began) > limit {
			s.Fatalf("the gateway does not follow the route in %s", limit)
		}
		<-time.After(pause)
	}
	s.Logf("the gateway followed the route within %d ms", time.Since(began).Milliseconds())
	<-time.After(pause)
	return s.traffic.Snapshot(), insiders.Snapshot()
}

func iteration(n int) func(story.Moment) bool {
	return func(m story.Moment) bool { return m.Status.Iterations == n }
}
