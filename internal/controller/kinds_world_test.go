package controller

import (
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
)

const (
	// nodes are how many run the pods of a DaemonSet.
	nodes = 3
	// scaleToZero is the key of the node selector by which the operator stops a DaemonSet.
	scaleToZero = "flagger.app/scale-to-zero"
)

// subject is a kind of target as stories need it. Versions count from 1.
type subject struct {
	// targeted makes a canary one of such a target.
	targeted testkit.CanaryOption
	// object is the target as its user applies it.
	object func(version int) client.Object
	// version is the strategic merge patch that makes a target carry a version.
	version func(version int) string
	empty   func() client.Object
	// observe tells which version a target or a primary carries, how many pods it asks for and how many can serve.
	observe func(o client.Object) observed
}

// observed is a target or a primary; the zero value is one that is not there.
type observed struct{ Version, Asks, Serves int }

// subjects are the kinds of target.
var subjects = map[string]subject{
	"Deployment": {
		targeted: testkit.Target("apps/v1", "Deployment"),
		object:   func(version int) client.Object { return testkit.Deployment(image(version)) },
		version:  podVersion,
		empty:    func() client.Object { return &appsv1.Deployment{} },
		observe: func(o client.Object) observed {
			d := o.(*appsv1.Deployment)
			return observed{
				Version: versionOn(d.Spec.Template), Asks: int(*d.Spec.Replicas), Serves: int(min(*d.Spec.Replicas, d.Status.AvailableReplicas)),
			}
		},
	},
	"DaemonSet": {
		targeted: testkit.Target("apps/v1", "DaemonSet"),
		object:   func(version int) client.Object { return testkit.DaemonSet(image(version)) },
		version:  podVersion,
		empty:    func() client.Object { return &appsv1.DaemonSet{} },
		observe: func(o client.Object) observed {
			d := o.(*appsv1.DaemonSet)
			wanted := podsOf(d)
			return observed{Version: versionOn(d.Spec.Template), Asks: int(wanted), Serves: int(min(wanted, d.Status.NumberAvailable))}
		},
	},
	// A Service counts as one pod while it is there: what is behind it is its user's business.
	"Service": {
		targeted: testkit.Target("v1", "Service"),
		object:   func(version int) client.Object { return versionedService(version) },
		version:  func(version int) string { return fmt.Sprintf(`{"spec":{"selector":{"version":"%d"}}}`, version) },
		empty:    func() client.Object { return &corev1.Service{} },
		observe: func(o client.Object) observed {
			return observed{Version: number(o.(*corev1.Service).Spec.Selector["version"]), Asks: 1, Serves: 1}
		},
	},
}

func image(version int) string { return fmt.Sprintf("app:%d", version) }

func podVersion(version int) string {
	return fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":"app","image":%q}]}}}}`, image(version))
}

func versionOn(template corev1.PodTemplateSpec) int {
	return number(strings.TrimPrefix(template.Spec.Containers[0].Image, "app:"))
}

// number is 0 for a text that is none.
func number(text string) int {
	n := 0
	if _, err := fmt.Sscan(text, &n); err != nil {
		return 0
	}
	return n
}

func versionedService(version int) *corev1.Service {
	s := testkit.Service()
	s.Spec.Selector["version"] = fmt.Sprint(version)
	return s
}

// schedule plays the controller of DaemonSets: every node gets its pod at once. Where the image is broken, the update
// stops at the first node that had a pod that served.
func (w *world) schedule() bool {
	w.Helper()
	changed := false
	daemonSets := &appsv1.DaemonSetList{}
	must(w, w.direct.List(w.ctx, daemonSets, client.InNamespace(w.namespace)), "list DaemonSets")
	for i := range daemonSets.Items {
		d := &daemonSets.Items[i]
		w.noteDaemonSet(d)
		if d.Name == w.frozen {
			continue
		}
		wanted, before := podsOf(d), d.DeepCopy()
		d.Status = appsv1.DaemonSetStatus{
			ObservedGeneration:     d.Generation,
			DesiredNumberScheduled: wanted,
			CurrentNumberScheduled: wanted,
			UpdatedNumberScheduled: wanted,
			NumberReady:            wanted,
			NumberAvailable:        wanted,
		}
		if w.broken[d.Spec.Template.Spec.Containers[0].Image] {
			d.Status.UpdatedNumberScheduled = min(wanted, 1)
			d.Status.NumberAvailable = min(before.Status.NumberAvailable, max(wanted-1, 0))
		}
		if equality.Semantic.DeepEqual(before.Status, d.Status) {
			continue
		}
		must(w, w.direct.Status().Patch(w.ctx, d, client.MergeFrom(before)), "roll out %s", d.Name)
		changed = true
	}
	return changed
}

