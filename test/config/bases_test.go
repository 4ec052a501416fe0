package config

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/test/config/manifest"
)

func TestBasesAreAccepted(t *testing.T) {
	cluster := manifest.NewCluster(t)
	for _, file := range found(t, "*", "kustomization.yaml") {
		folder := filepath.Base(filepath.Dir(file))
		t.Run(folder, func(t *testing.T) { cluster.Offer(t, manifest.Kustomize(t, folder)) })
	}
}

const addOn = "http://flagger-prometheus:9090"

// providers are the bases that install the operator, with what is particular to each.
var providers = map[string]struct {
	namespace string
	server    string // of the metrics
	values    []string
	arguments []string
	kinds     []string // besides those that every base has
}{
	"kubernetes": {"flagger-system", addOn, nil, []string{"-mesh-provider=kubernetes"}, addOnKinds},
	"knative":    {"flagger-system", addOn, nil, []string{"-mesh-provider=knative"}, addOnKinds},
	"gatewayapi": {"flagger-system", addOn, nil, []string{"-mesh-provider=gatewayapi:v1"}, addOnKinds},
	"apisix":     {"flagger-system", addOn, nil, []string{"-mesh-provider=apisix"}, addOnKinds},
	"contour": {"projectcontour", addOn, []string{"ingressClass=contour"},
		[]string{"-mesh-provider=contour", "-ingress-class=contour"}, addOnKinds},
	"istio":   {"istio-system", "http://prometheus:9090", nil, []string{"-mesh-provider=istio"}, nil},
	"appmesh": {"appmesh-system", "http://appmesh-prometheus:9090", nil, []string{"-mesh-provider=appmesh"}, nil},
	"kuma": {"kong-mesh-system", "http://prometheus-server.mesh-observability:80", nil,
		[]string{"-mesh-provider=kuma"}, []string{"Mesh"}},
	"linkerd": {"flagger-system", "http://prometheus.linkerd-viz:9090", nil,
		[]string{"-mesh-provider=gatewayapi:v1beta1"}, []string{"AuthorizationPolicy", "Namespace"}},
}

// addOnKinds are what the bases with a namespace and a Prometheus of their own have more.
var addOnKinds = []string{
	"ClusterRole", "ClusterRoleBinding", "ConfigMap", "Deployment", "Namespace", "Service", "ServiceAccount",
}

// operatorKinds are what every base has: the operator and its three kinds.
var operatorKinds = []string{
	"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "CustomResourceDefinition",
	"CustomResourceDefinition", "Deployment", "ServiceAccount",
}

func TestBasesHoldWhatTheirProviderNeeds(t *testing.T) {
	for name, base := range providers {
		t.Run(name, func(t *testing.T) {
			var kinds []string
			for _, object := range manifest.Kustomize(t, name) {
				kinds = append(kinds, object.GetKind())
			}
			slices.Sort(kinds)
			want := slices.Sorted(slices.Values(slices.Concat(operatorKinds, base.kinds)))
			if diff := cmp.Diff(want, kinds); diff != "" {
				t.Errorf("other kinds (-want +got):\n%s", diff)
			}
		})
	}
}

// What all bases are given, and what the chart says though it is the default.
var (
	common   = []string{"-log-level=info", "-include-label-prefix=app.kubernetes.io", "-enable-leader-election=true"}
	defaults = []string{"-enable-config-tracking=true", "-slack-user=flagger"}
)

func TestArguments(t *testing.T) {
	for name, base := range providers {
		t.Run(name, func(t *testing.T) {
			got := arguments(t, manifest.One(t, manifest.Kustomize(t, name), "Deployment", "flagger"))
			want := slices.Concat(common, base.arguments,
				[]string{"-metrics-server=" + base.server, "-leader-election-namespace=" + base.namespace})
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			parse := exec.CommandContext(t.Context(), manifest.Program(t, "flagger"), append(got, "-version")...)
			if output, err := parse.CombinedOutput(); err != nil {
				t.Errorf("the operator refuses its command line: %v: %s", err, output)
			}
		})
	}
}

// arguments are those of the operator, sorted, with its namespace filled in as the kubelet does.
func arguments(t *testing.T, deployment *manifest.Object) []string {
	t.Helper()
	all, _, err := unstructured.NestedStringSlice(container(t, deployment), "args")
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		all[i] = strings.ReplaceAll(all[i], "$(POD_NAMESPACE)", deployment.GetNamespace())
	}
	slices.Sort(all)
	return all
}

