package gatewayapi

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
	"flagger.app/flagger/internal/testkit"
)

var versions = map[string]Version{V1.provider: V1, V1beta1.provider: V1beta1}

func TestRender(t *testing.T) {
	routertest.Golden(t, routertest.Rendering{
		Desired: func(c *v1beta1.Canary, observed []*unstructured.Unstructured, want rollout.Traffic) ([]*unstructured.Unstructured, error) {
			r := New(versions[c.Spec.Provider], router.Deps{Owned: true})
			if err := r.Validate(c); err != nil {
				return nil, err
			}
			var live *unstructured.Unstructured
			if len(observed) > 0 {
				live = observed[0]
			}
			manifest, err := desired(r.version, r.deps, c, live, want)
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
	direct, err := client.New(testkit.StartAPIServer(t, crds(t)), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range routertest.Cases(t) {
		if one.Refused || one.Observed != nil {
			continue
		}
		t.Run(one.Name, func(t *testing.T) {
			c := one.Canary
			c.Namespace = testkit.NewNamespace(t, direct)
			r := New(versions[c.Spec.Provider], router.Deps{Client: direct, Owned: true})
			if err := r.Apply(t.Context(), c, one.Traffic); err != nil {
				t.Fatal(err)
			}
			rendered, err := render(r.version, c, one.Traffic)
			if err != nil {
				t.Fatal(err)
			}
			stored, err := r.get(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(rendered.Object["spec"], stored.Object["spec"]); diff != "" {
				t.Errorf("spec (-rendered +stored):\n%s", diff)
			}
		})
	}
}
