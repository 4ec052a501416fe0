package knative

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
)

func TestRender(t *testing.T) {
	r := New(router.Deps{Owned: true})
	routertest.Golden(t, routertest.Rendering{
		Desired: func(c *v1beta1.Canary, observed []*unstructured.Unstructured, want rollout.Traffic) ([]*unstructured.Unstructured, error) {
			if err := validate(c); err != nil {
				return nil, err
			}
			live := observed[0]
			before := live.DeepCopy()
			primary, err := r.serving(c, live)
			if err != nil {
				return nil, err
			}
			routed, err := render(c, live, primary, want)
			if diff := cmp.Diff(before, live); diff != "" {
				t.Errorf("rendering changed the user's object (-before +after):\n%s", diff)
			}
			return []*unstructured.Unstructured{routed}, err
		},
		Observe: func(c *v1beta1.Canary, objects []*unstructured.Unstructured) (rollout.Traffic, error) {
			return read(objects[0], primaryOf(c, objects[0])), nil
		},
	})
}

func TestEveryCaseIsStored(t *testing.T) {
	routertest.EveryCaseIsStored(t, func(*v1beta1.Canary) routertest.Provider { return provider(t, canary(), service()) })
}
