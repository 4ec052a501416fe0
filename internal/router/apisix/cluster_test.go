package apisix

import (
	"context"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/testkit"
)

// cluster is a namespace of the API server with a canary and its router, whose writes are counted.
type cluster struct {
	*testing.T
	direct client.Client
	canary *v1beta1.Canary
	router *Router
	writes int
}

func newCluster(t *testing.T, direct client.WithWatch, c *v1beta1.Canary) *cluster {
	t.Helper()
	k := &cluster{T: t, direct: direct, canary: c}
	c.Namespace = testkit.NewNamespace(t, direct)
	counting := interceptor.NewClient(direct, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			err := c.Get(ctx, key, obj, opts...)
			obj.SetManagedFields(nil) // as caches do
			return err
		},
		Apply: func(ctx context.Context, c client.WithWatch, obj runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			k.writes++
			return c.Apply(ctx, obj, opts...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
			k.writes++
			return c.Patch(ctx, obj, patch, opts...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.DeleteOption) error {
			k.writes++
			return c.Delete(ctx, obj, opts...)
		},
	})
	k.router = New(router.Deps{Client: counting, Owned: true})
	return k
}

// withUsers is a new cluster that has the user's route.
func withUsers(t *testing.T) *cluster {
	t.Helper()
	k := newCluster(t, connect(t), canary())
	k.create(usersRoute(), "kubectl")
	return k
}

// create makes object in the namespace as manager would.
func (k *cluster) create(object *unstructured.Unstructured, manager string) {
	k.Helper()
	object = object.DeepCopy()
	object.SetNamespace(k.canary.Namespace)
	if err := k.direct.Create(k.Context(), object, client.FieldOwner(manager)); err != nil {
		k.Fatal(err)
	}
}

// apply makes want the traffic and checks that this took so many writes and is what is observed.
func (k *cluster) apply(want rollout.Traffic, writes int) {
	k.Helper()
	k.writes = 0
	if err := k.router.Apply(k.Context(), k.canary, want); err != nil {
		k.Fatalf("apply %+v: %v", want, err)
	}
	if k.writes != writes {
		k.Errorf("apply %+v: %d writes, want %d", want, k.writes, writes)
	}
	if got := k.observe().Traffic; got != want {
		k.Errorf("observed %+v, want %+v", got, want)
	}
}

func (k *cluster) observe() rollout.Routing {
	k.Helper()
	routing, err := k.router.Observe(k.Context(), k.canary)
	if err != nil {
		k.Fatalf("observe: %v", err)
	}
	return routing
}

// route is the ApisixRoute of the name as it is stored, nil for none.
func (k *cluster) route(name string) *unstructured.Unstructured {
	k.Helper()
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(kind)
	err := k.direct.Get(k.Context(), client.ObjectKey{Namespace: k.canary.Namespace, Name: name}, object)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		k.Fatal(err)
	}
	return object
}

// ours is the canary route as it is stored.
func (k *cluster) ours() *unstructured.Unstructured {
	k.Helper()
	object := k.route("shop-podinfo-canary")
	if object == nil {
		k.Fatal("there is no canary route")
	}
	return object
}

// edit changes the ApisixRoute of the name as somebody else would.
func (k *cluster) edit(name string, change func(*unstructured.Unstructured)) {
	k.Helper()
	object := k.route(name)
	change(object)
	if err := k.direct.Update(k.Context(), object, client.FieldOwner("kubectl-edit")); err != nil {
		k.Fatal(err)
	}
}

// weights sets those of the first rule's backends, in their order.
func weights(values ...int64) func(*unstructured.Unstructured) {
	return func(object *unstructured.Unstructured) {
		for i, b := range objects(rules(object)[0], "backends") {
			b["weight"] = values[i]
		}
	}
}

// elsewhere makes all rules lead to another Service.
func elsewhere(object *unstructured.Unstructured) {
	for _, one := range rules(object) {
		for _, b := range objects(one, "backends") {
			b["serviceName"] = "other"
		}
	}
}
