package controller

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/gatewayapi"
	"flagger.app/flagger/internal/router/kubernetes"
	"flagger.app/flagger/internal/telemetry"
	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/internal/workload"
	"flagger.app/flagger/internal/workload/configs"
	"flagger.app/flagger/internal/workload/scaler"
)

const (
	// drain is the operator's -drain-period in these tests.
	drain = 10 * time.Second
	// mostSteps bounds a story, so that one that never ends fails.
	mostSteps = 120
)

// dawn is when every story begins.
var dawn = time.Date(2026, time.March, 1, 6, 0, 0, 0, time.UTC)

// world is one story's namespace on the real API server, with an operator whose clock, metrics and hooks the story
// holds in its hands. There is no controller manager: the world plays it, see settle.
type world struct {
	*testing.T
	ctx       context.Context
	namespace string
	// direct is the hand of users, gateways and the controller manager; pipe is the operator's connection.
	direct client.WithWatch
	pipe   *pipe

	clock     *clocktesting.FakePassiveClock
	checks    *testkit.Checks
	hooks     *testkit.Hooks
	alerts    *testkit.Alerts
	events    *testkit.Recorder
	telemetry *telemetry.Recorder

	options  Options
	operator *Reconciler

	// metrics is the address of the story's metrics server, if it has one.
	metrics string
	// broken are the images whose pods never become ready.
	broken map[string]bool
	// frozen is a Deployment whose pods stay as they are.
	frozen string
	// silent gateways do not answer, strict ones refuse every route.
	silent, strict bool
	// died counts the operator's deaths, pushed the images of pushNext.
	died, pushed int
	// seen is what settle has seen, in its order, each state once as long as it lasts.
	seen history
}

// history is what became of a canary's objects, one list for each, without repetitions.
type history struct {
	// weights are the canary's in the HTTPRoute; with a * while requests are copied to it.
	weights []string
	// primaries are the primary's images, rolls its flagger-id annotations.
	primaries, rolls []string
	// replicas are the target's.
	replicas []string
}

// newWorld starts a story.
func newWorld(t *testing.T, change ...func(*Options)) *world {
	t.Helper()
	_, base := connect(t)
	w := &world{
		T:         t,
		ctx:       t.Context(),
		namespace: testkit.NewNamespace(t, base),
		direct:    base,
		pipe:      &pipe{left: -1},
		clock:     clocktesting.NewFakePassiveClock(dawn),
		checks:    &testkit.Checks{},
		hooks:     &testkit.Hooks{},
		alerts:    &testkit.Alerts{},
		events:    &testkit.Recorder{},
		telemetry: telemetry.New("test", "gatewayapi:v1"),
		broken:    map[string]bool{},
	}
	fields := indices{}
	must(t, Index(w.ctx, fields), "index")
	piped := w.pipe.client(base, fields)
	w.options = optionsFor(piped, w.pipe.live(base))
	w.options.Checks, w.options.Hooks, w.options.Alert = w.checks, w.hooks, w.alerts.Alert
	w.options.Recorder, w.options.Telemetry = w.events, w.telemetry
	w.options.Clock = w.clock
	for _, change := range change {
		change(&w.options)
	}
	w.restart()
	return w
}

// optionsFor are the options of a Reconciler that works with real adapters through c.
func optionsFor(c client.Client, live client.Reader) Options {
	adapters := workload.Options{
		Client: c, Live: live, SelectorLabels: []string{"app", "name", "app.kubernetes.io/name"},
		Configs: configs.New(configs.Options{Client: c, Live: live}),
		Scaler:  scaler.New(scaler.Options{Client: c}),
	}
	return Options{
		Client: c,
		Routers: router.NewRegistry([]router.Row{
			kubernetes.Row(), gatewayapi.Row(gatewayapi.V1), gatewayapi.Row(gatewayapi.V1beta1), weightsOnly(),
		}),
		MeshProvider: "gatewayapi:v1",
		Targets: map[string]workload.Target{
			"Deployment": workload.NewDeployment(adapters),
			"DaemonSet":  workload.NewDaemonSet(adapters),
			"Service":    workload.NewPlainService(adapters),
		},
		Services: map[string]workload.Services{
			"Deployment": workload.NewServices(adapters),
			"DaemonSet":  workload.NewServices(adapters),
			"Service":    workload.NewPlainService(adapters),
		},
		Scaler:      adapters.Scaler,
		Configs:     adapters.Configs,
		Alert:       (&testkit.Alerts{}).Alert,
		Clock:       clocktesting.NewFakePassiveClock(dawn),
		Settings:    rollout.Settings{Drain: drain},
		Census:      time.Minute,
		Concurrency: 1,
	}
}

