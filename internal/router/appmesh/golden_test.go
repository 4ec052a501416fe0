package appmesh

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
		Desired: desired,
		Observe: func(c *v1beta1.Canary, objects []*unstructured.Unstructured) (rollout.Traffic, error) {
			v := versions[c.Spec.Provider]
			traffic, _, err := v.read(c, find(objects, v.watch, v.routing(c)))
			return traffic, err
		},
	})
}

func TestEveryCaseIsStoredAsRendered(t *testing.T) {
	providers := map[string]routertest.Provider{}
	for name, v := range versions {
		providers[name] = provider(t, v)
	}
	routertest.EveryCaseIsStored(t, func(c *v1beta1.Canary) routertest.Provider { return providers[c.Spec.Provider] })
}

// desired are the objects that a canary is to have, given those that are there.
func desired(c *v1beta1.Canary, observed []*unstructured.Unstructured, want rollout.Traffic) ([]*unstructured.Unstructured, error) {
	v := versions[c.Spec.Provider]
	asked, err := v.parse(c)
	if err != nil {
		return nil, err
	}
	pods := map[string]map[string]string{}
	for _, one := range observed {
		if one.GetKind() == "Service" {
			pods[one.GetName()], _, _ = unstructured.NestedStringMap(one.Object, "spec", "selector")
		}
	}
	var objects []*unstructured.Unstructured
	for _, p := range v.pieces(c, sheet{settings: asked, want: want, pods: pods}) {
		one, err := plan(router.Deps{Owned: true}, c, p, find(observed, p.kind.Kind, p.name))
		if err != nil {
			return nil, err
		}
		objects = append(objects, one.manifest.Object)
	}
	return objects, nil
}

func find(objects []*unstructured.Unstructured, kind, name string) *unstructured.Unstructured {
	for _, one := range objects {
		if one.GetKind() == kind && one.GetName() == name {
			return one
		}
	}
	return nil
}
