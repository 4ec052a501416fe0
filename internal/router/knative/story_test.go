package knative

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/internal/workload"
)

// story is a canary of a Knative Service with the core, the target and the router at work on a real API server. Knative
// itself is played: it has always just carried out what the Service asks for.
type story struct {
	*routertest.Bench
	target *workload.KnativeService
	now    time.Time
	told   []string
}

// newStory has a Service whose first revision serves, and a canary that is new.
func newStory(t *testing.T) *story {
	t.Helper()
	c := canary()
	c.Status = v1beta1.CanaryStatus{}
	c.Spec.Analysis.StepWeight, c.Spec.Analysis.MaxWeight = 30, 60
	c.Spec.RevertOnDeletion = true
	object := service(latest(whole))
	object.Object["status"] = map[string]any{latestCreated: first, latestReady: first}
	s := &story{Bench: bench(t, c, object), now: time.Unix(1_800_000_000, 0)}
	testkit.StartAPIServer(t, filepath.Join("internal", "workload", "testdata", "knative", "revisions.yaml"))
	s.target = workload.NewKnativeService(workload.Options{Client: s.Direct, Live: s.Direct})
	s.revision(first)
	return s
}

// revision makes one that is ready.
func (s *story) revision(name string) {
	s.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"conditions": []any{condition("Ready")}}}}
	object.SetGroupVersionKind(kind.GroupVersion().WithKind("Revision"))
	object.SetName(name)
	s.Create(object, "knative")
}

func condition(kind string) map[string]any {
	return map[string]any{"type": kind, "status": "True", "reason": "", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}
}

// push makes the revision of the name the latest.
func (s *story) push(name string) {
	s.Helper()
	s.revision(name)
	s.settle(func(status map[string]any) { status[latestCreated], status[latestReady] = name, name })
}

// breaks says of the latest revision that it cannot serve any more, or never could.
func (s *story) breaks(name, before string) {
	s.Helper()
	s.settle(func(status map[string]any) { status[latestCreated], status[latestReady] = name, before })
}

// settle is what Knative writes.
func (s *story) settle(change func(status map[string]any)) {
	s.Helper()
	object := s.Routing()
	status, _ := object.Object["status"].(map[string]any)
	status["observedGeneration"] = object.GetGeneration()
	status["conditions"] = []any{condition(routesReady)}
	change(status)
	s.Report(object)
}

// plays lets the operator work for so many wake-ups, each as late as it asked for, and tells what came of each.
func (s *story) plays(wakeUps int) {
	s.Helper()
	for range wakeUps {
		s.settle(func(map[string]any) {})
		plan, err := rollout.NewPlan(s.Canary, Row().Capabilities, rollout.Settings{Drain: time.Second})
		if err != nil {
			s.Fatal(err)
		}
		in := s.observe(plan)
		dec := rollout.Decide(in)
		for len(dec.Ask) > 0 {
			in.Answers = rollout.Answers{}
			for _, q := range dec.Ask {
				in.Answers[q] = rollout.Answer{Verdict: rollout.Pass}
			}
			dec = rollout.Decide(in)
		}
		if err := rollout.Permit(in, dec); err != nil {
			s.Fatal(err)
		}
		for _, action := range dec.Actions {
			if err := s.act(action); err != nil {
				s.Fatalf("%T: %v", action, err)
			}
		}
		s.Canary.Status = dec.Status
		s.now = s.now.Add(max(dec.After, time.Second))
		s.tell()
	}
}

func (s *story) observe(plan rollout.Plan) rollout.Observation {
	s.Helper()
	pair, err := s.target.Observe(s.Context(), s.Canary, plan)
	if err != nil {
		s.Fatal(err)
	}
	in := rollout.Observation{
		Now: s.now, Plan: plan, UID: string(s.Canary.UID), Status: s.Canary.Status,
		Target: pair.Target, Primary: pair.Primary, Deleting: s.Canary.DeletionTimestamp != nil,
	}
	in.Routing, err = s.Router.Observe(s.Context(), s.Canary)
	in.Routed = err == nil
	if err != nil && !errors.Is(err, router.ErrNotFound) {
		s.Fatal(err)
	}
	return in
}

func (s *story) act(action rollout.Action) error {
	switch a := action.(type) {
	case rollout.SyncPrimary:
		return s.target.SyncPrimary(s.Context(), s.Canary, rollout.Version(a))
	case rollout.Promote:
		return s.target.SyncPrimary(s.Context(), s.Canary, rollout.Version(a))
	case rollout.Route:
		return s.Router.Apply(s.Context(), s.Canary, a.Traffic)
	case rollout.Release:
		return s.Router.Release(s.Context(), s.Canary)
	}
	return nil // Knative's or nobody's
}

