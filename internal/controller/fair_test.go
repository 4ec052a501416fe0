package controller

import (
	"context"
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
)

// heldHooks are hooks that do not answer in one namespace until they are released.
type heldHooks struct {
	*testkit.Hooks
	namespace string
	called    chan string
	released  chan struct{}
}

// Call says who is called, and answers as all hooks do once it may.
func (h heldHooks) Call(ctx context.Context, c *v1beta1.Canary, w v1beta1.CanaryWebhook, phase v1beta1.CanaryPhase) error {
	if c.Namespace == h.namespace {
		h.called <- c.Name
		select {
		case <-h.released:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return h.Hooks.Call(ctx, c, w, phase)
}

// TestNoisyNamespaceDelaysNobody has more canaries wait for hooks that hang than there are workers.
func TestNoisyNamespaceDelaysNobody(t *testing.T) {
	t.Parallel()
	const workers, share, canaries = 4, 2, 6
	noisy, calm := newWorld(t), newWorld(t)
	sent := make(chan testkit.Event, 1000)
	calm.events.Sent = sent
	hooks := heldHooks{Hooks: calm.hooks, namespace: noisy.namespace, called: make(chan string, 100), released: make(chan struct{})}
	for i := range canaries {
		target, canary := namedDeployment(fmt.Sprint("web-", i)), testkit.Canary(testkit.Webhook(v1beta1.HookConfirmRollout, "gate"))
		canary.Name, canary.Spec.TargetRef.Name = target.Name, target.Name
		noisy.apply(target, canary)
	}
	stop := calm.manageWith(noisy, hooks, workers)
	noisy.play(sent, canaries, "Initialization done! ")

	for i := range canaries {
		noisy.edit(fmt.Sprint("web-", i), &appsv1.Deployment{}, `{"spec":{"template":{"metadata":{"annotations":{"version":"2"}}}}}`)
	}
	waiting := map[string]bool{}
	calm.await(hooks.called, waiting, share)
	calm.apply(testkit.Deployment("app:1"), testkit.Canary())
	calm.play(sent, 1, "Initialization done! web.")
	expect(t, "A whole canary is made ready while the hooks of another namespace hang, which have half of the workers.",
		0, len(hooks.called))

	close(hooks.released)
	calm.await(hooks.called, waiting, canaries)
	stop()
}

// manageWith starts a manager for w's namespace and another's, with a reconciler of that many workers, and returns what
// stops it.
func (w *world) manageWith(other *world, hooks Hooks, workers int) (stop func()) {
	w.Helper()
	cfg, _ := connect(w.T)
	mgr, err := ctrl.NewManager(cfg, ctrl.Options{
		Scheme:                 scheme(w.T),
		Cache:                  cache.Options{DefaultNamespaces: map[string]cache.Config{w.namespace: {}, other.namespace: {}}},
		Client:                 client.Options{Cache: &client.CacheOptions{Unstructured: true}},
		Metrics:                metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress: "0",
		Controller:             config.Controller{SkipNameValidation: new(true)},
	})
	must(w, err, "build the manager")
	w.options = optionsFor(mgr.GetClient(), mgr.GetAPIReader())
	w.options.Checks, w.options.Hooks, w.options.Recorder, w.options.Telemetry = w.checks, hooks, w.events, w.telemetry
	w.options.Clock, w.options.Settings.Drain, w.options.Concurrency = clock.RealClock{}, 0, workers
	w.restart()
	ctx, cancel := context.WithCancel(w.ctx)
	must(w, w.operator.SetupWithManager(ctx, mgr), "set up")
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	return func() {
		cancel()
		must(w, <-ended, "run the manager")
	}
}

// await waits until that many different names have come.
func (w *world) await(names <-chan string, known map[string]bool, wanted int) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	for len(known) < wanted {
		select {
		case name := <-names:
			known[name] = true
		case <-ctx.Done():
			w.Fatalf("only %v came of %d", known, wanted)
		}
	}
}
