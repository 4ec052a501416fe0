package controller

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/gatewayapi"
	"flagger.app/flagger/internal/router/kubernetes"
	"flagger.app/flagger/internal/router/nginx"
	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/internal/workload"
	"flagger.app/flagger/internal/workload/configs"
	"flagger.app/flagger/internal/workload/scaler"
)

const (
	// byUser and byFlagger are the field managers of plain writes in a cluster that Flagger runs.
	byUser    = client.FieldOwner("kubectl")
	byFlagger = client.FieldOwner(kube.FieldManager)
	// sinceTheirs is how long ago Flagger wrote the status.
	sinceTheirs = 3 * time.Second
	// theirInterval is spec.analysis.interval of the recordings.
	theirInterval = 10 * time.Second
	// theirReplicas are spec.replicas of the Deployment as the user applied it.
	theirReplicas = int64(2)
)

// recordedKinds are the kinds of a recording's objects, by resource.
var recordedKinds = map[string]schema.GroupVersionKind{
	"configmaps":               {Version: "v1", Kind: "ConfigMap"},
	"secrets":                  {Version: "v1", Kind: "Secret"},
	"services":                 {Version: "v1", Kind: "Service"},
	"deployments":              {Group: "apps", Version: "v1", Kind: "Deployment"},
	"horizontalpodautoscalers": {Group: "autoscaling", Version: "v2", Kind: "HorizontalPodAutoscaler"},
	"ingresses":                {Group: "networking.k8s.io", Version: "v1", Kind: "Ingress"},
	"httproutes":               {Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRoute"},
}

// recordedProviders are the providers of the recordings, by name of the recording.
var recordedProviders = map[string]func() router.Row{
	"gw":     func() router.Row { return gatewayapi.Row(gatewayapi.V1) },
	"k8s-bg": kubernetes.Row,
	"nginx":  func() router.Row { return nginx.Row("nginx.ingress.kubernetes.io") },
}

// eachRecording runs a test for each recording.
func eachRecording(t *testing.T, run func(t *testing.T, name string)) {
	t.Helper()
	for name := range recordedProviders {
		t.Run(name, func(t *testing.T) { run(t, name) })
	}
}

// eachRest runs a test for each state of each recording in which nothing is to be done.
func eachRest(t *testing.T, run func(w *world, r recording, state moment)) {
	t.Helper()
	eachRecording(t, func(t *testing.T, name string) {
		for rest := range readRecording(t, name, "").atRest(t) {
			t.Run(rest, func(t *testing.T) {
				t.Parallel()
				w, r := inherit(t, name)
				run(w, r, r.atRest(t)[rest])
			})
		}
	})
}

// inherit is a world in which Flagger's operator has just stopped, and ours has not started yet. The second value is
// its recording, as retold in the world's namespace.
func inherit(t *testing.T, name string) (*world, recording) {
	t.Helper()
	w := newWorld(t, func(o *Options) {
		row := recordedProviders[name]()
		o.Routers, o.MeshProvider = router.NewRegistry([]router.Row{row}), row.Provider
	})
	return w, readRecording(t, name, w.namespace)
}

// load makes the namespace what it was at that moment: the user's objects as the user applied them, the others as
// Flagger wrote them.
func (w *world) load(r recording, m moment, options ...testkit.CanaryOption) {
	w.Helper()
	c := r.canary(w)
	for _, option := range options {
		option(c)
	}
	must(w, w.direct.Create(w.ctx, c, byUser), "create the canary")
	for _, key := range m.keys() {
		w.put(c, key, m.Objects[key])
	}
	then := metav1.Time{Time: w.clock.Now().Add(-sinceTheirs)}
	c.Status = *m.Status.DeepCopy()
	c.Status.LastTransitionTime = then
	for i := range c.Status.Conditions {
		c.Status.Conditions[i].LastUpdateTime, c.Status.Conditions[i].LastTransitionTime = then, then
	}
	must(w, w.direct.Status().Update(w.ctx, c, byFlagger), "store Flagger's status")
	w.settle()
	for _, key := range []string{targetKey, primaryKey} {
		if recorded, found := m.Objects[key]; found {
			_, name, _ := strings.Cut(key, "/")
			expect(w, "Pods are as ready as they were.", recorded["ready"].(int64), int64(w.deployment(name).Status.AvailableReplicas))
		}
	}
}

// put creates one recorded object. What Flagger has changed in a user's object, it has changed by itself.
func (w *world) put(c *v1beta1.Canary, key string, recorded tree) {
	w.Helper()
	resource, _, _ := strings.Cut(key, "/")
	object := &unstructured.Unstructured{Object: runtime.DeepCopyJSON(recorded)}
	object.SetGroupVersionKind(recordedKinds[resource])
	delete(object.Object, "ready")
	owners := object.GetOwnerReferences()
	for i := range owners {
		owners[i].UID = c.UID
	}
	if len(owners) > 0 {
		object.SetOwnerReferences(owners)
		must(w, w.direct.Create(w.ctx, object, byFlagger), "create %s", key)
		return
	}
	replicas, scaled := recorded.at("spec", "replicas").(int64)
	if scaled {
		must(w, unstructured.SetNestedField(object.Object, theirReplicas, "spec", "replicas"), "set the replicas of %s", key)
	}
	must(w, w.direct.Create(w.ctx, object, byUser), "create %s", key)
	if scaled {
		patch := client.RawPatch(mergePatch, fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas))
		must(w, w.direct.Patch(w.ctx, object, patch, byFlagger), "scale %s", key)
	}
}

