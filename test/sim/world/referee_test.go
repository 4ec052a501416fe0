package world

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/internal/testkit/chance"
)

// newStory is the simplest story, with configs, at the moment when the canary is initialized.
func newStory(t *testing.T) *world {
	t.Helper()
	w := newWorld(chance.Replay(nil))
	w.calm = true
	w.scenario = draw(w.chance)
	w.scenario.configured = true
	w.create(&corev1.ConfigMap{ObjectMeta: named(settings), Data: map[string]string{"value": "a"}})
	w.create(&corev1.Secret{ObjectMeta: named(credentials), Type: corev1.SecretTypeOpaque, Data: map[string][]byte{"value": []byte("a")}})
	w.create(w.target("a"))
	w.create(w.scenario.canary.DeepCopy())
	w.operator.start()
	if err := w.settle(); err != nil {
		t.Fatal(err)
	}
	return w
}

// until moves the world to a weight of the canary's.
func (w *world) until(t *testing.T, weight int) {
	t.Helper()
	for range mostSettling {
		if number(w.tree(canaryKind, app), "status", "canaryWeight") == weight {
			w.deliver()
			return
		}
		w.forward()
	}
	t.Fatalf("the weight never is %d", weight)
}

// does is a write of the operator's.
func (w *world) does(t *testing.T, object client.Object, name, patch string) {
	t.Helper()
	object.SetNamespace(namespace)
	object.SetName(name)
	if err := w.operator.client.Patch(w.ctx, object, client.RawPatch(mergePatch, []byte(patch))); err != nil {
		t.Fatal(err)
	}
}

// reports is a write of the operator's to the canary's status.
func (w *world) reports(t *testing.T, patch string) {
	t.Helper()
	c := &v1beta1.Canary{ObjectMeta: named(app)}
	c.Namespace = namespace
	if err := w.operator.client.Status().Patch(w.ctx, c, client.RawPatch(mergePatch, []byte(`{"status":`+patch+`}`))); err != nil {
		t.Fatal(err)
	}
}

// routes is a write of the operator's that divides users.
func (w *world) routes(t *testing.T, primaryWeight, canaryWeight int) {
	t.Helper()
	w.does(t, &gatewayv1.HTTPRoute{}, app, fmt.Sprintf(`{"spec":{"rules":[{"backendRefs":[
		{"name":%q,"port":80,"weight":%d},{"name":%q,"port":80,"weight":%d}]}]}}`, primary, primaryWeight, canaryside, canaryWeight))
}

