//go:build e2e && linux

package e2e

import (
	"context"
	"slices"
	"testing"
	"time"

	"flagger.app/flagger/test/lab/load"
	"flagger.app/flagger/test/story"
)

// patience is how long a story may take; the longest takes two minutes.
const patience = 5 * time.Minute

// scene is a story that is being told.
type scene struct {
	*testing.T
	ctx     context.Context
	app     story.App // with the version and config that were released last
	journal *story.Journal
	traffic *story.Traffic
	sent    time.Time // when that was
	mark    int       // the first moment after that
}

// Step changes something and returns.
type Step func(*scene)

// Outcome waits for something and checks it.
type Outcome func(*scene)

// Rate is a load in requests per second.
type Rate int

// Given deploys an app under load and waits until its canary is initialized.
func Given(t *testing.T, app story.App, rate Rate) *scene {
	t.Helper()
	return deploy(t, app, rate).initialized()
}

// deploy deploys an app and sends it requests from the moment that the gateway serves it.
func deploy(t *testing.T, app story.App, rate Rate) *scene {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	s := &scene{T: t, ctx: ctx, app: app, sent: time.Now()}
	s.must(stage.CreateNamespace(ctx, app))
	journal, err := stage.Follow(ctx, app)
	s.must(err)
	s.journal = journal
	t.Cleanup(s.tell)
	s.must(stage.Deploy(ctx, app))
	if rate > 0 {
		s.traffic, err = stage.Send(ctx, app, int(rate), nil)
		s.must(err)
		journal.Count(s.traffic)
	}
	return s
}

// initialized waits until the canary has said that it rests, and has been seen to: events and pods are told of apart.
func (s *scene) initialized() *scene {
	s.Helper()
	s.await("initialized", story.Heard("Initialization done!"))
	s.await("at rest", story.Stopped())
	return s
}

// tell tells the whole story where it went wrong.
func (s *scene) tell() {
	if s.Failed() {
		s.Logf("what happened in %s:\n%s", s.app.Namespace, story.Narrate(s.journal.Since(0), s.sent))
	}
}

func (s *scene) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// When makes the steps.
func (s *scene) When(steps ...Step) *scene {
	s.Helper()
	for _, step := range steps {
		step(s)
	}
	return s
}

// Then checks the outcomes in their order.
func (s *scene) Then(outcomes ...Outcome) *scene {
	s.Helper()
	for _, outcome := range outcomes {
		outcome(s)
	}
	return s
}

// await waits for a moment after the last release.
func (s *scene) await(what string, wanted func(story.Moment) bool) story.Moment {
	s.Helper()
	m, err := s.journal.Await(s.ctx, s.mark, wanted)
	if err != nil {
		s.Fatalf("wait for %s: %v", what, err)
	}
	s.Logf("%s: %s after %.3f s", s.app.Namespace, what, m.At.Sub(s.sent).Seconds())
	return m
}

// moments are those since the last release.
func (s *scene) moments() []story.Moment { return s.journal.Since(s.mark) }

// stopTraffic ends the load, if there is one, and returns what came of all of it.
func (s *scene) stopTraffic() load.Counts {
	s.Helper()
	counts, err := s.traffic.Stop()
	s.must(err)
	return counts
}

// NewRevision releases another image tag.
func NewRevision(version string) Step {
	return func(s *scene) {
		s.Helper()
		s.mark, s.app.Version = s.journal.Mark(), version
		sent, err := stage.Release(s.ctx, s.app, version)
		s.must(err)
		s.sent = sent
	}
}

// NewConfig releases another value of the ConfigMap.
func NewConfig(value string) Step {
	return func(s *scene) {
		s.Helper()
		s.mark, s.app.Config = s.journal.Mark(), value
		sent, err := stage.Configure(s.ctx, s.app, value)
		s.must(err)
		s.sent = sent
	}
}

// newCanary makes the Canary again.
func newCanary(s *scene) {
	s.Helper()
	s.mark, s.sent = s.journal.Mark(), time.Now()
	s.must(stage.Client.Create(s.ctx, s.app.NewCanary()))
}

// weights are what the status and the route said one after the other.
func (s *scene) weights() (status, route []int) {
	status = story.Values(s.moments(), func(m story.Moment) int { return m.Status.CanaryWeight })
	route = story.Values(s.moments(), func(m story.Moment) int { return m.Weight })
	return status, route
}

// said are the texts of events of one type.
func (s *scene) said(kind string) []string {
	var texts []string
	for _, saying := range story.Sayings(s.moments()) {
		if saying.Type == kind {
			texts = append(texts, saying.Message)
		}
	}
	return slices.Clip(texts)
}
