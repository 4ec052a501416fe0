package kube_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/testkit"
)

// fullMetadata has everything that metadata may have, but for managed fields.
func fullMetadata() metav1.ObjectMeta {
	born := metav1.NewTime(time.Unix(1_800_000_000, 0))
	return metav1.ObjectMeta{
		Name: "web", Namespace: "shop", UID: "1", ResourceVersion: "2", Generation: 3, CreationTimestamp: born,
		GenerateName: "w", DeletionTimestamp: &born, DeletionGracePeriodSeconds: new(int64(30)),
		Labels: map[string]string{"app": "web"}, Annotations: map[string]string{"note": "ß", "empty": ""},
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Owner", Name: "o", UID: "4", Controller: new(true)}},
		Finalizers:      []string{"example.com/keep"},
	}
}

// tree is an object of a kind that the operator has no type for.
func tree() *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
		"spec": map[string]any{
			"weight": int64(10), "share": 0.5, "whole": 2.0, "huge": int64(1) << 62, "on": true, "none": nil,
			"map": map[string]any{}, "list": []any{}, "rules": []any{map[string]any{"name": "\u2028<&>"}, "two", int64(-3)},
		},
	}}
	m := fullMetadata()
	o.SetName(m.Name)
	o.SetNamespace(m.Namespace)
	o.SetLabels(m.Labels)
	o.SetOwnerReferences(m.OwnerReferences)
	return o
}

// kinds are objects of all the kinds that are kept in caches, filled as well as an API server would.
func kinds() map[string]client.Object {
	deployment, daemonSet, service, canary := testkit.Deployment("web:1"), testkit.DaemonSet("web:1"), testkit.Service(), testkit.Canary()
	deployment.ObjectMeta, daemonSet.ObjectMeta, service.ObjectMeta, canary.ObjectMeta = fullMetadata(), fullMetadata(), fullMetadata(), fullMetadata()
	deployment.Status = appsv1.DeploymentStatus{ObservedGeneration: 3, Replicas: 2, ReadyReplicas: 1, Conditions: []appsv1.DeploymentCondition{{
		Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded", LastUpdateTime: metav1.Unix(5, 0),
	}}}
	canary.Status = v1beta1.CanaryStatus{
		Phase: v1beta1.PhaseProgressing, CanaryWeight: 10, LastAppliedSpec: "h1:1", TrackedConfigs: &map[string]string{"configmap/web": "1"},
		LastTransitionTime: metav1.Unix(6, 0), LastAnalysisTime: new(metav1.NewMicroTime(time.Unix(7, 8000))),
		Checks: []v1beta1.CheckResult{{Name: "latency", Verdict: v1beta1.VerdictPass, Value: new(0.1), Max: new(500.0)}},
	}
	return map[string]client.Object{
		"Deployment":     deployment,
		"DaemonSet":      daemonSet,
		"Service":        service,
		"Canary":         canary,
		"MetricTemplate": &v1beta1.MetricTemplate{ObjectMeta: fullMetadata(), Spec: v1beta1.MetricTemplateSpec{Query: "sum(x)"}},
		"AlertProvider":  &v1beta1.AlertProvider{ObjectMeta: fullMetadata(), Spec: v1beta1.AlertProviderSpec{Type: "slack"}},
		"Tree":           tree(),
		"Metadata":       &metav1.PartialObjectMetadata{ObjectMeta: fullMetadata()},
	}
}

func packed(t *testing.T, o client.Object) client.Object {
	t.Helper()
	p, err := kube.Pack(o)
	if err != nil {
		t.Fatal(err)
	}
	return p.(client.Object)
}

