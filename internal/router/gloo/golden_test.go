package gloo

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
)

// The objects of a case are the two Upstreams and the RouteTable, in the order in which they are written.
func TestRender(t *testing.T) {
	routertest.Golden(t, routertest.Rendering{
		Desired: func(c *v1beta1.Canary, observed []*unstructured.Unstructured, want rollout.Traffic) ([]*unstructured.Unstructured, error) {
			if err := validate(c); err != nil {
				return nil, err
			}
			deps := router.Deps{Owned: true}
			var objects []*unstructured.Unstructured
			for _, s := range []side{primarySide(c), canarySide(c)} {
				one := upstream(c, s, selectorOf(observed, s.service), routertest.Named(observed, "settings"), prefixes).Object
				deps.Claim(c, one)
				objects = append(objects, one)
			}
			manifest, err := desired(deps, c, tableOf(observed), want)
			return append(objects, manifest.Object), err
		},
		Observe: func(c *v1beta1.Canary, objects []*unstructured.Unstructured) (rollout.Traffic, error) {
			traffic, _ := read(c, tableOf(objects))
			return traffic, nil
		},
	})
}

func tableOf(objects []*unstructured.Unstructured) *unstructured.Unstructured {
	for _, object := range objects {
		if object.GetKind() == tableKind.Kind {
			return object
		}
	}
	return nil
}

// selectorOf is that of the Service of the name, nil for none.
func selectorOf(objects []*unstructured.Unstructured, name string) map[string]string {
	object := routertest.Named(objects, name)
	if object == nil {
		return nil
	}
	selector, _, _ := unstructured.NestedStringMap(object.Object, "spec", "selector")
	return selector
}

func TestEveryCaseIsStored(t *testing.T) {
	routertest.EveryCaseIsStored(t, func(*v1beta1.Canary) routertest.Provider { return provider() })
}
