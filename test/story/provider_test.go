//go:build linux

package story_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/story"
)

// fields make an object of the namespace with a spec.
func fields(version, kind, name string, spec map[string]any) client.Object {
	object := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	object.SetAPIVersion(version)
	object.SetKind(kind)
	object.SetNamespace("demo")
	object.SetName(name)
	return object
}

// sides are two backends in the form of a provider.
func sides(field string, primary, canary any) []any {
	return []any{
		map[string]any{field: "podinfo-primary", "weight": primary},
		map[string]any{field: "podinfo-canary", "weight": canary},
	}
}

func TestJournalReadsTheWeightsOfAProvider(t *testing.T) {
	ingress := &networkingv1.Ingress{ObjectMeta: meta("podinfo-canary")}
	ingress.Annotations = map[string]string{"nginx.ingress.kubernetes.io/canary-weight": "25"}
	tests := map[string]struct {
		reason   string
		provider *story.Provider
		users    client.Object // of the same kind, which says nothing of weights
		divides  client.Object
		want     int
	}{
		"GatewayAPI": {
			reason:   "The last rule is the one that everybody meets.",
			provider: story.GatewayAPI, divides: route(25), want: 25,
		},
		"TraefikService": {
			reason:   "An entry has a number for a weight.",
			provider: story.TraefikService, want: 25,
			divides: fields("traefik.io/v1alpha1", "TraefikService", "podinfo", map[string]any{
				"weighted": map[string]any{"services": sides("name", int64(75), int64(25))},
			}),
		},
		"TraefikServiceAtRest": {
			reason:   "A side without traffic has no entry.",
			provider: story.TraefikService, want: 0,
			divides: fields("traefik.io/v1alpha1", "TraefikService", "podinfo", map[string]any{
				"weighted": map[string]any{"services": sides("name", int64(100), int64(0))[:1]},
			}),
		},
		"Nginx": {
			reason:   "The weight is an annotation of the copy; the user's own Ingress has none.",
			provider: story.Nginx, users: &networkingv1.Ingress{ObjectMeta: meta("podinfo")}, divides: ingress, want: 25,
		},
		"APISIX": {
			reason:   "The copy of the user's route has the weights.",
			provider: story.APISIX, want: 25,
			users: fields("apisix.apache.org/v2", "ApisixRoute", "podinfo", map[string]any{}),
			divides: fields("apisix.apache.org/v2", "ApisixRoute", "podinfo-podinfo-canary", map[string]any{
				"http": []any{map[string]any{"backends": sides("serviceName", int64(75), int64(25))}},
			}),
		},
		"Linkerd": {
			reason:   "The first version of a TrafficSplit has quantities for weights.",
			provider: story.Linkerd, want: 25,
			divides: fields("split.smi-spec.io/v1alpha1", "TrafficSplit", "podinfo", map[string]any{
				"service": "podinfo", "backends": sides("service", "75", "25"),
			}),
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ctx, journal, objects := followApp(t, story.App{Namespace: "demo", Provider: test.provider})
			for _, object := range []client.Object{test.users, test.divides} {
				if object == nil {
					continue
				}
				if err := objects.Create(ctx, object); err != nil {
					t.Fatal(err)
				}
			}
			m, err := journal.Await(ctx, 0, func(m story.Moment) bool { return m.Routed })
			if err != nil {
				t.Fatal(err)
			}
			if m.Weight != test.want || len(journal.Since(0)) != 1 {
				t.Errorf("weight %d in %d moments, want %d in one: %s", m.Weight, len(journal.Since(0)), test.want, test.reason)
			}
		})
	}
}

func TestCanaryNamesItsProvider(t *testing.T) {
	type chosen struct {
		Provider, Host  string
		Ingress, Route  *v1beta1.LocalObjectReference
		Hosts, Gateways int
	}
	tests := map[string]struct {
		reason   string
		provider *story.Provider
		want     chosen
	}{
		"None": {
			reason: "Without a provider it is the operator's own, the Gateway API.",
			want:   chosen{Host: "demo.example.com", Hosts: 1, Gateways: 1},
		},
		"TraefikService": {
			reason:   "The IngressRoute has the host, and refers to the TraefikService by its name.",
			provider: story.TraefikService, want: chosen{Provider: "traefik", Host: "demo.example.com"},
		},
		"Nginx": {
			reason:   "The Ingress has the host.",
			provider: story.Nginx,
			want: chosen{Provider: "nginx", Host: "demo.example.com", Ingress: ptr.To(v1beta1.LocalObjectReference{
				APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Name: "podinfo",
			})},
		},
		"APISIX": {
			reason:   "The ApisixRoute has the host.",
			provider: story.APISIX,
			want: chosen{Provider: "apisix", Host: "demo.example.com", Route: ptr.To(v1beta1.LocalObjectReference{
				APIVersion: "apisix.apache.org/v2", Kind: "ApisixRoute", Name: "podinfo",
			})},
		},
		"Linkerd": {
			reason:   "In a mesh users call the Service.",
			provider: story.Linkerd, want: chosen{Provider: "linkerd", Host: "podinfo.demo"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			app := story.App{Namespace: "demo", Provider: test.provider}
			spec := app.NewCanary().Spec
			got := chosen{
				Provider: spec.Provider, Host: app.Host(), Ingress: spec.IngressRef, Route: spec.RouteRef,
				Hosts: len(spec.Service.Hosts), Gateways: len(spec.Service.GatewayRefs),
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
			if users := app.UserRoute(); users[0].GetName() != "podinfo" {
				t.Errorf("users call Service %s, want podinfo", users[0].GetName())
			}
		})
	}
}
