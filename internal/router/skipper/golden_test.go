package skipper

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/ingress"
	"flagger.app/flagger/internal/router/routertest"
)

// The outcome of a case is the user's Ingress, as it was, and the canary's.
func TestRender(t *testing.T) {
	r := New(router.Deps{Owned: true})
	routertest.Golden(t, routertest.Rendering{
		Desired: func(c *v1beta1.Canary, observed []*unstructured.Unstructured, want rollout.Traffic) ([]*unstructured.Unstructured, error) {
			if err := ingress.Validate(c); err != nil {
				return nil, err
			}
			source := routertest.Named(observed, c.Spec.IngressRef.Name)
			before := source.DeepCopy()
			copied, err := r.desired(c, source, want)
			if diff := cmp.Diff(before, source); diff != "" {
				t.Errorf("rendering changed the user's Ingress (-before +after):\n%s", diff)
			}
			return []*unstructured.Unstructured{source, copied}, err
		},
		Observe: func(c *v1beta1.Canary, objects []*unstructured.Unstructured) (rollout.Traffic, error) {
			return read(c, routertest.Named(objects, ingress.CopyName(c))), nil
		},
	})
}

func TestEveryCaseIsStored(t *testing.T) {
	routertest.EveryCaseIsStored(t, func(*v1beta1.Canary) routertest.Provider { return provider() })
}
