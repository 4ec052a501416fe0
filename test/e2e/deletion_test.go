//go:build e2e && linux

package e2e

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/lab"
	"flagger.app/flagger/test/story"
)

// TestDeletionHandsBackUnderLoad takes over a user's Service and route, and gives them back without losing a request.
func TestDeletionHandsBackUnderLoad(t *testing.T) {
	t.Parallel()
	app := story.App{Namespace: "deletion", Version: "6.0.0", Replicas: 2, Change: func(c *v1beta1.Canary) {
		c.Spec.RevertOnDeletion = true
	}}
	app.Before = app.UserRoute()
	Given(t, app, 50).When(deleteCanary).Then(HandedBack(), NoPlatformFailure())
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

// HandedBack waits until the deleted Canary and what it made are gone, and checks that the objects that were there
// before it say what they said then, and that the app's present version serves everybody.
func HandedBack() Outcome {
	return func(s *scene) {
		s.Helper()
		s.await("gone", func(m story.Moment) bool { return m.Gone })
		s.await("primary collected", func(m story.Moment) bool { return m.Gone && m.Primary == story.Replicas{} })
		<-time.After(lab.Drain + time.Second) // its pods are gone then
		for _, before := range s.app.Before {
			after := before.DeepCopyObject().(client.Object)
			s.must(stage.Client.Get(s.ctx, client.ObjectKeyFromObject(before), after))
			s.same(fmt.Sprintf("spec of the user's %T", before), s.spec(before), s.spec(after))
		}
		s.servedBy(s.app.Answer())
	}
}

func (s *scene) spec(object client.Object) any {
	s.Helper()
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	s.must(err)
	return fields["spec"]
}
