package apisix

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

// The outcome of a case is the user's route, as it was, and the canary's.
func TestRender(t *testing.T) {
	r := New(router.Deps{Owned: true})
	routertest.Golden(t, routertest.Rendering{
		Desired: func(c *v1beta1.Canary, observed []*unstructured.Unstructured, want rollout.Traffic) ([]*unstructured.Unstructured, error) {
			if err := validate(c); err != nil {
				return nil, err
			}
			source := named(observed, c.Spec.RouteRef.Name)
			before := source.DeepCopy()
			canary, err := r.desired(c, source, want)
			if diff := cmp.Diff(before, source); diff != "" {
				t.Errorf("rendering changed the user's route (-before +after):\n%s", diff)
			}
			return []*unstructured.Unstructured{source, canary}, err
		},
		Observe: func(c *v1beta1.Canary, objects []*unstructured.Unstructured) (rollout.Traffic, error) {
			return read(c, named(objects, canaryRoute(c))), nil
		},
	})
}

// Every case goes to the API server with the real CRD, which must store what was rendered: a default that it added
// would be drift for ever.
func TestEveryCaseIsStoredAsRendered(t *testing.T) {
	direct := connect(t)
	for _, one := range routertest.Cases(t) {
		if one.Refused {
			continue
		}
		t.Run(one.Name, func(t *testing.T) {
			k := newCluster(t, direct, one.Canary)
			for _, object := range one.Observed {
				k.create(object, "kubectl")
			}
			k.apply(one.Traffic, 1)
			k.apply(one.Traffic, 0)
		})
	}
}
