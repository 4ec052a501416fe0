package kuma

import (
	"testing"

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
			if err := router.ValidatePort(c); err != nil {
				return nil, err
			}
			name, live := r.choose(c, routertest.Named(observed, plainName(c)), routertest.Named(observed, fullName(c)))
			manifest, err := r.desired(c, name, live, want)
			return []*unstructured.Unstructured{manifest.Object}, err
		},
		Observe: func(c *v1beta1.Canary, objects []*unstructured.Unstructured) (rollout.Traffic, error) {
			traffic, _ := read(c, objects[0])
			return traffic, nil
		},
	})
}

func TestEveryCaseIsStored(t *testing.T) {
	routertest.EveryCaseIsStored(t, func(*v1beta1.Canary) routertest.Provider { return provider(t) })
}
