package traefik

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
)

func TestRender(t *testing.T) {
	routertest.Golden(t, routertest.Rendering{
		Desired: func(c *v1beta1.Canary, observed []*unstructured.Unstructured, want rollout.Traffic) ([]*unstructured.Unstructured, error) {
			if err := router.ValidatePort(c); err != nil {
				return nil, err
			}
			live := routertest.Named(observed, router.ObjectName(c))
			manifest, err := desired(current, router.Deps{Owned: true}, c, live, want)
			return []*unstructured.Unstructured{manifest.Object}, err
		},
		Observe: func(c *v1beta1.Canary, objects []*unstructured.Unstructured) (rollout.Traffic, error) {
			traffic, _, err := read(c, objects[0])
			return traffic, err
		},
	})
}

func TestEveryCaseIsStoredAsRendered(t *testing.T) {
	routertest.EveryCaseIsStored(t, func(*v1beta1.Canary) routertest.Provider { return provider(t, current) })
}
