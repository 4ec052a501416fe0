package contour

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
)

// class is the ingress class of the golden cases.
const class = "contour"

func TestRender(t *testing.T) {
	routertest.Golden(t, routertest.Rendering{
		Desired: func(c *v1beta1.Canary, observed []*unstructured.Unstructured, want rollout.Traffic) ([]*unstructured.Unstructured, error) {
			if err := validate(c); err != nil {
				return nil, err
			}
			manifest, err := New(class, router.Deps{Owned: true}).desired(c, routertest.Named(observed, "podinfo"), want)
			return []*unstructured.Unstructured{manifest.Object}, err
		},
		Observe: func(c *v1beta1.Canary, objects []*unstructured.Unstructured) (rollout.Traffic, error) {
			traffic, _ := read(c, objects[0])
			return traffic, nil
		},
	})
}

func TestEveryCaseIsStored(t *testing.T) {
	routertest.EveryCaseIsStored(t, func(*v1beta1.Canary) routertest.Provider {
		p := provider(class)
		p.CRDs = []string{crd(t)}
		return p
	})
}