// podsOf is how many pods a DaemonSet is to have.
func podsOf(d *appsv1.DaemonSet) int32 {
	if _, stopped := d.Spec.Template.Spec.NodeSelector[scaleToZero]; stopped {
		return 0
	}
	return nodes
}

func (w *world) noteDaemonSet(d *appsv1.DaemonSet) {
	switch d.Name {
	case testkit.App:
		w.seen.replicas = noted(w.seen.replicas, fmt.Sprint(podsOf(d)))
	case testkit.App + "-primary":
		w.seen.primaries = noted(w.seen.primaries, d.Spec.Template.Spec.Containers[0].Image)
		w.seen.rolls = noted(w.seen.rolls, d.Spec.Template.Annotations["flagger-id"])
	}
}

// lookout is a world with a canary of one kind of target, in which somebody looks ahead of every write of the operator
// whether all users are served.
type lookout struct {
	*world
	subject
	// carried are the versions that the primary has had.
	carried []string
	// size was the target's, reached when users could reach it.
	size    int
	reached time.Time
}

// keepWatch makes a world with a target of a kind, the user's Service and HTTPRoute before it, and a canary at rest.
func keepWatch(t *testing.T, kind string, options ...testkit.CanaryOption) *lookout {
	t.Helper()
	l := &lookout{world: newWorld(t), subject: subjects[kind]}
	l.apply(testkit.HTTPRoute())
	if kind != "Service" { // which is the user's Service itself
		l.apply(testkit.Service())
	}
	l.apply(l.object(1))
	l.settle()
	l.pipe.before = func(string) { l.look() }
	l.enroll(options...)
	l.forgetPast()
	return l
}

// enroll creates the canary and takes it to its rest.
func (l *lookout) enroll(options ...testkit.CanaryOption) {
	l.Helper()
	l.apply(testkit.Canary(append(options, l.targeted)...))
	l.until(v1beta1.PhaseInitialized)
	l.rest()
	l.look()
}

// release pushes a version.
func (l *lookout) release(version int) {
	l.Helper()
	l.deploy(l.world, version)
}

// deploy gives the target a version, as kubectl apply does.
func (s subject) deploy(w *world, version int) {
	w.Helper()
	target := s.empty()
	target.SetNamespace(w.namespace)
	target.SetName(testkit.App)
	patch := client.RawPatch(types.StrategicMergePatchType, []byte(s.version(version)))
	must(w, w.direct.Patch(w.ctx, target, patch), "deploy version %d", version)
}

// see observes the target or the primary.
func (l *lookout) see(name string) observed {
	l.Helper()
	o := l.empty()
	if !l.get(name, o) {
		return observed{}
	}
	return l.observe(o)
}

// look checks that nobody is sent where nobody answers, and that the target is not stopped under its users.
func (l *lookout) look() {
	l.Helper()
	target, primary := l.see(testkit.App), l.see(testkit.App+"-primary")
	pods := map[string]int{testkit.App: target.Serves, testkit.App + "-primary": primary.Serves}
	for service, leads := range l.called() {
		if pods[leads] == 0 {
			l.Errorf("users are sent to service %s, where nobody answers", service)
		}
		if leads == testkit.App {
			l.reached = l.clock.Now()
		}
	}
	if target.Asks == 0 && l.size > 0 && l.clock.Now().Sub(l.reached) < drain {
		l.Error("the target is stopped while requests may be under way")
	}
	l.size = target.Asks
	if primary == (observed{}) {
		return
	}
	l.carried = noted(l.carried, fmt.Sprint(primary.Version))
	if primary.Asks == 0 {
		l.Error("the primary is stopped")
	}
}

// called are the Services that get requests, those behind the route and the one that other workloads call, and the
// name of the target or primary that each leads to; empty for none.
func (l *lookout) called() map[string]string {
	l.Helper()
	services, route := &corev1.ServiceList{}, &gatewayv1.HTTPRoute{}
	must(l, l.direct.List(l.ctx, services, client.InNamespace(l.namespace)), "list Services")
	l.get(testkit.App, route)
	called := map[string]string{testkit.App: ""}
	for _, rule := range route.Spec.Rules {
		for _, backend := range rule.BackendRefs {
			if backend.Weight == nil || *backend.Weight > 0 {
				called[string(backend.Name)] = ""
			}
		}
	}
	for _, service := range services.Items {
		if _, found := called[service.Name]; found {
			called[service.Name] = l.behind(&service)
		}
	}
	return called
}

// behind is the name of the target or primary that a Service leads to. Of a target that is a Service, the copy for the
// canary stands for the target.
func (l *lookout) behind(service *corev1.Service) string {
	if _, direct := l.empty().(*corev1.Service); direct {
		return strings.TrimSuffix(service.Name, "-canary")
	}
	return service.Spec.Selector["app"]
}
