package nginx

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/ingress"
	"flagger.app/flagger/internal/router/routertest"
)

// The outcome of a case is the user's Ingress, as it was, and the canary's.
func TestRender(t *testing.T) {
	r := New(prefix, router.Deps{Owned: true})
	routertest.Golden(t, routertest.Rendering{
		Desired: func(c *v1beta1.Canary, observed []*unstructured.Unstructured, want rollout.Traffic) ([]*unstructured.Unstructured, error) {
			if err := validate(c); err != nil {
				return nil, err
			}
			source := routertest.Named(observed, c.Spec.IngressRef.Name)
			object, err := r.desired(c, source, want)
			return []*unstructured.Unstructured{source, object}, err
		},
		Observe: func(c *v1beta1.Canary, objects []*unstructured.Unstructured) (rollout.Traffic, error) {
			return r.dialect.read(routertest.Named(objects, ingress.CopyName(c))), nil
		},
	})
}

func TestEveryCaseIsStoredAsRendered(t *testing.T) {
	routertest.EveryCaseIsStored(t, func(*v1beta1.Canary) routertest.Provider { return provider(prefix) })
}
