package gatewayapi

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router/routertest"
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
			b := routertest.NewBench(t, provider(t, V1))
			test.change(b.Canary)
			left, err := render(V1, b.Canary, test.want)
			if err != nil {
				t.Fatal(err)
			}
			b.Create(left, kube.FieldManager)
			b.Release()
			released := b.Routing()
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

func TestFlaggersRoutesAreOurs(t *testing.T) {
	routertest.TakesOverFlagger(t, provider(t, V1), "gw.json")
}
