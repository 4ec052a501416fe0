package appmesh

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
)

func TestConformance(t *testing.T) {
	for name, v := range versions {
		t.Run(name, func(t *testing.T) { routertest.Run(t, provider(t, v)) })
	}
}

// A step writes the object with the weights and none of the others, and the first Apply each of them once.
func TestAStepIsOneWrite(t *testing.T) {
	for name, v := range versions {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider(t, v))
			b.Apply(rollout.ToPrimary(), len(v.pieces(b.Canary, sheet{})))
			b.Apply(rollout.ToPrimary(), 0)
			for _, weight := range []rollout.Weight{1, 50, 99, 100, 0} {
				before := b.Object(gvk(v.api, v.watch), v.routing(b.Canary)).GetGeneration()
				b.Apply(rollout.Split(weight), 1)
				if after := b.Object(gvk(v.api, v.watch), v.routing(b.Canary)).GetGeneration(); after == before {
					t.Errorf("the step to %d was written elsewhere", weight)
				}
				b.Apply(rollout.Split(weight), 0)
			}
		})
	}
}

// errCrash is what a write fails with at which a process dies.
var errCrash = errors.New("crash")

// After a crash at any write nothing leads to what is not there, and the next Apply does the rest.
func TestACrashLeavesNoWayToNowhere(t *testing.T) {
	for name, v := range versions {
		for survives := range v.pieces(routertest.Canary(), sheet{}) {
			t.Run(fmt.Sprintf("%s/After%d", name, survives), func(t *testing.T) {
				b := routertest.NewBench(t, provider(t, v))
				left := survives
				deps := b.Deps
				deps.Client = interceptor.NewClient(b.Direct, interceptor.Funcs{
					Apply: func(ctx context.Context, c client.WithWatch, obj runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
						if left == 0 {
							return errCrash
						}
						left--
						return c.Apply(ctx, obj, opts...)
					},
				})
				if err := New(v, deps).Apply(t.Context(), b.Canary, rollout.ToPrimary()); !errors.Is(err, errCrash) {
					t.Fatalf("got error %v, want the crash", err)
				}
				made := map[string]bool{}
				for _, p := range v.pieces(b.Canary, sheet{}) {
					live := b.Find(p.kind, p.name)
					if live == nil {
						continue
					}
					made[p.kind.Kind+" "+p.name], made[p.name] = true, true
					destinations, err := p.leads(b.Canary, live)
					if err != nil {
						t.Fatal(err)
					}
					for _, to := range destinations {
						if p.kind.Kind != kindNode && !made[to] {
							t.Errorf("%s %s leads to %s, which is not there", p.kind.Kind, p.name, to)
						}
					}
				}
				b.Settle(rollout.Split(10))
			})
		}
	}
}

// Pods are put into the mesh as they start, which is before any traffic is led to them.
func TestPrepareMakesTheVirtualNodesAlone(t *testing.T) {
	for name, v := range versions {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider(t, v))
			r := New(v, b.Deps)
			for _, writes := range []int{len(v.pieces(b.Canary, sheet{})) - len(routers(v, b)), 0} {
				if err := r.Prepare(t.Context(), b.Canary); err != nil {
					t.Fatal(err)
				}
				if got := b.Writes(); got != writes {
					t.Errorf("it wrote %d times, want %d", got, writes)
				}
			}
			for _, p := range routers(v, b) {
				if b.Find(p.kind, p.name) != nil {
					t.Errorf("%s %s was made", p.kind.Kind, p.name)
				}
			}
			if _, err := r.Observe(t.Context(), b.Canary); !errors.Is(err, router.ErrNotFound) {
				t.Errorf("got error %v, but nothing is routed", err)
			}
			b.Apply(rollout.ToPrimary(), len(routers(v, b)))
		})
	}
}

// The primary is not there yet, so whoever leads to a user's VirtualNode must go on to find the user's pods.
func TestPrepareLeavesAUsersVirtualNode(t *testing.T) {
	b := routertest.NewBench(t, provider(t, V1beta1))
	kind := gvk(apiV1beta1, kindNode)
	b.Create(usersOldNode(), "kubectl")
	before := b.Object(kind, "podinfo").GetResourceVersion()
	if err := New(V1beta1, b.Deps).Prepare(t.Context(), b.Canary); err != nil {
		t.Fatal(err)
	}
	if b.Object(kind, "podinfo").GetResourceVersion() != before || b.Find(kind, "podinfo-primary") == nil {
		t.Error("the user's was written, or the primary's was not")
	}
	b.Settle(rollout.ToPrimary())
}

// routers are the pieces that lead traffic.
func routers(v Version, b *routertest.Bench) []piece {
	var list []piece
	for _, p := range v.pieces(b.Canary, sheet{}) {
		if p.kind.Kind != kindNode {
			list = append(list, p)
		}
	}
	return list
}

