package gatewayapi

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/testkit"
)

// A route that Flagger took over has no original: with the canary's end its users must still reach the apex Service,
// whatever the layout of the rules was.
func TestReleaseWithoutAnOriginalPointsAtTheApex(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*v1beta1.Canary)
		want   rollout.Traffic
	}{
		"Weights": {change: func(*v1beta1.Canary) {}, want: rollout.Split(40)},
		"ABTest": {
			change: func(c *v1beta1.Canary) {
				c.Spec.Analysis.Match = []istio.HTTPMatchRequest{{Headers: map[string]istio.StringMatch{"x-canary": {Exact: "insider"}}}}
			},
			want: rollout.ToCanary(),
		},
		"Mirrored": {change: func(*v1beta1.Canary) {}, want: rollout.Traffic{Primary: 100, Mirrored: true}},
		"Affinity": {
			change: func(*v1beta1.Canary) {},
			want:   rollout.Traffic{Primary: 60, Canary: 40, Affinity: rollout.Affinity{Cookie: "side=a", PrimaryCookie: "main=b"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			direct, err := client.New(testkit.StartAPIServer(t, crds(t)), client.Options{})
			if err != nil {
				t.Fatal(err)
			}
			c := canary()
			c.Namespace = testkit.NewNamespace(t, direct)
			test.change(c)
			left, err := render(V1, c, test.want)
			if err != nil {
				t.Fatal(err)
			}
			if err := direct.Create(t.Context(), left, client.FieldOwner(kube.FieldManager)); err != nil {
				t.Fatal(err)
			}
			r := New(V1, router.Deps{Client: direct, Owned: true})
			for range 2 {
				if err := r.Release(t.Context(), c); err != nil {
					t.Fatal(err)
				}
			}
			released, err := r.get(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			want := []any{map[string]any{
				"matches":     []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": "/"}}},
				"backendRefs": []any{map[string]any{"group": "", "kind": "Service", "name": "podinfo", "port": int64(80), "weight": int64(1)}},
			}}
			got, _, _ := unstructured.NestedSlice(released.Object, "spec", "rules")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("rules (-want +got):\n%s", diff)
			}
			if annotations := released.GetAnnotations(); len(annotations) > 0 {
				t.Errorf("annotations of ours are left: %v", annotations)
			}
		})
	}
}

// The HTTPRoutes that Flagger 1.44 left in a cluster, state by state: the weights are read as they are, and what we
// would write is what is there.
func TestFlaggersRoutesAreOurs(t *testing.T) {
	file := filepath.Join(testkit.Root(), "..", "shared", "fixtures", "adoption", "gw.json")
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the recording of a cluster run by Flagger is not beside the checkout: ../shared/fixtures/adoption/gw.json")
	}
	if err != nil {
		t.Fatal(err)
	}
	var recording struct {
		Applied []map[string]any `json:"applied"`
		States  []struct {
			Objects map[string]map[string]any `json:"objects"`
		} `json:"states"`
	}
	if err := json.Unmarshal(content, &recording); err != nil {
		t.Fatal(err)
	}
	c := appliedCanary(t, recording.Applied)
	seen := map[rollout.Traffic]bool{}
	for i, state := range recording.States {
		object, found := state.Objects["httproutes/podinfo"]
		if !found {
			continue
		}
		route := &unstructured.Unstructured{Object: object}
		traffic, found, err := read(c, route)
		if err != nil || !found {
			t.Fatalf("state %d: found %t, %v", i, found, err)
		}
		seen[traffic] = true
		rendered, err := render(V1, c, traffic)
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs := asJSON(t, rendered.Object["spec"]), asJSON(t, route.Object["spec"])
		if diff := cmp.Diff(theirs, ours); diff != "" {
			t.Errorf("state %d would be rewritten (-Flagger's +ours):\n%s", i, diff)
		}
		if diff := cmp.Diff(route.GetAnnotations(), rendered.GetAnnotations()); diff != "" {
			t.Errorf("state %d: annotations (-Flagger's +ours):\n%s", i, diff)
		}
	}
	if !seen[rollout.Split(25)] || !seen[rollout.Split(50)] || !seen[rollout.ToPrimary()] {
		t.Errorf("the recording has no step of the run: %v", seen)
	}
}

func appliedCanary(t *testing.T, applied []map[string]any) *v1beta1.Canary {
	t.Helper()
	for _, object := range applied {
		if object["kind"] != v1beta1.CanaryKind {
			continue
		}
		c := &v1beta1.Canary{}
		if err := json.Unmarshal([]byte(asJSON(t, object)), c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	t.Fatal("the recording has no canary")
	return nil
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	content, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
