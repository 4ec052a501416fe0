package smi

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
)

func TestConformance(t *testing.T) {
	for name, v := range variants {
		t.Run(name, func(t *testing.T) { routertest.Run(t, provider(t, v)) })
	}
}

func provider(t *testing.T, v Variant) routertest.Provider {
	return routertest.Provider{
		Row:    Row(v),
		CRDs:   []string{routertest.CRD(t, "smi_trafficsplits.yaml")},
		Canary: routertest.Canary,
		Object: "podinfo",
		Edit:   func(b *routertest.Bench) { b.Canary.Spec.Service.Hosts = []string{"frontend"} },
		Damage: func(split *unstructured.Unstructured) {
			split.Object["spec"] = trafficSplit(v, "other",
				backend{"service": "podinfo-primary", "weight": int64(20)},
				backend{"service": "podinfo-canary", "weight": int64(80)},
				backend{"service": "somebody", "weight": int64(5)},
			).Object["spec"]
		},
		Users: func() *unstructured.Unstructured { return usersSplit(v) },
	}
}

// usersSplit has what a canary's never has: one backend, the apex Service, an odd weight and labels. It has the
// annotations of a canary's too, with other values.
func usersSplit(v Variant) *unstructured.Unstructured {
	split := trafficSplit(v, "podinfo", backend{"service": "podinfo", "weight": int64(3)})
	split.SetLabels(map[string]string{"app.kubernetes.io/instance": "theirs"})
	split.SetAnnotations(map[string]string{
		"example.com/theirs":                    "yes",
		"helm.toolkit.fluxcd.io/driftDetection": "enabled",
		gatewaysAnnotation:                      `["theirs"]`,
	})
	return split
}

func TestAStepIsOneWrite(t *testing.T) {
	b := routertest.NewBench(t, provider(t, Linkerd))
	for _, weight := range []rollout.Weight{0, 1, 50, 99, 100, 0} {
		b.Apply(rollout.Split(weight), 1)
		b.Apply(rollout.Split(weight), 0)
	}
	b.Router = New(OSM, b.Deps)
	b.Apply(rollout.Split(10), 1) // to numbers
	b.Apply(rollout.Split(10), 0)
	b.Router = New(Linkerd, b.Deps)
	b.Apply(rollout.Split(10), 0)
}

func TestACreationThatFailsIsNamed(t *testing.T) {
	b := routertest.NewBench(t, provider(t, Linkerd))
	b.Canary.Namespace = "nowhere"
	err := b.Router.Apply(t.Context(), b.Canary, rollout.ToPrimary())
	if !apierrors.IsNotFound(err) || !strings.HasPrefix(err.Error(), "TrafficSplit podinfo.nowhere create error: ") {
		t.Errorf("got error %v", err)
	}
}

// Every name that Flagger knew is one of ours, and a prefix alone is not.
func TestNames(t *testing.T) {
	var rows []router.Row
	for _, v := range variants {
		rows = append(rows, Row(v))
	}
	registry := router.NewRegistry(rows)
	for name, version := range map[string]string{
		"linkerd": "v1alpha1", "osm": "v1alpha2",
		"smi:v1alpha1": "v1alpha1", "smi:v1alpha2": "v1alpha2", "smi:v1alpha3": "v1alpha3",
		"smi:v1alpha1:istio": "v1alpha1", "smi:v1alpha2:istio": "v1alpha2", "smi:v1alpha3:istio": "v1alpha3",
		"smi:v1alpha1:linkerd": "v1alpha1", "smi:v1alpha2:osm": "v1alpha2", "smi:v1alpha1:crossover": "v1alpha1",
		"smi": "", "smi:v1alpha4": "", "linkerd:v1": "",
	} {
		row, err := registry.Lookup(name)
		switch {
		case version == "" && !errors.Is(err, router.ErrUnknownProvider):
			t.Errorf("%s: got %v, %v, want an unknown provider", name, row.Watch, err)
		case version != "" && (err != nil || row.Watch.Version != version || row.Watch.Group != "split.smi-spec.io"):
			t.Errorf("%s: got %v, %v, want version %s", name, row.Watch, err, version)
		}
	}
}

