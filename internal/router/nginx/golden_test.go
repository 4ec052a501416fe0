package nginx

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
)

// named is the object of the name, nil for none.
func named(objects []*unstructured.Unstructured, name string) *unstructured.Unstructured {
	for _, object := range objects {
		if object.GetName() == name {
			return object
		}
	}
	return nil
}

// The outcome of a case is the user's Ingress, as it was, and the canary's.
func TestRender(t *testing.T) {
	r := New(prefix, router.Deps{Owned: true})
	routertest.Golden(t, routertest.Rendering{
		Desired: func(c *v1beta1.Canary, observed []*unstructured.Unstructured, want rollout.Traffic) ([]*unstructured.Unstructured, error) {
			if err := validate(c); err != nil {
				return nil, err
			}
			source := named(observed, c.Spec.IngressRef.Name)
			before := source.DeepCopy()
			ingress, err := r.desired(c, source, want)
			if diff := cmp.Diff(before, source); diff != "" {
				t.Errorf("rendering changed the user's Ingress (-before +after):\n%s", diff)
			}
			return []*unstructured.Unstructured{source, ingress}, err
		},
		Observe: func(c *v1beta1.Canary, objects []*unstructured.Unstructured) (rollout.Traffic, error) {
			return r.dialect.read(named(objects, canaryIngress(c))), nil
		},
	})
}

// Every case goes to the API server, which must store what was rendered: a default that it added would be drift for
// ever.
func TestEveryCaseIsStoredAsRendered(t *testing.T) {
	direct := connect(t)
	for _, one := range routertest.Cases(t) {
		if one.Refused {
			continue
		}
		t.Run(one.Name, func(t *testing.T) {
			c := newCluster(t, direct, one.Canary)
			for _, object := range one.Observed {
				c.create(object, "kubectl")
			}
			c.apply(one.Traffic, 1)
			c.apply(one.Traffic, 0)
		})
	}
}
