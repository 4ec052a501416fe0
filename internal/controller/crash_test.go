package controller

import (
	"errors"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/testkit"
)

// crashStory is a story that is told once undisturbed, and then once for every write of the operator, which dies right
// behind it.
type crashStory struct {
	reason string
	canary []testkit.CanaryOption
	// target is the canary's, nil for the usual Deployment; arrange makes what is there before it, nil for nothing.
	target  func() client.Object
	arrange func(w *world)
	// begin is what happens once the canary is at rest. A story that ends the canary, or begins before it is at rest
	// because begin is nil, is told in a world of its own each time; the others go on from where they ended.
	begin func(w *world)
	final bool
	// ended tells when the story is over.
	ended func(w *world) bool
	// plan is what must be seen, told from the moment of begin; images are "old" and "new". The rolls are counted, not
	// compared.
	plan  history
	rolls int
	// also is what else must be so at the end, however often the operator died; nil for nothing.
	also func(w *world) []string
	// excuses takes out of an outcome what a death may change without harm; nil for nothing.
	excuses func(o *outcome)
}

// outcome is what a story comes to.
type outcome struct {
	summary summary
	seen    history
	said    []string
	// selects is what the apex Service selects, backends those of the HTTPRoute.
	selects        string
	backends, also []string
}

// reached tells whether the canary is in a phase.
func reached(phase v1beta1.CanaryPhase) func(*world) bool {
	return func(w *world) bool { return w.canary().Status.Phase == phase }
}

var crashStories = map[string]crashStory{
	"Initialization": {
		reason:  "The primary is made once and adopted objects are adopted once.",
		arrange: func(w *world) { w.apply(testkit.Service(), testkit.HTTPRoute()) },
		ended:   reached(v1beta1.PhaseInitialized),
		plan:    history{weights: []string{"0"}, primaries: []string{"old"}, replicas: []string{"2", "0"}},
		rolls:   1,
	},
	"Weighted": {
		reason: "No step is skipped or taken twice, and the primary rolls once.",
		canary: []testkit.CanaryOption{testkit.Steps(30, 60), testkit.PromotionSteps(40), testkit.Metric("errors")},
		begin:  (*world).pushNext, ended: reached(v1beta1.PhaseSucceeded),
		plan: history{
			weights: []string{"0", "30", "60", "20", "0"}, primaries: []string{"old", "new"}, replicas: []string{"0", "2", "0"},
		},
		rolls: 2,
	},
	"ABTesting": {
		reason: "Those who match stay on the canary all through the iterations, and come back in steps.",
		canary: []testkit.CanaryOption{
			testkit.Iterations(2), testkit.MatchHeader("x-canary", "insider"), testkit.PromotionSteps(50),
		},
		begin: (*world).pushNext, ended: reached(v1beta1.PhaseSucceeded),
		plan: history{
			weights: []string{"0", "100", "50", "0"}, primaries: []string{"old", "new"}, replicas: []string{"0", "2", "0"},
		},
		rolls: 2,
	},
	"BlueGreen": {
		reason: "Copies first, everybody then, and back.",
		canary: []testkit.CanaryOption{testkit.Iterations(1), testkit.Mirror()},
		begin:  (*world).pushNext, ended: reached(v1beta1.PhaseSucceeded),
		plan: history{
			weights: []string{"0", "0*", "100", "0"}, primaries: []string{"old", "new"}, replicas: []string{"0", "2", "0"},
		},
		rolls: 2,
	},
	"SkipAnalysis": {
		reason: "Nobody meets the canary, however often the operator dies.",
		canary: []testkit.CanaryOption{testkit.SkipAnalysis()},
		begin:  (*world).pushNext, ended: reached(v1beta1.PhaseSucceeded),
		plan:  history{weights: []string{"0"}, primaries: []string{"old", "new"}, replicas: []string{"0", "2", "0"}},
		rolls: 2,
	},
	"Rollback": {
		reason: "The revision that failed never reaches the primary, and its pods go in the end.",
		canary: []testkit.CanaryOption{testkit.Steps(50), testkit.Metric("errors")},
		begin: func(w *world) {
			w.checks.Script("errors", rollout.Answer{Verdict: rollout.Fail, Message: "Halt web.ns advancement errors 7.00 > 1"})
			w.pushNext()
		},
		ended: func(w *world) bool { return reached(v1beta1.PhaseFailed)(w) && last(w.seen.replicas) == "0" },
		plan:  history{weights: []string{"0", "50", "0"}, primaries: []string{"old"}, replicas: []string{"0", "2", "0"}},
		rolls: 1,
	},
	"Deletion": {
		reason:  "What was there before the canary is there afterwards.",
		canary:  []testkit.CanaryOption{testkit.RevertOnDeletion()},
		arrange: func(w *world) { w.apply(testkit.Service(), testkit.HTTPRoute()) },
		begin:   func(w *world) { w.remove(testkit.Canary()) },
		final:   true,
		ended:   (*world).gone,
		plan:    history{weights: []string{"0"}, primaries: []string{"old"}, replicas: []string{"0", "2"}},
		rolls:   1,
	},
}

