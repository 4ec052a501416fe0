package routertest

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/testkit"
)

// Provider is what the suite must know of a provider.
type Provider struct {
	Row router.Row
	// CRDs are the paths of the CRDs that the provider needs.
	CRDs []string
	// Canary makes a canary whose traffic is shifted by weight; the suite fills in namespace and UID.
	Canary func() *v1beta1.Canary
	// Object is the name of the routing object that Apply makes.
	Object string
	// Edit changes the canary's service so that the routing object must change too.
	Edit func(c *v1beta1.Canary)
	// Damage changes a field of the routing object that belongs to the router.
	Damage func(object *unstructured.Unstructured)
	// Users makes a routing object of that name as a user would write it; nil where none is taken over.
	Users func() *unstructured.Unstructured
	// Refused are changes of the canary that the router must refuse, by what is wrong.
	Refused map[string]func(c *v1beta1.Canary)
}

// bench is one test's namespace, canary and router, and counts what the router sends.
type bench struct {
	*testing.T
	provider Provider
	canary   *v1beta1.Canary
	// direct sees and changes what the router does not.
	direct client.WithWatch
	router router.Router
	// writes are the router's, since the last look.
	writes int
	// blind hides the next object that the router reads, as a cache that lags does.
	blind bool
}

// newBench starts the API server with the provider's CRDs. The router of the bench reads as from a cache: without
// managed fields.
func newBench(t *testing.T, p Provider, owned bool) *bench {
	t.Helper()
	b := &bench{T: t, provider: p, canary: p.Canary()}
	b.direct = newClient(t, testkit.StartAPIServer(t, p.CRDs...), nil)
	b.canary.Namespace = testkit.NewNamespace(t, b.direct)
	b.canary.UID = "8a1f4c0e-0000-4000-8000-000000000001"
	b.router = p.Row.New(router.Deps{Client: b.counting(b.direct), Owned: owned})
	return b
}

func newClient(t *testing.T, cfg *rest.Config, mapper meta.RESTMapper) client.WithWatch {
	t.Helper()
	c, err := client.NewWithWatch(cfg, client.Options{Mapper: mapper})
	if err != nil {
		t.Fatalf("make a client: %v", err)
	}
	return c
}

func (b *bench) counting(c client.WithWatch) client.Client {
	return interceptor.NewClient(c, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			if b.blind {
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

// apply makes want the traffic and returns the number of writes.
func (b *bench) apply(want rollout.Traffic) int {
	b.Helper()
	b.writes = 0
	if err := b.router.Apply(b.Context(), b.canary, want); err != nil {
		b.Fatalf("apply %+v: %v", want, err)
	}
	return b.writes
}

// settles applies want twice: the second time must be silent and the traffic be want.
func (b *bench) settles(want rollout.Traffic) {
	b.Helper()
	b.apply(want)
	if writes := b.apply(want); writes != 0 {
		b.Errorf("a second Apply of %+v wrote %d times, want silence", want, writes)
	}
	b.observes(want)
}

func (b *bench) observes(want rollout.Traffic) {
	b.Helper()
	got, err := b.router.Observe(b.Context(), b.canary)
	if err != nil {
		b.Fatalf("observe: %v", err)
	}
	if diff := cmp.Diff(want, got.Traffic); diff != "" {
		b.Errorf("observed traffic (-want +got):\n%s", diff)
	}
}

func (b *bench) fails(err error, want error) {
	b.Helper()
	if !errors.Is(err, want) {
		b.Errorf("got error %v, want %v", err, want)
	}
}

// object reads the routing object as it is stored.
func (b *bench) object() *unstructured.Unstructured {
	b.Helper()
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(*b.provider.Row.Watch)
	if err := b.direct.Get(b.Context(), client.ObjectKey{Namespace: b.canary.Namespace, Name: b.provider.Object}, object); err != nil {
		b.Fatalf("get the routing object: %v", err)
	}
	return object
}

// edit changes the routing object as somebody else would.
func (b *bench) edit(change func(*unstructured.Unstructured)) {
	b.Helper()
	object := b.object()
	change(object)
	if err := b.direct.Update(b.Context(), object, client.FieldOwner("somebody-else")); err != nil {
		b.Fatalf("edit the routing object: %v", err)
	}
}

// create makes object as manager would.
func (b *bench) create(object *unstructured.Unstructured, manager string) {
	b.Helper()
	object.SetNamespace(b.canary.Namespace)
	if err := b.direct.Create(b.Context(), object, client.FieldOwner(manager)); err != nil {
		b.Fatalf("create the object of %s: %v", manager, err)
	}
}

// annotate adds an annotation to object.
func annotate(object metav1.Object, key, value string) {
	annotations := object.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[key] = value
	object.SetAnnotations(annotations)
}
