//go:build e2e && linux

package e2e

import (
	"testing"

	"k8s.io/utils/ptr"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/story"
)

// failing are the warnings about a version that fails a fifth of its requests.
var failing = []string{
	`Halt APP advancement success rate [78]\d\.\d\d% < 99%`,
	`Halt APP advancement success rate [78]\d\.\d\d% < 99%`,
	`Rolling back APP failed checks threshold reached 2`,
	`Canary failed! Scaling down APP`,
}

func TestBadReleaseIsRolledBackUnderLoad(t *testing.T) {
	t.Parallel()
	Given(t, story.App{Namespace: "rolledback", Version: "6.0.0", Replicas: 2}, 50).
		When(NewRevision("6.1.0-err20")).
		Then(
			RolledBack("6.0.0"),
			Weighted(25),
			Said("New revision detected! Scaling up APP", "Starting canary analysis for APP", "Advance APP canary weight 25"),
			Warned(failing...),
			NoPlatformFailure(),
		)
}

func TestStuckReleaseIsRolledBack(t *testing.T) {
	t.Parallel()
	app := story.App{Namespace: "stuck", Version: "6.0.0", Replicas: 1, Change: func(c *v1beta1.Canary) {
		c.Spec.ProgressDeadlineSeconds = ptr.To(v1beta1.Number(5))
	}}
	Given(t, app, 30).
		When(NewRevision("6.1.0-stuck")).
		Then(RolledBack("6.0.0"), Weighted(), NoPlatformFailure())
}