// tell notes phase, primary and users, if any of them is news.
func (s *story) tell() {
	s.Helper()
	object := s.Routing()
	line := fmt.Sprintf("%s: %s serves,", s.Canary.Status.Phase, strings.TrimPrefix(object.GetAnnotations()[primaryAnnotation], "podinfo-"))
	for _, e := range trafficOf(s.Bench) {
		name, _ := e["revisionName"].(string)
		if name == "" {
			name = "latest"
		}
		line += fmt.Sprintf(" %s %d", strings.TrimPrefix(name, "podinfo-"), percentOf(e))
	}
	if len(s.told) == 0 || s.told[len(s.told)-1] != line {
		s.told = append(s.told, line)
	}
}

func (s *story) toldThat(want ...string) {
	s.Helper()
	if diff := cmp.Diff(want, s.told); diff != "" {
		s.Errorf("the story (-want +got):\n%s", diff)
	}
	s.told = nil
}

// initialized is where every story begins.
func (s *story) initialized() {
	s.Helper()
	s.plays(5)
	s.toldThat(
		"Initializing: 00001 serves, latest 100",
		"Initializing: 00001 serves, latest 0 00001 100",
		"Initialized: 00001 serves, latest 0 00001 100",
	)
}

func TestARevisionIsPromoted(t *testing.T) {
	s := newStory(t)
	s.initialized()
	s.push(second)
	s.plays(12)
	s.toldThat(
		"Progressing: 00001 serves, latest 0 00001 100",
		"Progressing: 00001 serves, 00002 30 00001 70",
		"Progressing: 00001 serves, 00002 60 00001 40",
		"Promoting: 00002 serves, 00002 60 00001 40",
		"Finalising: 00002 serves, latest 0 00002 100",
		"Succeeded: 00002 serves, latest 0 00002 100",
	)
	s.Writes()
	s.plays(3)
	if writes := s.Writes(); writes != 0 {
		t.Errorf("at rest it was written %d times", writes)
	}
}

// A revision pushed in the middle of a run gets nobody before a run of its own.
func TestARevisionPushedInARun(t *testing.T) {
	s := newStory(t)
	s.initialized()
	s.push(second)
	s.plays(2)
	s.push(third)
	s.plays(3)
	s.toldThat(
		"Progressing: 00001 serves, latest 0 00001 100",
		"Progressing: 00001 serves, 00002 30 00001 70",
		"Progressing: 00001 serves, latest 0 00001 100",
		"Progressing: 00001 serves, 00003 30 00001 70",
		"Progressing: 00001 serves, 00003 60 00001 40",
	)
}

// A revision that never becomes ready ends its run by the progress deadline, and has had nobody.
func TestARevisionThatNeverStarts(t *testing.T) {
	s := newStory(t)
	s.initialized()
	s.breaks(second, first)
	s.plays(8)
	s.toldThat(
		"Progressing: 00001 serves, latest 0 00001 100",
		"Failed: 00001 serves, latest 0 00001 100",
	)
}

// Somebody replaces the whole object in a run: the next wake-up puts it right.
func TestAReplacedServiceGoesOn(t *testing.T) {
	s := newStory(t)
	s.initialized()
	s.push(second)
	s.plays(2)
	s.Edit(kind, "podinfo", func(object *unstructured.Unstructured) {
		object.SetAnnotations(nil)
		setTraffic(object, latest(whole))
	})
	s.settle(func(status map[string]any) { status["traffic"] = []any{pinned(second, 30), pinned(first, 70)} })
	s.plays(1)
	s.toldThat(
		"Progressing: 00001 serves, latest 0 00001 100",
		"Progressing: 00001 serves, 00002 30 00001 70",
		"Progressing: 00001 serves, 00002 60 00001 40",
	)
}

func TestADeletedCanaryHandsTheServiceBack(t *testing.T) {
	s := newStory(t)
	s.initialized()
	s.breaks(second, first)
	s.plays(1)
	s.Canary.DeletionTimestamp = &metav1.Time{Time: s.now}
	s.plays(2)
	s.toldThat(
		"Progressing: 00001 serves, latest 0 00001 100",
		"Terminating:  serves, latest 100",
	)
}
