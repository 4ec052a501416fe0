//go:build e2e && linux

package e2e

import (
	"testing"

	"flagger.app/flagger/test/story"
)

func TestDaemonSetIsPromoted(t *testing.T) {
	t.Parallel()
	app := story.App{Namespace: "daemonset", Kind: story.DaemonSet, Version: "6.0.0"}
	Given(t, app, 50).
		When(NewRevision("6.1.0")).
		Then(
			Promoted(),
			Weighted(25, 50),
			Sized([]int32{0, nodes, 0}, []int32{nodes}),
			RolledOnce(),
			Said(in(app.Namespace, canaryEvents)...),
			Warned(),
			NoPlatformFailure(),
		)
}

func TestDaemonSetIsRolledBack(t *testing.T) {
	t.Parallel()
	app := story.App{Namespace: "daemonset-back", Kind: story.DaemonSet, Version: "6.0.0"}
	Given(t, app, 50).
		When(NewRevision("6.1.0-err20")).
		Then(
			RolledBack("6.0.0"),
			Weighted(25),
			Sized([]int32{0, nodes, 0}, []int32{nodes}),
			Warned(failing...),
			NoPlatformFailure(),
		)
}

// nodes are the lab's.
const nodes = 3

// Sized checks how many pods target and primary were to have, one number after the other.
func Sized(target, primary []int32) Outcome {
	return func(s *scene) {
		s.Helper()
		s.same("pods of the target", target, story.Values(s.moments(), func(m story.Moment) int32 { return m.Target.Wanted }))
		s.same("pods of the primary", primary, story.Values(s.moments(), func(m story.Moment) int32 { return m.Primary.Wanted }))
	}
}