func TestCrashAfterEveryWrite(t *testing.T) {
	for _, group := range []map[string]crashStory{crashStories, kindCrashStories} {
		for name, story := range group {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				story.play(t)
			})
		}
	}
}

// play tells the story undisturbed, and then once for every write.
func (s crashStory) play(t *testing.T) {
	t.Helper()
	w := s.open(t)
	want, writes := s.tell(w, 0)
	expect(t, s.reason, s.plan, want.seen)
	if writes < 3 {
		t.Fatalf("a story of %d writes is none", writes)
	}
	for n := 1; n <= writes; n++ {
		if s.final || s.begin == nil {
			w = s.open(t)
		}
		got, _ := s.tell(w, n)
		expect(t, fmt.Sprintf("%s (dead behind write %d of %d)", s.reason, n, writes), want, got)
	}
}

// open makes a world in which the story can begin.
func (s crashStory) open(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	if s.arrange != nil {
		s.arrange(w)
	}
	var target client.Object = testkit.Deployment("app:1")
	if s.target != nil {
		target = s.target()
	}
	w.apply(target, testkit.Canary(s.canary...))
	w.settle()
	if s.begin != nil {
		w.until(v1beta1.PhaseInitialized)
		w.rest()
		w.forgetPast()
	}
	return w
}

// tell plays the story with an operator that dies behind its n-th write, or not at all for 0, and returns what it came
// to and how many writes it took.
func (s crashStory) tell(w *world, n int) (outcome, int) {
	w.Helper()
	if s.begin != nil {
		w.forgetPast()
		s.begin(w)
	}
	before, died := w.pipe.written(), w.died
	if n > 0 {
		w.pipe.limit(n)
	}
	w.untilSo("the story is over", func() bool { return s.ended(w) })
	w.rest()
	if w.died != died+min(n, 1) {
		w.Fatalf("the operator must die once if at all: %d deaths for n = %d", w.died-died, n)
	}
	if rolls := len(w.seen.rolls); rolls != s.rolls {
		w.Errorf("%s\ndead behind write %d: the primary's pods had %d revisions, want %d", s.reason, n, rolls, s.rolls)
	}
	o := outcome{summary: w.summary(), seen: w.seen, said: w.said()}
	o.seen.rolls = nil
	for i := range o.seen.primaries {
		o.seen.primaries[i] = []string{"old", "new"}[min(i, 1)]
	}
	service := &corev1.Service{}
	w.get(testkit.App, service)
	o.selects, o.backends = service.Spec.Selector["app"], w.backends(testkit.App)
	if s.also != nil {
		o.also = s.also(w)
	}
	if s.excuses != nil {
		s.excuses(&o)
	}
	return o, w.pipe.written() - before
}

// pushNext deploys an image that was never deployed before.
func (w *world) pushNext() {
	w.pushed++
	w.push(fmt.Sprintf("app:%d", w.pushed+1))
}

func TestACrashIsAnErrorForTheOperator(t *testing.T) {
	w := newWorld(t)
	w.rollOut()
	w.push("app:2")
	w.pipe.limit(1)
	if _, err := w.reconcile(testkit.App); !errors.Is(err, errCut) {
		t.Errorf("the tests of crashes must see the operator fail: got %v", err)
	}
}
