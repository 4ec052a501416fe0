package analysis

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/api/v1beta1"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestBuiltinQueries(t *testing.T) {
	cases := map[string]struct {
		reason   string
		provider string
		kind     string
	}{
		"http-deployment": {
			reason:   "The pods of a Deployment carry two more words than their target, those of its primary three.",
			provider: "kubernetes", kind: "Deployment",
		},
		"http-daemonset": {
			reason:   "The pods of a DaemonSet carry one more word than their target, those of its primary two.",
			provider: "gatewayapi:v1", kind: "DaemonSet",
		},
	}
	for name, tc := range cases {
		for _, metric := range []string{RequestSuccessRate, RequestDuration} {
			t.Run(name+"-"+metric, func(t *testing.T) {
				c := podinfo(func(c *v1beta1.Canary) { c.Spec.TargetRef.Kind = tc.kind })
				got := builtinQuery(t, tc.provider, metric, c)
				compareGolden(t, filepath.Join("testdata", name+"-"+metric+".golden"), got, tc.reason)
			})
		}
	}
}

func compareGolden(t *testing.T, file, got, reason string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s\n%s: -want +got\n%s", reason, file, diff)
	}
}

// TestQueriesGoByDefaultNames pins the selectors of canaries that name nothing but their target: there they find the
// series that Flagger's find.
func TestQueriesGoByDefaultNames(t *testing.T) {
	cases := map[string]struct{ kind, want string }{
		"kubernetes":         {deployment, `kubernetes_namespace="prod", kubernetes_pod_name=~"podinfo-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"`},
		"gatewayapi:v1beta1": {daemonSet, `kubernetes_namespace="prod", kubernetes_pod_name=~"podinfo-[0-9a-zA-Z]+"`},
		"appmesh":            {deployment, `kubernetes_namespace="prod", kubernetes_pod_name=~"podinfo-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"`},
		"gloo":               {deployment, `envoy_cluster_name=~"prod-podinfo-canaryupstream-[0-9]+_prod"`},
		"smi:v1alpha1":       {deployment, `destination_workload_namespace="prod", destination_workload="podinfo"`},
		"istio":              {deployment, `destination_workload_namespace="prod", destination_workload="podinfo"`},
		"istio:service":      {service, `destination_workload_namespace="prod", destination_workload="podinfo"`},
		"linkerd":            {deployment, `namespace="prod", deployment="podinfo", direction="inbound"`},
		"linkerd:service":    {service, `namespace="prod", deployment="podinfo", direction="inbound"`},
		"contour":            {deployment, `envoy_cluster_name=~"prod_podinfo-canary_[0-9a-zA-Z-]+"`},
		"nginx":              {deployment, `namespace="prod", ingress="podinfo", canary!=""`},
		"skipper":            {deployment, `route=~"kube(ew)?_prod__podinfo_canary__.*__podinfo_canary(_[0-9]+)?"`},
		"traefik":            {deployment, `service=~"prod-podinfo-canary-[0-9]+@kubernetescrd"`},
		"traefik:service":    {service, `service=~"prod-podinfo-canary-[0-9]+@kubernetescrd"`},
		"osm":                {deployment, `destination_namespace="prod", destination_kind="Deployment", destination_name="podinfo"`},
		"osm:service":        {service, `destination_namespace="prod", destination_kind="Deployment", destination_name="podinfo"`},
		"kuma":               {deployment, `service=~"podinfo-canary_prod_svc_[0-9a-zA-Z-]+"`},
		"apisix":             {deployment, `route=~"prod_podinfo-podinfo-canary_.+"`},
		"knative":            {service, `envoy_cluster_name="prod/podinfo"`},
	}
	for provider, tc := range cases {
		for _, metric := range []string{RequestSuccessRate, RequestDuration} {
			t.Run(provider+"-"+metric, func(t *testing.T) {
				query := builtinQuery(t, provider, metric, podinfo(func(c *v1beta1.Canary) { c.Spec.TargetRef.Kind = tc.kind }))
				if !strings.Contains(strings.Join(strings.Fields(query), " "), tc.want) {
					t.Errorf("want %s in\n%s", tc.want, query)
				}
			})
		}
	}
}

func builtinQuery(t *testing.T, provider, metric string, c *v1beta1.Canary) string {
	t.Helper()
	family, err := FamilyOf(provider, metric)
	if err != nil {
		t.Fatal(err)
	}
	query, err := family.Query(metric, NewModel(c, v1beta1.CanaryMetric{Name: metric}))
	if err != nil {
		t.Fatal(err)
	}
	return query
}

