package routertest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/testkit"
)

// Bench is one test's namespace on a real API server, with a canary and its router, whose writes are counted.
type Bench struct {
	*testing.T
	Canary *v1beta1.Canary
	Router router.Router
	// Deps are what Router is made of. The client reads as from a cache: without managed fields.
	Deps router.Deps
	// Direct sees and changes what the router does not.
	Direct   client.WithWatch
	provider Provider
	// writes are the router's, since the last look.
	writes int
	// blind hides the routing object when the router reads it next, as a cache that lags does.
	blind bool
}

// NewBench starts the API server with the provider's CRDs and creates what is given, in a new namespace. The test
// binary's TestMain must be testkit.Main.
func NewBench(t *testing.T, p Provider) *Bench {
	t.Helper()
	b := &Bench{T: t, provider: p, Canary: p.Canary()}
	b.Direct = newClient(t, testkit.StartAPIServer(t, p.crds()...), nil)
	b.Canary.Namespace = b.namespace()
	if b.Canary.UID == "" {
		b.Canary.UID = uid
	}
	t.Cleanup(b.sweep)
	for _, object := range p.Given {
		b.Create(object, "kubectl")
	}
	b.Deps = router.Deps{Client: b.counting(b.Direct), Owned: true}
	b.Router = p.Row.New(b.Deps)
	return b
}

// namespace is the provider's, which is made unless it is there, or else a new one.
func (b *Bench) namespace() string {
	b.Helper()
	name := b.provider.Namespace
	if name == "" {
		return testkit.NewNamespace(b, b.Direct)
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if err := b.Direct.Create(b.Context(), namespace); err != nil && !apierrors.IsAlreadyExists(err) {
		b.Fatalf("create namespace %s: %v", name, err)
	}
	return name
}

// elsewhere makes the router one for routing objects in a cluster that does not have the canary.
func (b *Bench) elsewhere() {
	b.Deps.Owned = false
	b.Router = b.provider.Row.New(b.Deps)
}

// sweep removes the objects that the next test would find: those of the namespace, and those in none.
func (b *Bench) sweep() {
	ctx := context.WithoutCancel(b.Context())
	for _, kind := range b.provider.kinds() {
		all := &unstructured.UnstructuredList{}
		all.SetGroupVersionKind(kind)
		err := b.Direct.List(ctx, all, client.InNamespace(b.Canary.Namespace))
		for i := range all.Items {
			err = errors.Join(err, b.remove(ctx, &all.Items[i]))
		}
		if err != nil {
			b.Errorf("remove the objects of kind %s: %v", kind.Kind, err)
		}
	}
}

// remove deletes object, whose finalizers nobody would see to.
func (b *Bench) remove(ctx context.Context, object *unstructured.Unstructured) error {
	if len(object.GetFinalizers()) > 0 {
		object.SetFinalizers(nil)
		if err := b.Direct.Update(ctx, object); err != nil {
			return err
		}
	}
	return client.IgnoreNotFound(b.Direct.Delete(ctx, object))
}

// isNamespaced says whether objects of the kind are in a namespace, and so can have a canary as their owner.
func (b *Bench) isNamespaced(kind schema.GroupVersionKind) bool {
	b.Helper()
	return b.mapping(kind).Scope.Name() == meta.RESTScopeNameNamespace
}

// mapping is what the API server knows of the kind.
func (b *Bench) mapping(kind schema.GroupVersionKind) *meta.RESTMapping {
	b.Helper()
	mapping, err := b.Direct.RESTMapper().RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		b.Fatalf("find the kind %s: %v", kind.Kind, err)
	}
	return mapping
}

func newClient(t *testing.T, cfg *rest.Config, mapper meta.RESTMapper) client.WithWatch {
	t.Helper()
	c, err := client.NewWithWatch(cfg, client.Options{Mapper: mapper})
	if err != nil {
		t.Fatalf("make a client: %v", err)
	}
	return c
}

func (b *Bench) counting(c client.WithWatch) client.Client {
	return interceptor.NewClient(c, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			if b.blind && key.Name == b.provider.Object && obj.GetObjectKind().GroupVersionKind() == *b.provider.Row.Watch {
				b.blind = false
				key.Name += "-not-cached"
			}
			err := c.Get(ctx, key, obj, opts...)
			obj.SetManagedFields(nil)
			return err
		},
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			b.writes++
			return c.Create(ctx, obj, opts...)
		},
		Update: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.UpdateOption) error {
			b.writes++
			return c.Update(ctx, obj, opts...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
			b.writes++
			return c.Patch(ctx, obj, patch, opts...)
		},
		Apply: func(ctx context.Context, c client.WithWatch, obj runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			b.writes++
			return c.Apply(ctx, obj, opts...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.DeleteOption) error {
			b.writes++
			return c.Delete(ctx, obj, opts...)
		},
	})
}

// Writes are the router's since the last look.
func (b *Bench) Writes() int {
	writes := b.writes
	b.writes = 0
	return writes
}

// Apply makes want the traffic and checks that this took so many writes and is what is observed.
func (b *Bench) Apply(want rollout.Traffic, writes int) {
	b.Helper()
	if got := b.apply(want); got != writes {
		b.Errorf("Apply of %+v wrote %d times, want %d", want, got, writes)
	}
	b.observes(want)
}

// Settle makes want the traffic: a second Apply must be silent and the traffic be want.
func (b *Bench) Settle(want rollout.Traffic) {
	b.Helper()
	b.apply(want)
	b.Apply(want, 0)
}

