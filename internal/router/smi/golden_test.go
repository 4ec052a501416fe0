package smi

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
)

func TestRender(t *testing.T) {
	routertest.Golden(t, routertest.Rendering{
		Desired: func(c *v1beta1.Canary, observed []*unstructured.Unstructured, want rollout.Traffic) ([]*unstructured.Unstructured, error) {
			var live *unstructured.Unstructured
			if len(observed) > 0 {
				live = observed[0]
			}
			manifest, err := desired(variants[c.Spec.Provider], router.Deps{Owned: true}, c, live, want)
			return []*unstructured.Unstructured{manifest.Object}, err
		},
		Observe: func(c *v1beta1.Canary, objects []*unstructured.Unstructured) (rollout.Traffic, error) {
			traffic, _, err := read(c, objects[0])
			return traffic, err
		},
	})
}

// Every case goes to the API server with the real CRD, which must take it and store what was rendered: a default that
// it added would be drift for ever.
func TestEveryCaseIsStoredAsRendered(t *testing.T) {
	for _, one := range routertest.Cases(t) {
		if one.Observed != nil {
			continue
		}
		t.Run(one.Name, func(t *testing.T) {
			_, r, empty := bench(t, variants[one.Canary.Spec.Provider])
			c := one.Canary
			c.Namespace = empty.Namespace
			if err := r.Apply(t.Context(), c, one.Traffic); err != nil {
				t.Fatal(err)
			}
			rendered, err := render(r.variant, c, nil, one.Traffic)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(rendered.Object["spec"], stored(t, r, c).Object["spec"]); diff != "" {
				t.Errorf("spec (-rendered +stored):\n%s", diff)
			}
		})
	}
}
