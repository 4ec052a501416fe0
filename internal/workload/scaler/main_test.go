package scaler

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
)

var update = flag.Bool("update", false, "rewrite the goldens")

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(testkit.Main(m))
}

// cluster is a namespace of a real API server with KEDA's CRD, and the autoscaler under test.
type cluster struct {
	*testing.T
	// direct sees and changes what the autoscaler does not.
	direct    client.WithWatch
	scaler    *Autoscaler
	namespace string
	// writes are the autoscaler's: verb and name of the object.
	writes []string
	// hidden is the name of an object that the cache has not seen yet, unreadable of one that cannot be read.
	hidden, unreadable string
	// outdated, where it is set, is what the cache has for every name.
	outdated *unstructured.Unstructured
	// refused are all patches.
	refused bool
}

// newCluster skips the test where KEDA's CRD is not there.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	crd := filepath.Join(testkit.Root(), "..", "shared", "crds", "keda_scaledobjects.yaml")
	if _, err := os.Stat(crd); err != nil {
		t.Skipf("KEDA's own CRD is not beside the checkout: %v", err)
	}
	direct, err := client.NewWithWatch(testkit.StartAPIServer(t, crd), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	k := &cluster{T: t, direct: direct, namespace: testkit.NewNamespace(t, direct)}
	k.scaler = New(Options{Client: k.watched()})
	return k
}

var (
	// errUnreadable is what an unreadable object gives, errRefused what a refused patch does.
	errUnreadable = errors.New("connection refused")
	errRefused    = errors.New("not allowed")
)

// watched is a client that reads as from a cache, without managed fields, and notes what is written.
func (k *cluster) watched() client.Client {
	return interceptor.NewClient(k.direct, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			switch {
			case k.outdated != nil:
				k.outdated.DeepCopyInto(obj.(*unstructured.Unstructured))
				return nil
			case key.Name == k.unreadable:
				return errUnreadable
			case key.Name == k.hidden:
				key.Name += "-not-cached"
			}
			err := c.Get(ctx, key, obj, opts...)
			obj.SetManagedFields(nil)
			return err
		},
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			k.writes = append(k.writes, "create "+obj.GetName())
			return c.Create(ctx, obj, opts...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
			k.writes = append(k.writes, "patch "+obj.GetName())
			if k.refused {
				return errRefused
			}
			return c.Patch(ctx, obj, patch, opts...)
		},
	})
}

// canary is a canary of the Deployment podinfo with the autoscaler podinfo of that kind.
func (k *cluster) canary(kind string) *v1beta1.Canary {
	return &v1beta1.Canary{
		ObjectMeta: metav1.ObjectMeta{Name: "podinfo", Namespace: k.namespace, UID: types.UID("uid-of-" + k.namespace)},
		Spec: v1beta1.CanarySpec{
			TargetRef:     v1beta1.LocalObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "podinfo"},
			AutoscalerRef: &v1beta1.AutoscalerReference{APIVersion: "any/v1", Kind: kind, Name: "podinfo"},
		},
	}
}

// create makes the object of a manifest.
func (k *cluster) create(manifest string) *unstructured.Unstructured {
	k.Helper()
	return k.store(parse(k.T, manifest))
}

// store creates object as a user does, and returns what the API server makes of it.
func (k *cluster) store(object *unstructured.Unstructured) *unstructured.Unstructured {
	k.Helper()
	object.SetNamespace(k.namespace)
	if err := k.direct.Create(k.Context(), object, client.FieldOwner("user")); err != nil {
		k.Fatal(err)
	}
	return k.read(object.GetKind(), object.GetName())
}

// edit changes an object as somebody else would.
func (k *cluster) edit(kind, name string, change func(*unstructured.Unstructured)) *unstructured.Unstructured {
	k.Helper()
	object := k.read(kind, name)
	change(object)
	if err := k.direct.Update(k.Context(), object, client.FieldOwner("user")); err != nil {
		k.Fatal(err)
	}
	return k.read(kind, name)
}

// read is an object as it is stored, without the marks of its writes; nil for none.
func (k *cluster) read(kind, name string) *unstructured.Unstructured {
	k.Helper()
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(kinds[kind].gvk)
	err := k.direct.Get(k.Context(), client.ObjectKey{Namespace: k.namespace, Name: name}, object)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		k.Fatal(err)
	}
	object.SetManagedFields(nil)
	return object
}

// writing runs act and compares what it wrote.
func (k *cluster) writing(act func(context.Context, *v1beta1.Canary) error, c *v1beta1.Canary, want ...string) {
	k.Helper()
	k.writes = nil
	if err := act(k.Context(), c); err != nil {
		k.Fatal(err)
	}
	if diff := cmp.Diff(want, k.writes); diff != "" {
		k.Errorf("writes (-want +got):\n%s", diff)
	}
}

// unchanged compares two states of an object, but for the number of its writes.
func (k *cluster) unchanged(before, after *unstructured.Unstructured) {
	k.Helper()
	before, after = before.DeepCopy(), after.DeepCopy()
	before.SetResourceVersion("")
	after.SetResourceVersion("")
	if diff := cmp.Diff(before.Object, after.Object); diff != "" {
		k.Errorf("%s has changed (-before +after):\n%s", before.GetName(), diff)
	}
}

func parse(t *testing.T, manifest string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	encoded, err := yaml.YAMLToJSON([]byte(manifest))
	if err == nil {
		err = object.UnmarshalJSON(encoded)
	}
	if err != nil {
		t.Fatalf("%v in\n%s", err, manifest)
	}
	return object
}
