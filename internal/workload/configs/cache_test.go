package configs

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/testkit"
)

// operator is the cluster as the operator's manager sees it: caches, and a client that knows what it wrote.
type operator struct {
	*cluster
	cache  cache.Cache
	client client.Client
	live   client.Client
}

// start fills the caches of the cluster's namespace, with the operator's own credentials and options.
func (k *cluster) start() operator {
	k.Helper()
	cfg := testkit.UserConfig(k.config, testkit.Operator)
	o := operator{cluster: k}
	var err error
	o.cache, err = cache.New(cfg, cache.Options{
		Mapper:            k.RESTMapper(),
		DefaultNamespaces: map[string]cache.Config{k.namespace: {}},
		ByObject: map[client.Object]cache.ByObject{
			ConfigMap.Metadata(): {Transform: Transform},
			Secret.Metadata():    {Transform: Transform},
		},
	})
	k.must(err)
	o.client, err = client.New(cfg, client.Options{Mapper: k.RESTMapper(), Cache: &client.CacheOptions{
		Reader:                          o.cache,
		DisableFor:                      []client.Object{&corev1.ConfigMap{}, &corev1.Secret{}},
		EnableReadYourWritesConsistency: new(true),
	}})
	k.must(err)
	o.live, err = client.New(cfg, client.Options{Mapper: k.RESTMapper()})
	k.must(err)
	k.must(Index(k.Context(), kube.Namespaced{Cache: o.cache}))

	ctx, cancel := context.WithCancel(k.Context())
	ended := make(chan error, 1)
	go func() { ended <- o.cache.Start(ctx) }()
	k.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			k.Errorf("run the cache: %v", err)
		}
	})
	if !o.cache.WaitForCacheSync(ctx) {
		k.Fatal("the cache does not fill")
	}
	return o
}

func (o operator) tracker() *Tracker {
	return New(Options{Client: o.client, Live: o.live, Metadata: o.cache, Namespace: o.namespace})
}

// catchUp waits until the cache holds the metadata of all configs as they are now.
func (o operator) catchUp() {
	o.Helper()
	for _, kind := range kinds {
		informer, err := o.cache.GetInformer(o.Context(), kind.Metadata())
		o.must(err)
		changed := make(chan struct{}, 1)
		signal := func() {
			select {
			case changed <- struct{}{}:
			default:
			}
		}
		_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { signal() },
			UpdateFunc: func(any, any) { signal() },
			DeleteFunc: func(any) { signal() },
		})
		o.must(err)
		for want := o.versions(o.Client, kind); !maps.Equal(o.versions(o.cache, kind), want); {
			<-changed
		}
	}
}

// versions are the resourceVersions of all configs of a kind by name.
func (o operator) versions(from client.Reader, kind Kind) map[string]string {
	o.Helper()
	list := &metav1.PartialObjectMetadataList{TypeMeta: kind.Metadata().TypeMeta}
	o.must(from.List(o.Context(), list, client.InNamespace(o.namespace)))
	found := map[string]string{}
	for i := range list.Items {
		found[list.Items[i].Name] = list.Items[i].ResourceVersion
	}
	return found
}

// requests are what the operator asks of configs while act runs, without what fills its caches where they may be
// filled: a metadata informer.
func (o operator) requests(act func()) []string {
	o.Helper()
	before := len(testkit.Requests(o))
	act()
	var asked []string
	for _, r := range testkit.Requests(o)[before:] {
		asked = append(asked, strings.TrimSuffix(r.Verb+" "+r.Resource+"/"+r.Name, "/"))
	}
	return asked
}

// A canary at rest costs no request, and the copies that a promotion writes fill no cache with their data, although the
// operator's client waits for its own writes to reach its caches.
func TestRequests(t *testing.T) {
	k := newCluster(t)
	k.apply(configMap("settings", nil), secret("key", corev1.SecretTypeOpaque, nil), secret("lock", corev1.SecretTypeOpaque, nil),
		owned(secret("lock-primary", corev1.SecretTypeBasicAuth, map[string]string{"username": "a"}), nil,
			owner("flagger.app/v1beta1", "Canary", "podinfo", new(true))))
	template := templateOf(append(mandatory(Secret, "key", "lock"), mandatory(ConfigMap, "settings")...)...)
	o := k.start()
	tracker := o.tracker()
	observe := func() {
		t.Helper()
		got, err := tracker.Observe(t.Context(), k.canary("podinfo"), template)
		k.must(err)
		if len(got.Sums) != 3 {
			t.Fatalf("observed %+v", got)
		}
	}
	observe()
	if asked := o.requests(observe); len(asked) > 0 {
		t.Errorf("a second look asked for %v", asked)
	}

	sources := []string{"get configmaps/settings", "get secrets/key", "get secrets/lock"}
	copies := []string{"get configmaps/settings-primary", "get secrets/key-primary", "get secrets/lock-primary"}
	lock := copies[2:]
	for _, step := range []struct {
		reason            string
		before            func()
		observed, written []string
	}{
		{
			reason: "All are copied for the first time, and what the cache does not have is made without a look.",
			before: func() {},
			written: slices.Concat(sources, lock, []string{"create configmaps/settings-primary", "create secrets/key-primary",
				"delete secrets/lock-primary", "create secrets/lock-primary"}),
		},
		{
			reason: "Nothing has changed since.",
			before: func() {},
		},
		{
			reason:   "One has changed, and that one is read and written.",
			before:   func() { k.apply(configMap("settings", map[string]string{"color": "red"})) },
			observed: sources[:1],
			written:  []string{sources[0], copies[0], "update configmaps/settings-primary"},
		},
		{
			reason: "A restart forgets, but copies tell what they were made from. That they hold it is looked at once.",
			before: func() { tracker = o.tracker() },
			// These are lists of one object.
			observed: []string{"list configmaps", "list secrets"},
			written:  slices.Concat(sources, copies),
		},
		{
			reason: "And not twice.",
			before: func() {},
		},
	} {
		step.before()
		o.catchUp()
		if diff := cmp.Diff(step.observed, o.requests(observe)); diff != "" {
			t.Errorf("%s Requests of a look (-want +got):\n%s", step.reason, diff)
		}
		written := o.requests(func() {
			snapshot, err := tracker.Read(t.Context(), k.canary("podinfo"), template)
			k.must(err)
			k.must(snapshot.Write(t.Context()))
		})
		if diff := cmp.Diff(step.written, written); diff != "" {
			t.Errorf("%s Requests of a promotion (-want +got):\n%s", step.reason, diff)
		}
	}
}

