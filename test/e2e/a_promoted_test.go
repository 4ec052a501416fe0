//go:build e2e && linux

package e2e

import (
	"strings"
	"testing"
	"time"

	"flagger.app/flagger/test/story"
)

// canaryEvents are the Normal events of a canary release in two steps, as Flagger's users know them.
var canaryEvents = []string{
	"New revision detected! Scaling up APP",
	"Starting canary analysis for APP",
	"Advance APP canary weight 25",
	"Advance APP canary weight 50",
	"Copying APP template spec to podinfo-primary.NAMESPACE",
	"Routing all traffic to primary",
	"Promotion completed! Scaling down APP",
}

func in(namespace string, texts []string) []string {
	var all []string
	for _, text := range texts {
		all = append(all, strings.ReplaceAll(text, "NAMESPACE", namespace))
	}
	return all
}

func TestGoodReleaseIsPromotedUnderLoad(t *testing.T) {
	app := story.App{Namespace: "promoted", Version: "6.0.0", Replicas: 2}
	Given(t, app, 200).
		When(NewRevision("6.1.0")).
		Then(
			SeenWithin(time.Second),
			DoneWithin(42*time.Second),
			Promoted(),
			TrafficFollowsStatus(3, 25, 50),
			Weighted(25, 50),
			RolledOnce(),
			Said(in(app.Namespace, canaryEvents)...),
			Warned(),
			NoPlatformFailure(),
			FewRequests(30),
		)
}

// FewRequests reports what the operator asked of the API server for the whole rollout, and checks the number.
func FewRequests(limit int) Outcome {
	return func(s *scene) {
		s.Helper()
		requests, err := story.Requests(stage.State, s.sent)
		s.must(err)
		figure(s.T, "API requests of the operator for the rollout: %d (limit %d)", len(requests), limit)
		s.Logf("by kind:\n%s", strings.Join(story.Kinds(requests), "\n"))
		if len(requests) > limit {
			s.Errorf("%d requests, want at most %d: %v", len(requests), limit, requests)
		}
	}
}
