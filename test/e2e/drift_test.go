//go:build e2e && linux

package e2e

import (
	"testing"
	"time"

	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/test/story"
)

// TestDriftIsRepairedToTheStatus edits the route in the middle of an analysis, which goes on as if nothing had happened.
func TestDriftIsRepairedToTheStatus(t *testing.T) {
	t.Parallel()
	const edited, limit = 90, time.Second
	app := story.App{Namespace: "drift", Version: "6.0.0", Replicas: 1}
	s := Given(t, app, 30).When(NewRevision("6.1.0"))
	s.await("first step", routed(25))
	s.When(editWeight(edited))
	wrong := s.await("edit", routed(edited))
	edits := false
	right := s.await("repair", func(m story.Moment) bool {
		edits = edits || m.Weight == edited
		return edits && m.Weight != edited
	})
	took := right.At.Sub(wrong.At)
	figure(t, "an edited route was repaired after %d ms (limit %d ms)", took.Milliseconds(), limit.Milliseconds())
	if right.Weight != 25 || took >= limit {
		t.Errorf("repaired to weight %d after %s, want 25 within %s", right.Weight, took, limit)
	}
	s.Then(Promoted(), RolledOnce(), Said(in(app.Namespace, canaryEvents)...), Warned(), NoPlatformFailure())
	status, _ := s.weights()
	s.same("weights in the status", []int{0, 25, 50, 0}, status)
}

func routed(weight int) func(story.Moment) bool {
	return func(m story.Moment) bool { return m.Weight == weight }
}

// editWeight gives the canary another weight in the route, as a user does.
func editWeight(weight int32) Step {
	return func(s *scene) {
		s.Helper()
		route := &gatewayv1.HTTPRoute{}
		s.must(stage.Client.Get(s.ctx, s.app.Key(), route))
		before := route.DeepCopy()
		for i := range route.Spec.Rules[0].BackendRefs {
			backend := &route.Spec.Rules[0].BackendRefs[i]
			backend.Weight = ptr.To(100 - weight)
			if backend.Name == story.Name+"-canary" {
				backend.Weight = ptr.To(weight)
			}
		}
		s.must(stage.Client.Patch(s.ctx, route, client.MergeFrom(before))) // the gateway writes its status meanwhile
	}
}