// apply makes want the traffic and returns the number of writes.
func (b *Bench) apply(want rollout.Traffic) int {
	b.Helper()
	b.Writes()
	if err := b.Router.Apply(b.Context(), b.Canary, want); err != nil {
		b.Fatalf("apply %+v: %v", want, err)
	}
	return b.Writes()
}

// Observe is what the router reports.
func (b *Bench) Observe() rollout.Routing {
	b.Helper()
	routing, err := b.Router.Observe(b.Context(), b.Canary)
	if err != nil {
		b.Fatalf("observe: %v", err)
	}
	return routing
}

func (b *Bench) observes(want rollout.Traffic) {
	b.Helper()
	if diff := cmp.Diff(want, b.Observe().Traffic); diff != "" {
		b.Errorf("observed traffic (-want +got):\n%s", diff)
	}
}

func (b *Bench) fails(err error, want error) {
	b.Helper()
	if !errors.Is(err, want) {
		b.Errorf("got error %v, want %v", err, want)
	}
}

// Release lets go of what there is for the canary, twice, as after a crash.
func (b *Bench) Release() {
	b.Helper()
	for range 2 {
		if err := b.Router.Release(b.Context(), b.Canary); err != nil {
			b.Fatalf("release: %v", err)
		}
	}
}

// HasNoPlainUpdates checks that no field of object is owned by plain updates, as Flagger's were: it could not be taken
// away by an apply.
func (b *Bench) HasNoPlainUpdates(object *unstructured.Unstructured) {
	b.Helper()
	for _, entry := range object.GetManagedFields() {
		if entry.Operation == metav1.ManagedFieldsOperationUpdate && entry.Subresource == "" {
			b.Errorf("fields are still owned by plain updates of %s: %s", entry.Manager, entry.FieldsV1)
		}
	}
}

// LeavesAlone creates object, which somebody else made, and checks that the router observes nothing, and writes and
// releases neither it nor anything else. want is a part of what Apply says about it.
func (b *Bench) LeavesAlone(object *unstructured.Unstructured, want string) {
	b.Helper()
	b.Create(object, "kubectl")
	before := b.Object(object.GroupVersionKind(), object.GetName())
	_, err := b.Router.Observe(b.Context(), b.Canary)
	b.fails(err, router.ErrNotFound)
	for _, traffic := range []rollout.Traffic{rollout.ToPrimary(), rollout.Split(25)} {
		err := b.Router.Apply(b.Context(), b.Canary, traffic)
		if !errors.Is(err, router.ErrForeign) || !strings.Contains(err.Error(), want) {
			b.Errorf("apply %+v: got error %v, want one that says %q", traffic, err, want)
		}
	}
	b.fails(b.Router.Release(b.Context(), b.Canary), nil)
	b.elsewhere()
	b.fails(b.Router.Release(b.Context(), b.Canary), nil)
	if diff := cmp.Diff(before.Object, b.Object(object.GroupVersionKind(), object.GetName()).Object); diff != "" {
		b.Errorf("it was written (-before +after):\n%s", diff)
	}
	if writes := b.Writes(); writes != 0 {
		b.Errorf("%d writes, though not all that is needed can be written", writes)
	}
}

// Find returns the object of the name as it is stored, or nil if there is none.
func (b *Bench) Find(kind schema.GroupVersionKind, name string) *unstructured.Unstructured {
	b.Helper()
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(kind)
	err := b.Direct.Get(b.Context(), client.ObjectKey{Namespace: b.Canary.Namespace, Name: name}, object)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		b.Fatalf("get %s %s: %v", kind.Kind, name, err)
	}
	return object
}

// Object is the object of the name as it is stored; it must be there.
func (b *Bench) Object(kind schema.GroupVersionKind, name string) *unstructured.Unstructured {
	b.Helper()
	object := b.Find(kind, name)
	if object == nil {
		b.Fatalf("there is no %s %s", kind.Kind, name)
	}
	return object
}

// Routing is the routing object as it is stored; it must be there.
func (b *Bench) Routing() *unstructured.Unstructured {
	b.Helper()
	return b.Object(*b.provider.Row.Watch, b.provider.Object)
}

// Edit changes the object of the name as somebody else would.
func (b *Bench) Edit(kind schema.GroupVersionKind, name string, change func(*unstructured.Unstructured)) {
	b.Helper()
	object := b.Object(kind, name)
	change(object)
	if err := b.Direct.Update(b.Context(), object, client.FieldOwner("somebody-else")); err != nil {
		b.Fatalf("edit %s %s: %v", kind.Kind, name, err)
	}
}

// Create makes a copy of object in the canary's namespace as manager would, and its status as a controller would.
func (b *Bench) Create(object *unstructured.Unstructured, manager string) {
	b.Helper()
	created := object.DeepCopy()
	created.SetNamespace(b.Canary.Namespace)
	created.SetResourceVersion("")
	if err := b.Direct.Create(b.Context(), created, client.FieldOwner(manager)); err != nil {
		b.Fatalf("create %s: %v", router.Describe(object), err)
	}
	if status, found := object.Object["status"]; found && !cmp.Equal(status, created.Object["status"]) {
		created.Object["status"] = runtime.DeepCopyJSONValue(status)
		b.Report(created)
	}
}

// Report makes the status of object the stored one, as a controller would.
func (b *Bench) Report(object *unstructured.Unstructured) {
	b.Helper()
	if err := b.Direct.Status().Update(b.Context(), object, client.FieldOwner("controller")); err != nil {
		b.Fatalf("write the status of %s: %v", router.Describe(object), err)
	}
}
