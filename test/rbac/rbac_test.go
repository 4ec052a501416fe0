//go:build linux

package rbac

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	os.Exit(testkit.Main(m))
}

// patience is how long a story may take; it takes half a minute.
const patience = 5 * time.Minute

// world is a namespace with apps, whose canaries are followed.
type world struct {
	*testing.T
	client.WithWatch
	ctx       context.Context
	namespace string
	cfg       *rest.Config
	// prometheus and chat are URLs; told has one value for each message to the chat.
	prometheus, chat string
	told             <-chan struct{}
	changes          watch.Interface
	// statuses are the canaries' as they were seen last, by name.
	statuses map[string]v1beta1.CanaryStatus
}

// newWorld makes the namespace in which the story of the test takes place.
func newWorld(t *testing.T) *world {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	cfg := testkit.StartAPIServer(t, "config/crd/bases")
	serve(t)
	scheme := runtime.NewScheme()
	must(t, clientgoscheme.AddToScheme(scheme))
	must(t, v1beta1.AddToScheme(scheme))
	c, err := client.NewWithWatch(cfg, client.Options{Scheme: scheme})
	must(t, err)
	w := &world{
		T: t, WithWatch: c, ctx: ctx, cfg: cfg, namespace: testkit.NewNamespace(t, c),
		prometheus: newPrometheus(t), statuses: map[string]v1beta1.CanaryStatus{},
	}
	w.chat, w.told = newChat(t)
	w.changes, err = c.Watch(ctx, &v1beta1.CanaryList{}, client.InNamespace(w.namespace))
	must(t, err)
	t.Cleanup(w.changes.Stop)
	return w
}

// until follows the canaries until something holds of them.
func (w *world) until(what string, holds func() bool) {
	w.Helper()
	for !holds() {
		change, open := <-w.changes.ResultChan()
		c, ok := change.Object.(*v1beta1.Canary)
		if !open || !ok {
			w.Fatalf("waiting until %s: the watch ended; phases are %v", what, w.phases())
		}
		w.statuses[c.Name] = c.Status
		if change.Type == watch.Deleted {
			delete(w.statuses, c.Name)
		}
	}
}

// phases are those of the canaries, for people.
func (w *world) phases() map[string]v1beta1.CanaryPhase {
	phases := map[string]v1beta1.CanaryPhase{}
	for name, status := range w.statuses {
		phases[name] = status.Phase
	}
	return phases
}

// untilAll follows the canaries until all have come to a phase.
func (w *world) untilAll(apps []app, phase v1beta1.CanaryPhase) {
	w.Helper()
	w.until("every canary is "+string(phase), func() bool {
		return !slices.ContainsFunc(apps, func(a app) bool { return w.statuses[a.canary.Name].Phase != phase })
	})
}

// create makes objects, as users do.
func (w *world) create(objects ...client.Object) {
	w.Helper()
	for _, object := range objects {
		object.SetNamespace(w.namespace)
		if err := w.Create(w.ctx, object); err != nil {
			w.Fatalf("create %T %s: %v", object, object.GetName(), err)
		}
	}
}

// deploy makes the apps, and their canaries ready for a release.
func (w *world) deploy(apps []app) {
	w.Helper()
	for _, a := range apps {
		w.create(append(slices.Clone(a.beside), a.target, a.canary)...)
	}
	w.untilAll(apps, v1beta1.PhaseInitialized)
}

// release pushes the next revision of the apps.
func (w *world) release(apps []app) {
	w.Helper()
	for _, a := range apps {
		for _, e := range append(slices.Clone(a.also), edit{a.target, a.next}) {
			must(w.T, w.Patch(w.ctx, e.object, e.patch))
		}
	}
}

// remove deletes the canaries, and waits until they have handed back what they had taken.
func (w *world) remove(apps []app) {
	w.Helper()
	for _, a := range apps {
		must(w.T, w.Delete(w.ctx, a.canary))
	}
	w.until("no canary is left", func() bool { return len(w.statuses) == 0 })
}

// idle are grants without a use in the story, by the beginning of what they are.
var idle = []struct{ grant, reason string }{
	{"canaries/finalizers.flagger.app update", "No request: the API server asks for it inside of others, where it guards owners as it does here."},
	{"traefikservices.traefik.containo.us ", "The same as traefikservices.traefik.io, where Traefik is older than 2.10."},
}

// isIdle tells whether g may be in vain. Who may watch has read all that there is, so the leave to read it in other ways gives
// away nothing; informers need it where the API server cannot send a list as a watch.
func isIdle(g grant, all []grant) bool {
	reads := []string{"get", "list", "watch"}
	if at := slices.Index(reads, g.verb); at >= 0 && at < 2 {
		for _, wider := range reads[at+1:] {
			if slices.Contains(all, grant{g.group, g.resource, wider}) {
				return true
			}
		}
	}
	return slices.ContainsFunc(idle, func(i struct{ grant, reason string }) bool { return strings.HasPrefix(g.String(), i.grant) })
}

// everything is one app of each kind for a namespace, and those whose releases fail.
type everything struct{ promoted, failed []app }

func (e everything) all() []app { return slices.Concat(e.promoted, e.failed) }

// tell installs the operator with values, takes everything through a release and the deletion of its canaries, and returns
// the operator's requests.
func (w *world) tell(e everything, values ...string) []testkit.AuditEvent {
	w.Helper()
	values = append(values, "meshProvider=kubernetes", "leaderElection.enabled=true", "drainPeriod=1s", "metricsServer="+w.prometheus)
	o := install(w.T, w.cfg, w, values...)
	w.populate()
	w.deploy(e.all())
	w.release(e.all())
	w.untilAll(e.promoted, v1beta1.PhaseSucceeded)
	w.untilAll(e.failed, v1beta1.PhaseFailed)
	w.again(e.promoted[0])
	<-w.told
	w.remove(e.all())
	o.stop(w.T)
	requests := testkit.RequestsOf(w, o.account)
	for _, r := range denied(requests) {
		w.Errorf("denied: %s %s", r.Verb, r.URI)
	}
	return requests
}

// again releases an app a second time: what is told of it then has been told before.
func (w *world) again(a app) {
	w.Helper()
	a.next = newImage("app:3")
	w.release([]app{a})
	promoted := w.statuses[a.canary.Name].LastPromotedSpec
	w.until("the second release of "+a.canary.Name+" is promoted", func() bool {
		status := w.statuses[a.canary.Name]
		return status.LastPromotedSpec != promoted && status.Phase == v1beta1.PhaseSucceeded
	})
}

func TestRightsInTheCluster(t *testing.T) {
	w := newWorld(t)
	requests := w.tell(everything{
		promoted: slices.Concat(apps(), configured(), []app{w.measured()}),
		failed:   []app{w.unmeasurable()},
	})
	rules := granted(rulesOf(t, w, release))
	for _, g := range inVain(rules, used(requests)) {
		if !isIdle(g, rules) {
			t.Errorf("granted and never used: %s", g)
		}
	}
}

// TrafficRoutes of Kuma are in no namespace, so nobody can have rights to those of one.
func TestRightsInOneNamespace(t *testing.T) {
	w := newWorld(t)
	ofNoNamespace := func(a app) bool { return a.canary.Spec.Provider == "kuma" }
	w.tell(everything{
		promoted: slices.DeleteFunc(slices.Concat(apps(), configured(), []app{w.measured()}), ofNoNamespace),
		failed:   []app{w.unmeasurable()},
	}, "namespace="+w.namespace)
}