func TestPackLosesNothing(t *testing.T) {
	for name, o := range kinds() {
		t.Run(name, func(t *testing.T) {
			p := packed(t, o.DeepCopyObject().(client.Object))
			if diff := cmp.Diff(o, kube.Unpack(p), ignoreType); diff != "" {
				t.Errorf("unpacked (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(runtime.Object(o), p.DeepCopyObject(), ignoreType); diff != "" {
				t.Errorf("what readers of a cache get (-want +got):\n%s", diff)
			}
			changed := kube.Unpack(p)
			changed.SetName("another")
			if got := kube.Unpack(p).GetName(); got != "web" {
				t.Errorf("whoever changes a copy changes the cache: the name is %s", got)
			}
		})
	}
}

// Caches and event handlers may ask the packed object, and get the answers of the object.
func TestPackedAnswers(t *testing.T) {
	questions := map[string]func(client.Object) any{
		"name":            func(o client.Object) any { return o.GetName() },
		"namespace":       func(o client.Object) any { return o.GetNamespace() },
		"uid":             func(o client.Object) any { return o.GetUID() },
		"resourceVersion": func(o client.Object) any { return o.GetResourceVersion() },
		"generation":      func(o client.Object) any { return o.GetGeneration() },
		"generateName":    func(o client.Object) any { return o.GetGenerateName() },
		"labels":          func(o client.Object) any { return o.GetLabels() },
		"annotations":     func(o client.Object) any { return o.GetAnnotations() },
		"finalizers":      func(o client.Object) any { return o.GetFinalizers() },
		"owners":          func(o client.Object) any { return o.GetOwnerReferences() },
		"managedFields":   func(o client.Object) any { return o.GetManagedFields() },
		"born":            func(o client.Object) any { return o.GetCreationTimestamp() },
		"deleted":         func(o client.Object) any { return o.GetDeletionTimestamp() },
		"grace":           func(o client.Object) any { return o.GetDeletionGracePeriodSeconds() },
	}
	for kind, o := range kinds() {
		p := packed(t, o.DeepCopyObject().(client.Object))
		for question, ask := range questions {
			if diff := cmp.Diff(ask(o), ask(p)); diff != "" {
				t.Errorf("%s of a %s (-want +got):\n%s", question, kind, diff)
			}
		}
		if !p.GetObjectKind().GroupVersionKind().Empty() {
			t.Errorf("a %s has a kind", kind)
		}
	}
}

func TestPackPassesOn(t *testing.T) {
	once := packed(t, testkit.Service())
	gone := toolscache.DeletedFinalStateUnknown{Key: "shop/web", Obj: once}
	for reason, object := range map[string]any{
		"A cache may transform an object more than once.":           once,
		"An informer that lost sight of an object has another word": gone,
		"No object is no error.":                                    nil,
	} {
		if got, err := kube.Pack(object); err != nil || got != object {
			t.Errorf("%s got %v, %v", reason, got, err)
		}
	}
	plain := testkit.Service()
	if kube.Unpack(plain) != client.Object(plain) {
		t.Error("an object that is not packed is not copied")
	}
	if _, err := kube.Pack(&unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": "web"}, "odd": make(chan int)}}); err == nil {
		t.Error("what cannot be encoded is told")
	}
}

// A cache of packed objects is a cache of objects.
func TestPackInACache(t *testing.T) {
	k := newCluster(t)
	service := testkit.Service()
	service.Namespace, service.Labels = k.namespace, map[string]string{"app": "web"}
	other := service.DeepCopy()
	other.Name, other.Labels = "other", nil
	for _, o := range []client.Object{service, other, k.configMap(map[string]string{"color": "red"})} {
		if err := k.direct.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	c, names := k.packing("names")

	read := &corev1.Service{}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(service), read); err != nil {
		t.Fatal(err)
	}
	service.ManagedFields = nil
	if diff := cmp.Diff(service, read, ignoreType); diff != "" {
		t.Errorf("a typed object (-want +got):\n%s", diff)
	}
	untyped := k.configMap(nil)
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(untyped), untyped); err != nil {
		t.Fatal(err)
	}
	live := k.live()
	live.SetManagedFields(nil)
	if diff := cmp.Diff(live, untyped); diff != "" {
		t.Errorf("a tree (-want +got):\n%s", diff)
	}
	for reason, option := range map[string]client.ListOption{
		"By label.": client.MatchingLabels{"app": "web"},
		"By index.": client.MatchingFields{"names": "label web"},
	} {
		list := &corev1.ServiceList{}
		if err := c.List(t.Context(), list, client.InNamespace(k.namespace), option); err != nil || len(list.Items) != 1 || list.Items[0].Name != service.Name {
			t.Errorf("%s got %v, %v", reason, list.Items, err)
		}
	}
	if got := <-names; got != service.Name && got != other.Name {
		t.Errorf("handlers are told of %s", got)
	}
}

// ignoreType leaves out the kind, which API servers tell and caches add.
var ignoreType = cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "TypeMeta" }, cmp.Ignore())

// packing returns a cache of the namespace that packs, with an index of Services by their label app, and the names of
// the Services that event handlers are told of.
func (k *cluster) packing(field string) (cache.Cache, <-chan string) {
	k.Helper()
	c, err := cache.New(testkit.StartAPIServer(k), cache.Options{
		DefaultTransform: kube.Pack, DefaultNamespaces: map[string]cache.Config{k.namespace: {}},
	})
	must(k.T, err)
	must(k.T, kube.Namespaced{Cache: c}.IndexField(k.Context(), &corev1.Service{}, field, func(o client.Object) []string {
		return []string{"label " + kube.Unpack(o).(*corev1.Service).Labels["app"]}
	}))
	names := make(chan string, 10)
	informer, err := c.GetInformer(k.Context(), &corev1.Service{}, cache.BlockUntilSynced(false))
	must(k.T, err)
	_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{AddFunc: func(o any) { names <- o.(client.Object).GetName() }})
	must(k.T, err)
	ctx, cancel := context.WithCancel(k.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Start(ctx) }()
	k.Cleanup(func() {
		cancel()
		must(k.T, <-ended)
	})
	if !c.WaitForCacheSync(ctx) {
		k.Fatal("the cache did not sync")
	}
	return c, names
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