// Without the Services nobody knows whose pods a VirtualNode has, and one without pods would keep them out of the mesh.
func TestPodsAreThoseOfTheServices(t *testing.T) {
	b := routertest.NewBench(t, provider(t, V1beta2))
	b.Apply(rollout.Split(10), 6)
	b.Edit(corev1.SchemeGroupVersion.WithKind("Service"), "podinfo-primary", func(service *unstructured.Unstructured) {
		service.Object["spec"].(map[string]any)["selector"] = map[string]any{"app.kubernetes.io/name": "web-primary"}
	})
	b.Apply(rollout.Split(10), 1)
	node := b.Object(gvk(apiV1beta2, kindNode), "podinfo-primary")
	labels, _, _ := unstructured.NestedStringMap(node.Object, "spec", "podSelector", "matchLabels")
	if diff := cmp.Diff(map[string]string{"app.kubernetes.io/name": "web-primary"}, labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	p := provider(t, V1beta2)
	p.Given = nil
	b = routertest.NewBench(t, p)
	err := b.Router.Apply(t.Context(), b.Canary, rollout.ToPrimary())
	if !apierrors.IsNotFound(err) || !strings.HasPrefix(err.Error(), "service podinfo-primary."+b.Canary.Namespace+" get query error: ") {
		t.Errorf("got error %v, want one that names the Service", err)
	}
	if writes := b.Writes(); writes != 0 {
		t.Errorf("it wrote %d times", writes)
	}
}

// What is no longer exposed must not stay so because nothing else changes.
func TestTheGatewayFollowsTheSpec(t *testing.T) {
	for name, v := range versions {
		t.Run(name, func(t *testing.T) {
			b := routertest.NewBench(t, provider(t, v))
			b.Apply(rollout.Split(10), len(v.pieces(b.Canary, sheet{})))
			pieces := v.pieces(b.Canary, sheet{})
			apex := pieces[len(pieces)-1]
			for _, hosts := range [][]string{{"a.example.com"}, {"a.example.com", "b.example.com"}, nil} {
				b.Canary.Spec.Service.Hosts = hosts
				b.Apply(rollout.Split(10), 1)
				b.Apply(rollout.Split(10), 0)
				annotations := b.Object(apex.kind, apex.name).GetAnnotations()
				domain := ""
				for _, host := range hosts {
					domain += host + ","
				}
				if _, exposed := annotations[gatewayExpose]; exposed != (hosts != nil) || annotations[gatewayDomain] != domain {
					t.Errorf("%v: got %v", hosts, annotations)
				}
			}
		})
	}
}

// Names that the controller fills in, and whatever else is not ours, stay.
func TestWhatOthersAdd(t *testing.T) {
	b := routertest.NewBench(t, provider(t, V1beta2))
	b.Apply(rollout.Split(10), 6)
	theirs := map[string]any{"awsName": "podinfo_test", "meshRef": map[string]any{"name": "global", "uid": "1"}}
	for _, p := range V1beta2.pieces(b.Canary, sheet{}) {
		b.Edit(p.kind, p.name, func(object *unstructured.Unstructured) {
			for field, value := range theirs {
				object.Object["spec"].(map[string]any)[field] = value
			}
		})
	}
	b.Apply(rollout.Split(10), 0)
	b.Canary.Spec.Service.Port = 9898
	b.Settle(rollout.Split(20))
	for _, p := range V1beta2.pieces(b.Canary, sheet{}) {
		spec := b.Object(p.kind, p.name).Object["spec"].(map[string]any)
		for field, value := range theirs {
			if diff := cmp.Diff(value, spec[field]); diff != "" {
				t.Errorf("%s of %s %s (-want +got):\n%s", field, p.kind.Kind, p.name, diff)
			}
		}
	}
}

// A canary may go from weights to conditions and back.
func TestRoutesFollowTheAnalysis(t *testing.T) {
	b := routertest.NewBench(t, provider(t, V1beta2))
	analysis := b.Canary.Spec.Analysis
	for _, test := range []struct {
		match []istio.HTTPMatchRequest
		want  []string
	}{
		{nil, []string{"podinfo"}},
		{[]istio.HTTPMatchRequest{{Headers: map[string]istio.StringMatch{"x": {Exact: "1"}}}}, []string{"podinfo-a", "podinfo-b"}},
		{
			[]istio.HTTPMatchRequest{{Headers: map[string]istio.StringMatch{"x": {Exact: "1"}}}, {Headers: map[string]istio.StringMatch{"y": {}}}},
			[]string{"podinfo-a", "podinfo-a-2", "podinfo-b"},
		},
		{nil, []string{"podinfo"}},
	} {
		analysis.Match = test.match
		b.Settle(rollout.Split(40))
		list, err := routes(b.Routing())
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, route := range list {
			names = append(names, route["name"].(string))
		}
		if diff := cmp.Diff(test.want, names); diff != "" {
			t.Errorf("routes (-want +got):\n%s", diff)
		}
	}
}