// image is a write of the operator's that gives a Deployment another template.
func (w *world) image(t *testing.T, name, letter string) {
	t.Helper()
	w.does(t, &appsv1.Deployment{}, name, fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":"app","image":%q}]}}}}`, imageOf(letter)))
}

const midway = `{"phase":"Progressing","canaryWeight":80,"iterations":0,"failedChecks":0}`

// TestRefereeSees: a referee that never whistles proves nothing.
func TestRefereeSees(t *testing.T) {
	push := func(t *testing.T, w *world) {
		w.pushImage("b", "")
		w.until(t, 50)
	}
	for name, test := range map[string]struct {
		want string
		// arrange comes before what the operator does wrong; nil for a canary at rest.
		arrange func(*testing.T, *world)
		wrong   func(*testing.T, *world)
	}{
		"UsersToACanaryWithoutPods": {"I1", nil, func(t *testing.T, w *world) { w.routes(t, 50, 50) }},
		"StopUnderTraffic": {"I2", push, func(t *testing.T, w *world) {
			w.does(t, &appsv1.Deployment{}, app, `{"spec":{"replicas":0}}`)
		}},
		"StopBeforeTheDrain": {"I2", push, func(t *testing.T, w *world) {
			w.routes(t, 100, 0)
			w.operator.client.Deliver(routeKind, -1)
			w.does(t, &appsv1.Deployment{}, app, `{"spec":{"replicas":0}}`)
		}},
		"StopThePrimary": {"I2", nil, func(t *testing.T, w *world) {
			w.does(t, &appsv1.Deployment{}, primary, `{"spec":{"replicas":0}}`)
		}},
		"PromoteWhatNobodyPushed": {"I3", push, func(t *testing.T, w *world) { w.image(t, primary, "c") }},
		"PromoteWhatHasNotPassed": {"I3", push, func(t *testing.T, w *world) { w.image(t, primary, "b") }},
		"WeightsThatDoNotAddUp":   {"I4", push, func(t *testing.T, w *world) { w.routes(t, 90, 20) }},
		"TooHighAStep":            {"I4", push, func(t *testing.T, w *world) { w.routes(t, 0, 100) }},
		"TwoStepsAtOnce":          {"I4", push, func(t *testing.T, w *world) { w.reports(t, midway) }},
		"ARouteWithoutWeights": {"I4", nil, func(t *testing.T, w *world) {
			w.does(t, &gatewayv1.HTTPRoute{}, app, `{"spec":{"rules":[]}}`)
		}},
		"RecordWithoutARun": {"I5", nil, func(t *testing.T, w *world) { w.reports(t, `{"lastAppliedSpec":"h1:0"}`) }},
		"RunOfNothingNew":   {"I6", nil, func(t *testing.T, w *world) { w.reports(t, midway) }},
		"RollOfNothingNew": {"I6", nil, func(t *testing.T, w *world) {
			w.does(t, &appsv1.Deployment{}, primary, `{"spec":{"template":{"metadata":{"annotations":{"flagger-id":"x"}}}}}`)
		}},
		"EditTheTarget":   {"I6", nil, func(t *testing.T, w *world) { w.image(t, app, "b") }},
		"EditAConfig":     {"I7", nil, func(t *testing.T, w *world) { w.does(t, &corev1.ConfigMap{}, settings, `{"data":{"value":"b"}}`) }},
		"EditForAnothers": {"I7", squatted, func(t *testing.T, w *world) { w.does(t, &corev1.Service{}, canaryside, `{"spec":{"ports":[]}}`) }},
		"WorkForTheYounger": {"I7", contested, func(t *testing.T, w *world) {
			w.operator.working = rival
			w.does(t, &corev1.Service{}, canaryside, `{"metadata":{"labels":{"a":"b"}}}`)
		}},
		"FailWithoutACause": {"I8", push, func(t *testing.T, w *world) { w.reports(t, `{"phase":"Failed"}`) }},
		"UsersBackToNobody": {"I9", func(t *testing.T, w *world) {
			push(t, w)
			w.cluster.fleets[primary].downUntil = dawn.AddDate(1, 0, 0)
			w.cluster.live()
			w.deliver()
		}, func(t *testing.T, w *world) { w.routes(t, 100, 0) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newStory(t)
			w.operator.working = app
			if test.arrange != nil {
				test.arrange(t, w)
			}
			if err := w.referee.violation; err != nil {
				t.Fatal(err)
			}
			test.wrong(t, w)
			if err := w.referee.violation; err == nil || !strings.HasPrefix(err.Error(), test.want+": ") {
				t.Errorf("got %v, want %s\n%s", err, test.want, w.log.String())
			}
		})
	}
}

// squatted is a world in which a Service of ours is somebody else's.
func squatted(t *testing.T, w *world) {
	w.remove(&corev1.Service{}, canaryside)
	w.create(&corev1.Service{ObjectMeta: named(canaryside)})
	w.deliver()
}

// contested is a world with a second, younger canary.
func contested(t *testing.T, w *world) {
	w.clock.pass(interval)
	other := w.scenario.canary.DeepCopy()
	testkit.Named(rival)(other)
	w.create(other)
	w.deliver()
}

// TestEndingSees: what never comes to an end is found, too.
func TestEndingSees(t *testing.T) {
	w := newStory(t)
	w.pushImage("b", "")
	if err := w.rest(); err == nil || !strings.HasPrefix(err.Error(), "I5: at rest") {
		t.Errorf("what was pushed and is not promoted is lost: got %v", err)
	}
	if err := w.happy(); err == nil {
		t.Error("and so it is no happy end")
	}
	w.referee.look()
	w.oracle.verdicts[metric] = rollout.ProviderError
	if err := w.settle(); err == nil || !strings.HasPrefix(err.Error(), "I5: phase Progressing never settles") {
		t.Errorf("got %v", err)
	}
	if err := newStory(t).idle(); err != nil {
		t.Errorf("a canary at rest costs nothing: got %v", err)
	}
}

// TestStoriesAreTapes: what is told again is the same story.
func TestStoriesAreTapes(t *testing.T) {
	for seed := range uint64(5) {
		c := chance.Seeded(seed)
		steps, err := Simulate(c)
		tape := append([]uint32(nil), c.Tape()...)
		again, errAgain := Simulate(chance.Replay(tape))
		if steps != again || fmt.Sprint(err) != fmt.Sprint(errAgain) {
			t.Errorf("seed %d: %d steps and %v, then %d steps and %v", seed, steps, err, again, errAgain)
		}
		if one, other := Narrate(tape), Narrate(tape); one != other || !strings.Contains(one, "creates the canary") {
			t.Errorf("seed %d is told in two ways", seed)
		}
	}
}