// Workloads are found by the configs that their pods refer to, of both kinds.
func TestIndex(t *testing.T) {
	k := newCluster(t)
	refers := func(name string, references ...Reference) *appsv1.Deployment {
		d := testkit.Deployment("app:1")
		d.Name, d.Spec.Template.Spec.Containers[0].EnvFrom = name, nil
		for _, container := range templateOf(references...).Spec.Containers {
			d.Spec.Template.Spec.Containers[0].EnvFrom = append(d.Spec.Template.Spec.Containers[0].EnvFrom, container.EnvFrom...)
		}
		return d
	}
	daemon := func(from *appsv1.Deployment) *appsv1.DaemonSet {
		return &appsv1.DaemonSet{
			ObjectMeta: metav1.ObjectMeta{Name: from.Name},
			Spec:       appsv1.DaemonSetSpec{Selector: from.Spec.Selector, Template: from.Spec.Template},
		}
	}
	k.apply(
		refers("both", append(mandatory(Secret, "key"), mandatory(ConfigMap, "settings")...)...),
		refers("optional", Reference{Kind: ConfigMap, Name: "settings", Optional: true}),
		refers("none"),
		daemon(refers("agent", mandatory(Secret, "key", "settings")...)),
	)
	o := k.start()
	for key, want := range map[string][]string{
		Key(ConfigMap, "settings"): {"both", "optional"},
		Key(Secret, "key"):         {"agent", "both"},
		Key(Secret, "settings"):    {"agent"},
		Key(ConfigMap, "key"):      nil,
	} {
		deployments, daemons := &appsv1.DeploymentList{}, &appsv1.DaemonSetList{}
		for _, list := range []client.ObjectList{deployments, daemons} {
			k.must(o.cache.List(t.Context(), list, client.InNamespace(k.namespace), client.MatchingFields{ReferenceIndex: key}))
		}
		var got []string
		for i := range deployments.Items {
			got = append(got, deployments.Items[i].Name)
		}
		for i := range daemons.Items {
			got = append(got, daemons.Items[i].Name)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s is used by %v, want %v", key, got, want)
		}
	}
}

// All that a cache keeps is what Observe reads.
func TestTransform(t *testing.T) {
	full := metav1.ObjectMeta{
		Name: "settings", Namespace: "shop", UID: "1", ResourceVersion: "2", Generation: 3,
		Labels:          map[string]string{"app": "podinfo"},
		OwnerReferences: []metav1.OwnerReference{owner("apps/v1", "Deployment", "podinfo", nil)},
		Finalizers:      []string{"example.com/keep"},
		ManagedFields:   []metav1.ManagedFieldsEntry{{Manager: "kubectl"}},
		Annotations: map[string]string{
			"flagger.app/config-tracking":                      "disabled",
			"flagger.app/copied-from":                          "1/2/3",
			"kubectl.kubernetes.io/last-applied-configuration": `{"data":{"color":"red"}}`,
		},
	}
	reduced := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Name: "settings", Namespace: "shop", UID: "1", ResourceVersion: "2",
		Annotations: map[string]string{"flagger.app/config-tracking": "disabled", "flagger.app/copied-from": "1/2/3"},
	}}
	owned := metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{owner("flagger.app/v1beta1", "Canary", "podinfo", nil)}}
	for reason, c := range map[string]struct{ object, want client.Object }{
		"What nobody reads is not kept.":     {object: &metav1.PartialObjectMetadata{ObjectMeta: full}, want: reduced},
		"Prune looks for copies by owner.":   {object: &metav1.PartialObjectMetadata{ObjectMeta: owned}, want: &metav1.PartialObjectMetadata{ObjectMeta: owned}},
		"Another object is none of configs'": {object: &corev1.Service{ObjectMeta: full}, want: &corev1.Service{ObjectMeta: full}},
	} {
		once, err := Transform(c.object)
		if err != nil {
			t.Fatalf("%s %v", reason, err)
		}
		if diff := cmp.Diff(c.want, kube.Unpack(once.(client.Object))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", reason, diff)
		}
		if twice, err := Transform(once); err != nil || twice != once {
			t.Errorf("%s A second time: %v, %v", reason, twice, err)
		}
	}
}
