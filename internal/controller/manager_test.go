package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/event"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/testkit"
)

const (
	// crowd is how many canaries the manager has.
	crowd = 10
	// patience ends a test whose manager does not answer; it is never waited for otherwise.
	patience = time.Minute
)

// TestManager runs the reconciler as the operator does: woken by watches, reading from caches, on the real clock. The
// test plays the cluster, and waits for nothing but what the watches and the recorder bring.
func TestManager(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cfg, _ := connect(t)
	sent := make(chan testkit.Event, 1000)
	w.events.Sent = sent
	for i := range crowd {
		target, canary := namedDeployment(fmt.Sprint("web-", i)), testkit.Canary(testkit.SkipAnalysis())
		canary.Name, canary.Spec.TargetRef.Name = target.Name, target.Name
		w.apply(target, canary)
	}
	stop := w.manage(testkit.UserConfig(cfg, testkit.Operator), func(ctx context.Context, mgr ctrl.Manager, r *Reconciler) error {
		return r.SetupWithManager(ctx, mgr)
	})
	w.play(sent, crowd, "Initialization done! ")
	w.edit("web-7", &appsv1.Deployment{}, `{"spec":{"template":{"metadata":{"annotations":{"version":"2"}}}}}`)
	w.play(sent, 1, "Promotion completed! Canary analysis was skipped for web-7.")
	w.edit("web-3", &gatewayv1.HTTPRoute{}, `{"spec":{"hostnames":["elsewhere.example.com"]}}`)
	w.awaitRoute("web-3", "web.example.com")
	stop()

	// All are at rest now. A look at each must not ask the API server for anything but the watches that fill the cache.
	stop = w.manage(testkit.UserConfig(cfg, testkit.Operator), func(ctx context.Context, mgr ctrl.Manager, _ *Reconciler) error {
		return Index(ctx, kube.Namespaced{Cache: mgr.GetCache()})
	})
	w.lookAtAll() // opens the watches
	before := len(testkit.Requests(t))
	w.lookAtAll()
	for _, request := range testkit.Requests(t)[before:] {
		if request.Verb != "watch" {
			t.Errorf("canaries at rest cost a request: %s %s", request.Verb, request.URI)
		}
	}
	stop()
}

// TestTheNextInLineIsWoken is about two canaries of one target: the younger waits until the older goes, and is told so by
// nothing but the watch.
func TestTheNextInLineIsWoken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cfg, _ := connect(t)
	sent := make(chan testkit.Event, 1000)
	w.events.Sent = sent
	w.apply(namedDeployment(testkit.App), testkit.Canary(testkit.SkipAnalysis()))
	stop := w.manage(testkit.UserConfig(cfg, testkit.Operator), func(ctx context.Context, mgr ctrl.Manager, r *Reconciler) error {
		return r.SetupWithManager(ctx, mgr)
	})
	defer stop()
	w.play(sent, 1, "Initialization done! web.")
	w.apply(testkit.Canary(testkit.SkipAnalysis(), testkit.Named("younger")))
	w.play(sent, 1, "invalid canary spec: spec.targetRef.name: Deployment web is the target of the older canary web already")
	older := w.canary()
	w.remove(older)
	w.collect(older.UID)
	w.play(sent, 1, "Initialization done! younger.")
}

// Handlers and predicates see canaries as caches hold them.
func TestPackedCanaries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(testkit.Canary(), testkit.Canary(testkit.Named("web-too")))
	pack := func(c *v1beta1.Canary) client.Object {
		packed, err := kube.Pack(c)
		must(t, err, "pack")
		return packed.(client.Object)
	}
	expect(t, "The canaries of one target are told of each other.", []string{"web", "web-too"}, w.woken(Workloads, pack(w.named("x"))))
	before := pack(w.named("web"))
	for reason, test := range map[string]struct {
		change    func(*v1beta1.Canary)
		ofConcern bool
	}{
		"A step of its rollout is no other's concern.": {func(c *v1beta1.Canary) { c.Status.CanaryWeight = 10 }, false},
		"It may have another target now.":              {func(c *v1beta1.Canary) { c.Generation++ }, true},
		"It is another canary of the same name.":       {func(c *v1beta1.Canary) { c.UID = "another" }, true},
	} {
		after := w.named("web")
		test.change(after)
		expect(t, reason, test.ofConcern, ofOthersConcern.Update(event.UpdateEvent{ObjectOld: before, ObjectNew: pack(after)}))
	}
}

// manage starts a manager for the namespace with a reconciler of its own, which becomes the world's, and returns what
// stops it and waits for its end.
func (w *world) manage(cfg *rest.Config, setup func(context.Context, ctrl.Manager, *Reconciler) error) (stop func()) {
	w.Helper()
	mgr, err := ctrl.NewManager(cfg, ctrl.Options{
		Scheme:                 scheme(w.T),
		Cache:                  cache.Options{DefaultNamespaces: map[string]cache.Config{w.namespace: {}}, DefaultTransform: kube.Pack},
		Client:                 client.Options{Cache: &client.CacheOptions{Unstructured: true}},
		Metrics:                metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress: "0",
		Controller:             config.Controller{SkipNameValidation: new(true)},
	})
	must(w, err, "build the manager")
	o := optionsFor(mgr.GetClient(), mgr.GetAPIReader())
	o.Checks, o.Hooks, o.Recorder, o.Telemetry = w.checks, w.hooks, w.events, w.telemetry
	o.Clock, o.Settings.Drain = clock.RealClock{}, 0
	w.options = o
	w.restart()
	ctx, cancel := context.WithCancel(w.ctx)
	must(w, setup(ctx, mgr, w.operator), "set up")
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	if !mgr.GetCache().WaitForCacheSync(ctx) {
		w.Fatal("the cache does not fill")
	}
	return func() {
		cancel()
		must(w, <-ended, "run the manager")
	}
}

// play plays the cluster until that many events begin so.
func (w *world) play(sent <-chan testkit.Event, wanted int, beginning string) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	deployments, routes := w.watch(ctx, &appsv1.DeploymentList{}), w.watch(ctx, &gatewayv1.HTTPRouteList{})
	defer deployments.Stop()
	defer routes.Stop()
	for w.settle(); wanted > 0; {
		select {
		case <-deployments.ResultChan():
			w.settle()
		case <-routes.ResultChan():
			w.settle()
		case event := <-sent:
			if strings.HasPrefix(event.Message, beginning) {
				wanted--
			}
		case <-ctx.Done():
			w.Fatalf("%d events %q did not come", wanted, beginning)
		}
	}
}

// awaitRoute waits until the HTTPRoute of that name serves a host.
func (w *world) awaitRoute(name string, host gatewayv1.Hostname) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	routes := w.watch(ctx, &gatewayv1.HTTPRouteList{})
	defer routes.Stop()
	for {
		route := &gatewayv1.HTTPRoute{}
		if w.get(name, route) && slices.Contains(route.Spec.Hostnames, host) {
			return
		}
		select {
		case <-routes.ResultChan():
		case <-ctx.Done():
			w.Fatalf("nobody undoes what was done to the HTTPRoute %s", name)
		}
	}
}

func (w *world) watch(ctx context.Context, list client.ObjectList) watch.Interface {
	w.Helper()
	changes, err := w.direct.Watch(ctx, list, client.InNamespace(w.namespace))
	must(w, err, "watch")
	return changes
}

// lookAtAll reconciles every canary once.
func (w *world) lookAtAll() {
	w.Helper()
	for i := range crowd {
		if _, err := w.reconcile(fmt.Sprint("web-", i)); err != nil {
			w.Fatalf("reconcile: %v", err)
		}
	}
}
