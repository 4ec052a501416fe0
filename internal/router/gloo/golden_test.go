package gloo

import (
	"slices"
	"strings"
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

// Every case goes to the API server, which must take it and store what was rendered. The names of Upstreams hold the
// namespace, so that those of a case mean nothing there.
func TestEveryCaseIsStored(t *testing.T) {
	for _, one := range routertest.Cases(t) {
		if one.Refused {
			continue
		}
		t.Run(one.Name, func(t *testing.T) {
			p := provider()
			p.Canary = func() *v1beta1.Canary { return one.Canary }
			p.Given = slices.DeleteFunc(one.Observed, func(object *unstructured.Unstructured) bool {
				return object.GetKind() == tableKind.Kind || strings.HasPrefix(object.GetName(), "test-")
			})
			routertest.NewBench(t, p).Settle(one.Traffic)
		})
	}
}