// weightsOnly is a provider that can divide traffic and nothing else, as some ingresses are.
func weightsOnly() router.Row {
	row := gatewayapi.Row(gatewayapi.V1)
	row.Provider, row.Aliases = "nginx", nil
	row.Capabilities = rollout.Capabilities{Routes: true}
	return row
}

// restart is a new operator process.
func (w *world) restart() {
	w.Helper()
	r, err := New(w.options)
	must(w, err, "build the reconciler")
	w.operator = r
}

// apply creates objects as users do.
func (w *world) apply(objects ...client.Object) {
	w.Helper()
	for _, object := range objects {
		object.SetNamespace(w.namespace)
		must(w, w.direct.Create(w.ctx, object), "create %s", object.GetName())
	}
}

// rollOut creates target and canary and takes them to Initialized; what was said until then is forgotten.
func (w *world) rollOut(options ...testkit.CanaryOption) {
	w.Helper()
	w.apply(testkit.Deployment("app:1"), testkit.Canary(options...))
	w.settle()
	w.until(v1beta1.PhaseInitialized)
	w.rest()
	w.forgetPast()
}

// forgetPast makes the story begin here.
func (w *world) forgetPast() {
	w.events.Reset()
	w.hooks.Reset()
	w.checks.Reset()
	w.pipe.sent()
	w.seen = history{}
	w.settle()
}

// push deploys image as the target's new revision.
func (w *world) push(image string) {
	w.Helper()
	w.edit(testkit.App, &appsv1.Deployment{}, fmt.Sprintf(
		`{"spec":{"template":{"spec":{"containers":[{"name":"app","image":%q,"ports":[{"name":"http","containerPort":8080,"protocol":"TCP"}]}]}}}}`, image))
}

// edit merges a patch into an object, as kubectl patch --type=merge does.
func (w *world) edit(name string, object client.Object, patch string) {
	w.Helper()
	object.SetNamespace(w.namespace)
	object.SetName(name)
	must(w, w.direct.Patch(w.ctx, object, client.RawPatch(mergePatch, []byte(patch))), "patch %s", name)
}

// revise merges a patch into the canary.
func (w *world) revise(patch string) {
	w.Helper()
	w.edit(testkit.App, &v1beta1.Canary{}, patch)
}

// get reads an object of the namespace, and reports whether it is there.
func (w *world) get(name string, into client.Object) bool {
	w.Helper()
	err := w.direct.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, into)
	must(w, client.IgnoreNotFound(err), "get %s", name)
	return err == nil
}

func (w *world) canary() *v1beta1.Canary {
	w.Helper()
	c := &v1beta1.Canary{}
	w.get(testkit.App, c)
	return c
}

func (w *world) deployment(name string) *appsv1.Deployment {
	w.Helper()
	d := &appsv1.Deployment{}
	if !w.get(name, d) {
		w.Fatalf("there is no Deployment %s", name)
	}
	return d
}

// reconcile is one call for the canary of that name.
func (w *world) reconcile(name string) (ctrl.Result, error) {
	return w.operator.Reconcile(w.ctx, ctrl.Request{NamespacedName: client.ObjectKey{Namespace: w.namespace, Name: name}})
}