func container(t *testing.T, deployment *manifest.Object) map[string]any {
	t.Helper()
	containers, _, err := unstructured.NestedSlice(deployment.Object, "spec", "template", "spec", "containers")
	if err != nil || len(containers) != 1 {
		t.Fatalf("%s has %d containers: %v", deployment.GetName(), len(containers), err)
	}
	return containers[0].(map[string]any)
}

// chart renders the chart with the values that make the same of it as a base.
func chart(t *testing.T, name string) []*manifest.Object {
	t.Helper()
	base := providers[name]
	provider := strings.TrimPrefix(base.arguments[0], "-mesh-provider=")
	values := append([]string{
		"includeLabelPrefix=app.kubernetes.io", "leaderElection.enabled=true", "meshProvider=" + provider,
	}, base.values...)
	if base.server == addOn {
		values = append(values, "prometheus.install=true")
	} else {
		values = append(values, "metricsServer="+base.server)
	}
	var arguments []string
	for _, value := range values {
		arguments = append(arguments, "--set", value)
	}
	return manifest.Helm(t, "flagger", base.namespace, arguments...)
}

// Who installs with kustomize runs the same operator as who installs with Helm.
func TestBasesAreTheChart(t *testing.T) {
	for name := range providers {
		t.Run(name, func(t *testing.T) {
			base, other := manifest.Kustomize(t, name), chart(t, name)
			ours, theirs := manifest.One(t, base, "Deployment", "flagger"), manifest.One(t, other, "Deployment", "flagger")
			want := slices.DeleteFunc(arguments(t, theirs), func(a string) bool { return slices.Contains(defaults, a) })
			if diff := cmp.Diff(want, arguments(t, ours)); diff != "" {
				t.Errorf("other arguments than the chart (-chart +base):\n%s", diff)
			}
			for _, field := range []string{"livenessProbe", "readinessProbe", "ports", "resources", "securityContext"} {
				if diff := cmp.Diff(container(t, theirs)[field], container(t, ours)[field]); diff != "" {
					t.Errorf("another %s than the chart (-chart +base):\n%s", field, diff)
				}
			}
			if diff := cmp.Diff(rules(other), rules(base)); diff != "" {
				t.Errorf("other rights than the chart (-chart +base):\n%s", diff)
			}
		})
	}
}

// rules are those of all roles, as sorted texts.
func rules(objects []*manifest.Object) []string {
	var all []string
	for _, object := range objects {
		if object.GetKind() != "ClusterRole" && object.GetKind() != "Role" {
			continue
		}
		list, _, _ := unstructured.NestedSlice(object.Object, "rules")
		for _, rule := range list {
			all = append(all, fmt.Sprint(rule))
		}
	}
	return slices.Sorted(slices.Values(all))
}

// Roles reach nobody if they are bound to an account of another namespace.
func TestRolesAreBoundToTheAccounts(t *testing.T) {
	for name, base := range providers {
		for _, object := range manifest.Kustomize(t, name) {
			subjects, _, _ := unstructured.NestedSlice(object.Object, "subjects")
			for _, subject := range subjects {
				if got := subject.(map[string]any)["namespace"]; got != base.namespace {
					t.Errorf("%s: %s is bound to an account in %v, not %s", name, object.GetName(), got, base.namespace)
				}
			}
		}
	}
}

const prometheus = "flagger-prometheus"

func TestPrometheusIsTheCharts(t *testing.T) {
	base, other := manifest.Kustomize(t, "kubernetes"), chart(t, "kubernetes")
	ours, theirs := manifest.One(t, base, "Deployment", prometheus), manifest.One(t, other, "Deployment", prometheus)
	if diff := cmp.Diff(container(t, theirs), container(t, ours)); diff != "" {
		t.Errorf("another container than the chart's (-chart +base):\n%s", diff)
	}
}

// The files of the add-on are the chart's; -update copies them.
func TestFilesOfPrometheusAreTheCharts(t *testing.T) {
	files, _, err := unstructured.NestedStringMap(manifest.One(t, chart(t, "kubernetes"), "ConfigMap", prometheus).Object, "data")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		path := filepath.Join(testkit.Root(), "config", "prometheus", name)
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if diff := cmp.Diff(want, string(got)); err != nil || diff != "" {
			t.Errorf("config/prometheus/%s is not the chart's, error %v (-chart +base):\n%s", name, err, diff)
		}
	}
}