func TestRoot(t *testing.T) {
	for name, test := range map[string]struct {
		reason            string
		hosts             []string
		any, servicesOnly string
	}{
		"None":           {reason: "Without hosts clients call the apex.", any: "podinfo", servicesOnly: "podinfo"},
		"Empty":          {reason: "An empty host is none.", hosts: []string{""}, any: "podinfo", servicesOnly: "podinfo"},
		"First":          {reason: "The root is one, and the first host is it.", hosts: []string{"front", "back"}, any: "front", servicesOnly: "front"},
		"WithNamespace":  {reason: "A Service by its longer name.", hosts: []string{"front.test"}, any: "front.test", servicesOnly: "front"},
		"WithSvc":        {reason: "A Service by its longer name.", hosts: []string{"front.test.svc"}, any: "front.test.svc", servicesOnly: "front"},
		"Whole":          {reason: "A Service by its full name.", hosts: []string{"front.test.svc.cluster.local"}, any: "front.test.svc.cluster.local", servicesOnly: "front"},
		"OtherNamespace": {reason: "A mesh looks in the namespace of the TrafficSplit.", hosts: []string{"front.prod.svc.cluster.local"}, any: "front.prod.svc.cluster.local", servicesOnly: "podinfo"},
		"Ingress":        {reason: "No client in the mesh calls it.", hosts: []string{"app.example.com"}, any: "app.example.com", servicesOnly: "podinfo"},
		"NamespaceAsTLD": {reason: "The namespace must be a whole label.", hosts: []string{"app.test.com"}, any: "app.test.com", servicesOnly: "podinfo"},
		"SvcAsPrefix":    {reason: "So must svc.", hosts: []string{"app.test.svcs"}, any: "app.test.svcs", servicesOnly: "podinfo"},
		"Wildcard":       {reason: "A wildcard is no Service.", hosts: []string{"*"}, any: "*", servicesOnly: "podinfo"},
	} {
		t.Run(name, func(t *testing.T) {
			c := routertest.Canary()
			c.Spec.Service.Hosts = test.hosts
			if got := anyMesh.root(c); got != test.any {
				t.Errorf("%s Got %q, want %q", test.reason, got, test.any)
			}
			if got := serviceMesh.root(c); got != test.servicesOnly {
				t.Errorf("%s Services alone: got %q, want %q", test.reason, got, test.servicesOnly)
			}
		})
	}
}

// The backends are ours alone; whatever else a TrafficSplit may say is not.
func TestWhatOthersAdd(t *testing.T) {
	b := routertest.NewBench(t, provider(t, V1alpha3))
	if err := b.Router.Apply(t.Context(), b.Canary, rollout.Split(10)); err != nil {
		t.Fatal(err)
	}
	live := b.Routing()
	spec := live.Object["spec"].(map[string]any)
	matches := []any{map[string]any{"kind": "HTTPRouteGroup", "name": "insiders"}}
	spec["matches"] = matches
	spec["backends"] = append(spec["backends"].([]any), backend{"service": "somebody", "weight": int64(5)})
	live.SetLabels(map[string]string{"theirs": "yes"})
	if err := b.Direct.Update(t.Context(), live); err != nil {
		t.Fatal(err)
	}
	if err := b.Router.Apply(t.Context(), b.Canary, rollout.Split(10)); err != nil {
		t.Fatal(err)
	}
	want := trafficSplit(V1alpha3, "podinfo",
		backend{"service": "podinfo-canary", "weight": int64(10)},
		backend{"service": "podinfo-primary", "weight": int64(90)},
	).Object["spec"].(map[string]any)
	want["matches"] = matches
	if diff := cmp.Diff(want, b.Routing().Object["spec"]); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"theirs": "yes"}, b.Routing().GetLabels()); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
}

// The gateways of the spec are those of the annotation, after the first Apply too.
func TestGatewaysFollowTheSpec(t *testing.T) {
	b := routertest.NewBench(t, provider(t, IstioV1alpha2))
	for i, test := range []struct {
		gateways []string
		want     string
	}{
		{nil, ""},
		{[]string{"mesh"}, `["mesh"]`},
		{[]string{"mesh", "public"}, `["mesh","public"]`},
		{nil, ""},
	} {
		b.Canary.Spec.Service.Gateways = test.gateways
		if err := b.Router.Apply(t.Context(), b.Canary, rollout.Split(rollout.Weight(i))); err != nil {
			t.Fatal(err)
		}
		if got := b.Routing().GetAnnotations()[gatewaysAnnotation]; got != test.want {
			t.Errorf("%v: got %s, want %s", test.gateways, got, test.want)
		}
	}
}