// step reconciles once and lets the cluster answer. Where neither changed anything, it moves the clock to when the
// operator wants to be woken; it returns false if that is never. An operator that was cut off is started anew.
func (w *world) step() bool {
	w.Helper()
	before := w.pipe.written()
	result, err := w.reconcile(testkit.App)
	dead := w.pipe.isDead()
	if err != nil && !dead {
		w.Fatalf("reconcile: %v", err)
	}
	if dead {
		w.died++
		w.pipe.mend()
		w.restart()
	}
	woken := w.settle() || w.pipe.written() > before || dead
	switch {
	case woken:
		return true
	case result.RequeueAfter == 0:
		return false
	}
	w.pass(result.RequeueAfter)
	return true
}

// pass moves the clock.
func (w *world) pass(d time.Duration) { w.clock.SetTime(w.clock.Now().Add(d)) }

// until steps to a phase.
func (w *world) until(phase v1beta1.CanaryPhase) {
	w.Helper()
	w.untilSo("phase is "+string(phase), func() bool { return w.canary().Status.Phase == phase })
}

// untilSo steps until something holds.
func (w *world) untilSo(what string, holds func() bool) {
	w.Helper()
	for range mostSteps {
		if holds() {
			return
		}
		if !w.step() && !holds() {
			w.Fatalf("the operator rests and it is not so that %s; status is %+v", what, w.canary().Status)
		}
	}
	w.Fatalf("after %d steps it is still not so that %s; status is %+v", mostSteps, what, w.canary().Status)
}

// rest steps until nothing is left to do.
func (w *world) rest() {
	w.Helper()
	for range mostSteps {
		if !w.step() {
			return
		}
	}
	w.Fatalf("the operator does not come to rest; status is %+v", w.canary().Status)
}

// linger steps until only the clock can change anything more, and leaves the clock where it is.
func (w *world) linger() {
	w.Helper()
	for range mostSteps {
		now := w.clock.Now()
		if !w.step() || w.clock.Now() != now {
			w.clock.SetTime(now)
			return
		}
	}
	w.Fatalf("the operator works on and on without waiting; status is %+v", w.canary().Status)
}

// untilWeight steps until the HTTPRoute gives the canary that weight.
func (w *world) untilWeight(weight string) {
	w.Helper()
	w.untilSo("the canary's weight is "+weight, func() bool {
		return len(w.seen.weights) > 0 && w.seen.weights[len(w.seen.weights)-1] == weight
	})
}

// said returns the events since the last call as "Type TypedReason Message", with ns for the namespace.
func (w *world) said() []string {
	w.Helper()
	var lines []string
	for _, event := range w.events.Events() {
		if event.Reason != "Synced" || event.Object == "" {
			w.Errorf("event %+v: users filter on reason Synced and on the canary's name", event)
		}
		lines = append(lines, w.plain(event.Type+" "+event.Annotations["flagger.app/reason"]+" "+event.Message))
	}
	w.events.Reset()
	return lines
}

// plain puts ns for the namespace, whose name differs from run to run.
func (w *world) plain(text string) string { return strings.ReplaceAll(text, w.namespace, "ns") }

// metric returns the operator's own series whose name begins so, sorted, with ns for the namespace.
func (w *world) metric(name string) []string {
	w.Helper()
	answer := httptest.NewRecorder()
	w.telemetry.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	var lines []string
	for line := range strings.Lines(answer.Body.String()) {
		if strings.HasPrefix(line, name) {
			lines = append(lines, w.plain(strings.TrimSpace(line)))
		}
	}
	slices.Sort(lines)
	return lines
}

// remove deletes an object as users do. What it owned goes once it is gone itself, see collect.
func (w *world) remove(object client.Object) {
	w.Helper()
	object.SetNamespace(w.namespace)
	must(w, w.direct.Delete(w.ctx, object), "delete %s", object.GetName())
}

// gone tells whether the canary is no more.
func (w *world) gone() bool {
	err := w.direct.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: testkit.App}, &v1beta1.Canary{})
	return apierrors.IsNotFound(err)
}
