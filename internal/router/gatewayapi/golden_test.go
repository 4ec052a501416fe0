package gatewayapi

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
)

var versions = map[string]Version{V1.provider: V1, V1beta1.provider: V1beta1}

func TestRender(t *testing.T) {
	routertest.Golden(t, routertest.Rendering{
		Desired: func(c *v1beta1.Canary, observed []*unstructured.Unstructured, want rollout.Traffic) ([]*unstructured.Unstructured, error) {
			r := New(versions[c.Spec.Provider], router.Deps{Owned: true})
			if err := r.Validate(c); err != nil {
				return nil, err
			}
			live := routertest.Named(observed, router.ObjectName(c))
			manifest, err := desired(r.version, r.deps, c, live, want)
			return []*unstructured.Unstructured{manifest.Object}, err
		},
		Observe: func(c *v1beta1.Canary, objects []*unstructured.Unstructured) (rollout.Traffic, error) {
			traffic, _, err := read(c, objects[0])
			return traffic, err
		},
	})
}

func TestEveryCaseIsStoredAsRendered(t *testing.T) {
	routertest.EveryCaseIsStored(t, func(c *v1beta1.Canary) routertest.Provider { return provider(t, versions[c.Spec.Provider]) })
}
