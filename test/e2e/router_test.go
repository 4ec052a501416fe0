//go:build e2e && linux

package e2e

import (
	"testing"

	"k8s.io/utils/ptr"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/story"
)

// TestTraefikServices has the user's own TraefikService taken over, beside an IngressRoute that stays as it is.
func TestTraefikServices(t *testing.T) {
	releases(t, story.App{Namespace: "traefik", Provider: story.TraefikService}, failing...)
}

// TestNginxAnnotations has the user's Ingress copied, with annotations that divide its traffic.
func TestNginxAnnotations(t *testing.T) {
	const halt = `Halt APP advancement pods-success-rate [78]\d\.\d\d < 99`
	releases(t, story.App{Namespace: "nginx", Provider: story.Nginx}, halt, halt, failing[2], failing[3])
}

// TestApisixRoutes has the user's ApisixRoute copied, for a proxy that stands in for APISIX. As the real one, it counts
// the primary's answers and the canary's together: a fifth of a quarter fails.
func TestApisixRoutes(t *testing.T) {
	const halt = `Halt APP advancement success rate 9[3-6]\.\d\d% < 99%`
	releases(t, story.App{Namespace: "apisix", Provider: story.APISIX}, halt, halt, failing[2], failing[3])
}

// TestTrafficSplits divides what a proxy that stands in for Linkerd's carries from pod to pod.
func TestTrafficSplits(t *testing.T) {
	releases(t, story.App{Namespace: "linkerd", Provider: story.Linkerd}, failing...)
}

// slowest is how long the 99th of 100 requests may take, in milliseconds.
const slowest = 5000.0

// releases tells the story that every provider has to pass: the canary of an app that has users is made, a bad release
// is rolled back, a good one promoted, and the canary deleted. Warnings are those of the bad release.
func releases(t *testing.T, app story.App, warnings ...string) {
	t.Parallel()
	served, err := stage.Serves(app.Provider)
	if err != nil {
		t.Fatal(err)
	}
	if !served {
		t.Skip("the lab has not the provider's CRD, which is kept beside the checkout in ../shared/crds")
	}
	app.Version, app.Replicas = "6.0.0", 2
	app.Change = func(c *v1beta1.Canary) {
		c.Spec.RevertOnDeletion = true
		for i := range c.Spec.Analysis.Metrics {
			if metric := &c.Spec.Analysis.Metrics[i]; metric.Name == "request-duration" {
				metric.ThresholdRange.Max = ptr.To(slowest) // a proxy's time is also that of waiting for a busy machine
			}
		}
	}
	app.Before = app.UserRoute()
	Given(t, app, 150).
		When(NewRevision("6.1.0-err20")).
		Then(RolledBack("6.0.0"), Weighted(25), Warned(warnings...)).
		When(NewRevision("6.2.0")).
		Then(
			Promoted(),
			TrafficFollowsStatus(3, 25, 50),
			Weighted(25, 50),
			RolledOnce(),
			Said(in(app.Namespace, canaryEvents)...),
			Warned(),
		).
		When(deleteCanary).
		Then(HandedBack(), NoPlatformFailure())
}
