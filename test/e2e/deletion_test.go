//go:build e2e && linux

package e2e

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/story"
)

// TestDeletionHandsBackUnderLoad takes over a user's Service and route, and gives them back without losing a request.
func TestDeletionHandsBackUnderLoad(t *testing.T) {
	t.Parallel()
	app := story.App{Namespace: "deletion", Version: "6.0.0", Replicas: 2, Change: func(c *v1beta1.Canary) {
		c.Spec.RevertOnDeletion = true
	}}
	app.Before = app.UserRoute()
	s := Given(t, app, 50)
	s.When(deleteCanary)
	s.await("gone", func(m story.Moment) bool { return m.Gone })
	s.await("primary collected", func(m story.Moment) bool { return m.Gone && m.Primary == story.Replicas{} })
	<-time.After(5 * time.Second) // its pods answer for three seconds more

	before := app.UserRoute()
	service, route := &corev1.Service{}, &gatewayv1.HTTPRoute{}
	s.must(stage.Client.Get(s.ctx, app.Key(), service))
	s.must(stage.Client.Get(s.ctx, app.Key(), route))
	s.same("selector of the user's Service", before[0].(*corev1.Service).Spec.Selector, service.Spec.Selector)
	name := route.Spec.Rules[0].BackendRefs[0].Name
	s.same("backends of the user's route", []any{1, gatewayv1.ObjectName(story.Name)}, []any{len(route.Spec.Rules[0].BackendRefs), name})
	s.servedBy("6.0.0")
	s.Then(NoPlatformFailure())
}

// TestCanaryIsReplacedUnderLoad deletes a Canary that has given half of the users a new version, and makes it anew at
// once, while the objects of the first are still being collected.
func TestCanaryIsReplacedUnderLoad(t *testing.T) {
	t.Parallel()
	app := story.App{Namespace: "replaced", Version: "6.0.0", Replicas: 2, Change: func(c *v1beta1.Canary) {
		oneStep(c)
		c.Spec.RevertOnDeletion = true
	}}
	app.Before = app.UserRoute()
	s := Given(t, app, 50).When(NewRevision("6.1.0"))
	s.await("half of the traffic", routed(50))
	s.When(deleteCanary)
	s.await("gone", func(m story.Moment) bool { return m.Gone })
	s.servedBy("6.1.0")
	s.When(newCanary).initialized()
	s.servedBy("6.1.0")
	s.When(NewRevision("6.2.0")).Then(Promoted(), Weighted(50), RolledOnce(), Warned(), NoPlatformFailure())
}

func deleteCanary(s *scene) {
	s.Helper()
	s.mark, s.sent = s.journal.Mark(), time.Now()
	s.must(stage.Client.Delete(s.ctx, s.app.NewCanary()))
}