// now is the present moment, with the objects of those resources; without any, of all.
func (w *world) now(resources ...string) moment {
	w.Helper()
	if len(resources) == 0 {
		for resource := range recordedKinds {
			resources = append(resources, resource)
		}
	}
	m := moment{Status: w.canary().Status, Objects: map[string]tree{}}
	for _, resource := range resources {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(recordedKinds[resource])
		must(w, w.direct.List(w.ctx, list, client.InNamespace(w.namespace)), "list %s", resource)
		for _, item := range list.Items {
			m.Objects[resource+"/"+item.GetName()] = item.Object
		}
	}
	return m
}

// witness watches a namespace while our operator works in it.
type witness struct {
	*world
	// watched are the resources that it looks at.
	watched []string
	saw     course
	before  moment
	// moved is when the canary's weight changed last, emptied when it became nothing.
	moved, emptied time.Time
}

// newWitness calls a witness, who looks ahead of every write from now on.
func newWitness(w *world) *witness {
	w.Helper()
	now := w.clock.Now()
	v := &witness{world: w, watched: []string{"deployments", "services"}, moved: now.Add(-sinceTheirs), emptied: now}
	row, err := w.options.Routers.Lookup(w.options.MeshProvider)
	must(w, err, "look up the provider")
	for resource, kind := range recordedKinds {
		if row.Watch != nil && kind.Kind == row.Watch.Kind {
			v.watched = append(v.watched, resource)
		}
	}
	v.before = w.now(v.watched...)
	v.saw.add(v.before)
	w.pipe.before = func(string) { v.look() }
	return v
}

// look compares the cluster with what must always be so, and with what was there before.
func (v *witness) look() {
	v.Helper()
	m := v.now(v.watched...)
	v.saw.add(m)
	weight, routed := m.weight()
	was, wasRouted := v.before.weight()
	switch {
	case weight > 0 && m.available(targetKey) == 0:
		v.Errorf("%d percent of the users are sent to a target without pods", weight)
	case routed && weight < 100 && m.available(primaryKey) == 0:
		v.Errorf("%d percent of the users are sent to a primary without pods", 100-weight)
	case m.Objects[apexKey] != nil && m.available(primaryKey) == 0 && weight < 100:
		v.Error("the apex Service has users and the primary has no pods")
	case wasRouted && weight > was && was > 0 && v.clock.Now().Sub(v.moved) < theirInterval:
		v.Errorf("from %d to %d percent within an interval", was, weight)
	}
	if weight != was || routed != wasRouted {
		v.moved = v.clock.Now()
		if weight == 0 {
			v.emptied = v.clock.Now()
		}
	}
	stopped := m.replicas(targetKey) == 0 && v.before.replicas(targetKey) > 0
	switch {
	case stopped && weight > 0:
		v.Errorf("the target is stopped under %d percent of the users", weight)
	case stopped && routed && v.clock.Now().Sub(v.emptied) < v.options.Settings.Drain:
		v.Error("the target is stopped while requests may be under way")
	}
	v.before = m
}

// available is how many pods of a Deployment can serve.
func (m moment) available(key string) int64 {
	available, _ := m.Objects[key].at("status", "availableReplicas").(int64)
	return min(available, m.replicas(key))
}

// play lets our operator work until nothing is left to do.
func (v *witness) play() {
	v.Helper()
	v.rest()
	v.look()
}

// took compares what the witness saw with a course.
func (v *witness) took(reason string, want course) {
	v.Helper()
	if diff := cmp.Diff(want, v.saw, cmpopts.IgnoreUnexported(course{})); diff != "" {
		v.Errorf("%s\n-want +got\n%s", reason, diff)
	}
}

// idles checks that the operator has nothing to ask or to write any more.
func (w *world) idles() {
	w.Helper()
	w.pipe.sent()
	for range 3 {
		result, err := w.reconcile(testkit.App)
		must(w, err, "reconcile")
		expect(w, "Nothing is left to wait for.", time.Duration(0), result.RequeueAfter)
	}
	expect(w, "An idle canary costs nothing.", nil, w.pipe.sent())
	w.pass(theirInterval)
	w.restart()
	_, err := w.reconcile(testkit.App)
	must(w, err, "reconcile")
	expect(w, "Nor does it after a restart.", nil, writesOf(w.pipe.sent()))
}

// writesOf are those requests that are no reads.
func writesOf(requests []string) []string {
	var writes []string
	for _, request := range requests {
		if !strings.HasPrefix(request, "get ") {
			writes = append(writes, request)
		}
	}
	return writes
}

// adapt starts our operator with other options of its workload adapters.
func (w *world) adapt(change func(*workload.Options)) {
	w.Helper()
	live := w.pipe.live(w.direct)
	o := workload.Options{
		Client: w.options.Client, Live: live, SelectorLabels: []string{"app"},
		Configs: configs.New(configs.Options{Client: w.options.Client, Live: live}),
		Scaler:  scaler.New(scaler.Options{Client: w.options.Client}),
	}
	change(&o)
	w.options.Targets = map[string]workload.Target{"Deployment": workload.NewDeployment(o)}
	w.options.Services = map[string]workload.Services{"Deployment": workload.NewServices(o)}
	w.restart()
}