func TestFamilyOf(t *testing.T) {
	const ms = time.Millisecond
	cases := map[string]struct {
		reason    string
		want      Family
		wantError string
	}{
		"kubernetes": {
			reason: "Blue/Green without a mesh measures the application, in seconds and with a plainer text.",
			want:   Family{Folder: "http", Unit: time.Second, PlainNoValues: true},
		},
		"gatewayapi": {
			reason: "Gateways and their versions differ, the application's own metrics do not.",
			want:   Family{Folder: "http", Unit: time.Second, PlainNoValues: true},
		},
		"appmesh:v1beta2": {reason: "Both versions of App Mesh run the same proxy.", want: Family{Folder: "appmesh", Unit: ms}},
		"gloo:v1:service": {reason: "A Service target is measured like any other of its provider.", want: Family{Folder: "gloo", Unit: ms}},
		"nginx:service":   {reason: "That holds for names that are matched whole, too.", want: Family{Folder: "nginx", Unit: ms}},
		"smi:v1alpha3":    {reason: "SMI says nothing of a mesh, and Flagger has taken it for Istio.", want: Family{Folder: "istio", Unit: ms}},
		"kubernets": {
			reason:    "A typing error is an error, not Istio.",
			wantError: "no builtin query for metric request-duration: unknown metrics provider kubernets",
		},
		"istio:v2": {
			reason:    "So is a version that nobody has heard of.",
			wantError: "no builtin query for metric request-duration: unknown metrics provider istio:v2",
		},
		"crossover:service": {
			reason:    "Crossover has no metrics of Istio's, and the name in the text is the one that the operator uses elsewhere.",
			wantError: "no builtin query for metric request-duration: unknown metrics provider crossover:service",
		},
	}
	for provider, tc := range cases {
		t.Run(provider, func(t *testing.T) {
			got, err := FamilyOf(provider, RequestDuration)
			if got != tc.want {
				t.Errorf("%s\nFamilyOf(...): want %+v, got %+v", tc.reason, tc.want, got)
			}
			if tc.wantError == "" && err != nil {
				t.Errorf("%s\nFamilyOf(...): %v", tc.reason, err)
			}
			if tc.wantError != "" && (!errors.Is(err, ErrUnsupported) || err.Error() != tc.wantError) {
				t.Errorf("%s\nFamilyOf(...): want error %q, got %v", tc.reason, tc.wantError, err)
			}
		})
	}
}

func TestEveryFamilyIsComplete(t *testing.T) {
	for _, row := range families {
		for _, metric := range []string{RequestSuccessRate, RequestDuration} {
			if _, err := row.family.Query(metric, Model{}); err != nil {
				t.Errorf("family %s: %v", row.family.Folder, err)
			}
		}
		if row.family.Unit == 0 {
			t.Errorf("family %s has no unit of durations", row.family.Folder)
		}
	}
}

func TestProviderName(t *testing.T) {
	service := v1beta1.LocalObjectReference{APIVersion: "v1", Kind: "Service", Name: "podinfo"}
	knative := v1beta1.LocalObjectReference{APIVersion: "serving.knative.dev/v1", Kind: "Service", Name: "podinfo"}
	cases := map[string]struct {
		reason   string
		mesh     string
		provider string
		target   v1beta1.LocalObjectReference
		want     string
	}{
		"Global":          {reason: "Without a provider of its own a canary has the operator's.", mesh: "istio", want: "istio"},
		"Own":             {reason: "A canary's own provider counts.", mesh: "istio", provider: "nginx", want: "nginx"},
		"Linkerd":         {reason: "Linkerd sees what an ingress only routes.", mesh: "linkerd", provider: "nginx", want: "linkerd"},
		"Crossover":       {reason: "Variants of crossover are one.", mesh: "smi:crossover", want: "crossover"},
		"OwnNotCrossover": {reason: "Crossover does not override.", mesh: "crossover", provider: "nginx", want: "nginx"},
		"ServiceTarget":   {reason: "Events tell a Service target.", mesh: "kubernetes", target: service, want: "kubernetes:service"},
		"KnativeTarget":   {reason: "A Knative Service is no plain Service.", mesh: "knative", target: knative, want: "knative"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := podinfo(func(c *v1beta1.Canary) { c.Spec.Provider, c.Spec.TargetRef = tc.provider, tc.target })
			if got := ProviderName(tc.mesh, c); got != tc.want {
				t.Errorf("%s\nProviderName(%q, ...): want %q, got %q", tc.reason, tc.mesh, tc.want, got)
			}
		})
	}
}
