package istio

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
		Desired: desiredObjects,
		Observe: func(c *v1beta1.Canary, objects []*unstructured.Unstructured) (rollout.Traffic, error) {
			traffic, _, err := read(c, routertest.Named(objects, router.ObjectName(c)))
			return traffic, err
		},
	})
}

// desiredObjects are all that Apply writes, in its order.
func desiredObjects(c *v1beta1.Canary, observed []*unstructured.Unstructured, want rollout.Traffic) ([]*unstructured.Unstructured, error) {
	if err := validate(c); err != nil {
		return nil, err
	}
	deps := router.Deps{Owned: true}
	var objects []*unstructured.Unstructured
	for _, service := range []string{router.CanaryService(c), router.PrimaryService(c)} {
		manifest, err := desiredRule(deps, c, routertest.Named(observed, service), service)
		if err != nil {
			return nil, err
		}
		objects = append(objects, manifest.Object)
	}
	manifest, err := desired(deps, c, routertest.Named(observed, router.ObjectName(c)), want)
	return append(objects, manifest.Object), err
}

func TestEveryCaseIsStoredAsRendered(t *testing.T) {
	routertest.EveryCaseIsStored(t, func(*v1beta1.Canary) routertest.Provider { return provider(t) })
}
