//go:build e2e && linux

package e2e

import (
	"testing"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/story"
)

// TestConfigReleaseIsPromoted edits a ConfigMap that the pods read at their start, and nothing else.
func TestConfigReleaseIsPromoted(t *testing.T) {
	t.Parallel()
	app := story.App{Namespace: "config", Version: "6.0.0", Config: "blue", Replicas: 2}
	s := Given(t, app, 120).When(NewConfig("green"))
	for _, weight := range []int{25, 50} {
		s.await("a step", routed(weight))
		s.Then(PrimaryReads("blue"))
	}
	s.Then(
		Promoted(),
		PrimaryReads("green"),
		TrafficFollowsStatus(3, 25, 50),
		Weighted(25, 50),
		RolledOnce(),
		Said(in(app.Namespace, canaryEvents)...),
		Warned(),
		NoPlatformFailure(),
	)
}

func TestBadConfigIsRolledBack(t *testing.T) {
	t.Parallel()
	app := story.App{Namespace: "config-bad", Version: "6.0.0", Config: "blue", Replicas: 1}
	Given(t, app, 50).
		When(NewConfig("green-err20")).
		Then(RolledBack("6.0.0+blue"), PrimaryReads("blue"), Weighted(25), Warned(failing...), NoPlatformFailure())
}

// TestConfigEditedMidRunIsAnalysed edits a ConfigMap again while its first edit is under analysis: pods that have read
// the first must not stand in for those that would read the second.
func TestConfigEditedMidRunIsAnalysed(t *testing.T) {
	t.Parallel()
	app := story.App{Namespace: "config-midrun", Version: "6.0.0", Config: "blue", Replicas: 1}
	s := Given(t, app, 50).When(NewConfig("green"))
	s.await("a step", routed(25))
	s.When(NewConfig("red-err20"))
	s.await("rolled back", func(m story.Moment) bool { return m.Status.Phase == v1beta1.PhaseFailed && m.Weight == 0 })
	s.await("its last event", story.Heard("Canary failed! Scaling down"))
	s.Then(PrimaryReads("blue"), Warned(failing...), NoPlatformFailure())
}

// TestConfigReleaseIsTakenBack edits a ConfigMap and, after the promotion, edits it back.
func TestConfigReleaseIsTakenBack(t *testing.T) {
	t.Parallel()
	app := story.App{Namespace: "config-back", Version: "6.0.0", Config: "blue", Replicas: 1, Change: oneStep}
	s := Given(t, app, 30)
	for _, value := range []string{"green", "blue"} {
		s.When(NewConfig(value)).Then(Promoted(), PrimaryReads(value), Weighted(50), RolledOnce(), Warned())
	}
	s.Then(NoPlatformFailure())
}

// oneStep gives the canary half of the traffic, once.
func oneStep(c *v1beta1.Canary) { c.Spec.Analysis.StepWeights = []v1beta1.Number{50} }

// PrimaryReads checks what the primary's pods start with.
func PrimaryReads(want string) Outcome {
	return func(s *scene) {
		s.Helper()
		got, err := stage.PrimaryConfig(s.ctx, s.app)
		s.must(err)
		s.same("value in the primary's ConfigMap", want, got)
	}
}
