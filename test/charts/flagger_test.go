package charts

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/test/config/manifest"
)

// operator is the chart as the documentation installs it, with these values.
func operator(namespace string, values ...string) release {
	return release{chart: "flagger", name: "flagger", namespace: namespace, values: values}
}

func TestChartsPassTheLint(t *testing.T) {
	for _, chart := range charts(t) {
		if _, err := helm(t, "lint", "--strict", folder(chart)); err != nil {
			t.Errorf("%s: %v", chart, err)
		}
	}
}

func TestChartsRefuseAMisspeltName(t *testing.T) {
	for _, chart := range charts(t) {
		_, err := helm(t, release{chart, "flagger", "test", []string{"resorces.limits.cpu=1"}}.arguments("template")...)
		if err == nil || !strings.Contains(err.Error(), "'resorces' not allowed") {
			t.Errorf("%s: error %v does not name it", chart, err)
		}
	}
}

// charts returns the names of all charts.
func charts(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder("*"), "Chart.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("found no charts: %v", err)
	}
	var names []string
	for _, file := range files {
		names = append(names, filepath.Base(filepath.Dir(file)))
	}
	return names
}

// operatorRules are the rules in the operator's roles, which another test compares with what they are generated from.
var operatorRules = regexp.MustCompile(`(# Source: flagger/templates/rbac.yaml\n[^#]*\nrules:\n)[^#]*---\n`)

// What the walkthroughs install is looked at as a whole.
func TestWalkthroughs(t *testing.T) {
	tests := map[string]release{
		"apisix": operator("apisix", "prometheus.install=true", "meshProvider=apisix"),
		"gatewayapi": operator("flagger-system", "prometheus.install=false", "meshProvider=gatewayapi:v1",
			"metricsServer=http://prometheus.istio-system:9090"),
		"linkerd": operator("flagger-system", "meshProvider=gatewayapi:v1beta1", "linkerdAuthPolicy.create=true",
			"metricsServer=http://prometheus.linkerd-viz:9090"),
		"nginx": operator("ingress-nginx", "prometheus.install=true", "meshProvider=nginx"),
		"traefik": operator("traefik", "prometheus.install=true", "meshProvider=traefik",
			"slack.url=https://hooks.slack.com/services/secret", "slack.channel=general"),
		"one-namespace": operator("flagger-system", "namespace=test", "meshProvider=kubernetes", "prometheus.install=true",
			"leaderElection.enabled=true", "leaderElection.replicaCount=2", "podDisruptionBudget.enabled=true"),
	}
	for name, r := range tests {
		t.Run(name, func(t *testing.T) {
			text, err := helm(t, r.arguments("template")...)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "flagger-"+name+".golden", operatorRules.ReplaceAllString(text, "$1  [cut]\n---\n"))
		})
	}
}

func TestWrongValuesAreRefused(t *testing.T) {
	tests := map[string]struct {
		reason string
		values []string
		want   string // in what Helm says
	}{
		"Name":     {"A misspelt name is told.", []string{"metricServer=http://prometheus:9090"}, "'metricServer' not allowed"},
		"Nested":   {"Further down as well, with the place.", []string{"slack.chanel=general"}, "at '/slack': additional properties 'chanel'"},
		"Deep":     {"And at the bottom.", []string{"prometheus.securityContext.contexts.runAsUser=1"}, "'contexts' not allowed"},
		"Provider": {"A provider that does not exist would be refused at the start; this is earlier.", []string{"meshProvider=ngnix"}, "/meshProvider"},
		"Type":     {"A string is not a switch.", []string{"leaderElection.enabled=yes"}, "at '/leaderElection/enabled': got string, want boolean"},
		"Number":   {"A number has digits.", []string{"threadiness=few"}, "/threadiness"},
		"Duration": {"A duration has a unit.", []string{"drainPeriod=30"}, "/drainPeriod"},
		"Annotation": {"The API server takes strings alone.", []string{`podAnnotations.prometheus\.io/port=8080`},
			"/podAnnotations/prometheus.io~1port"},
		"Replicas": {"Two operators that do not elect one work against each other.", []string{"leaderElection.replicaCount=2"},
			"leaderElection.replicaCount above 1 needs leaderElection.enabled"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := helm(t, operator("test", test.values...).arguments("template")...)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v does not say %q: %s", err, test.want, test.reason)
			}
		})
	}
}

// operatorChoices are the values of the chart that change what it renders.
func operatorChoices(namespace, other string) []choice {
	return []choice{
		{"", "namespace=" + other, "namespace=" + namespace},
		{"", "prometheus.install=true", "prometheus.install=true,prometheus.securityContext.enabled=false,prometheus.pullSecret=pull"},
		{"", "leaderElection.enabled=true,leaderElection.replicaCount=3"},
		{"", "slack.url=https://slack,slack.proxyUrl=http://proxy,slack.channel=general", "env[0].name=SLACK_URL,env[0].value=https://slack"},
		{"", "msteams.url=https://teams,msteams.proxy-url=http://proxy,eventWebhook=http://hook,clusterName=lab"},
		{"", "serviceMonitor.enabled=true,serviceMonitor.labels.a=b", "serviceMonitor.enabled=true,serviceMonitor.namespace=" + other},
		{"", "podMonitor.enabled=true,podMonitor.additionalLabels.a=b", "podMonitor.enabled=true,podMonitor.namespace=" + other},
		{"", "prometheusRule.enabled=true,prometheusRule.additionalLabels.a=b", "prometheusRule.enabled=true,prometheusRule.namespace=" + other},
		{"", "podDisruptionBudget.enabled=true", "podDisruptionBudget.enabled=true,podDisruptionBudget.minAvailable=50%"},
		{"", "serviceAccount.create=false", "serviceAccount.name=operator,serviceAccount.annotations.a=b"},
		{"", "rbac.create=false", "rbac.pspEnabled=true"},
		{"", "linkerdAuthPolicy.create=true,linkerdAuthPolicy.namespace=" + other},
		{"", "controlplane.kubeconfig.secretName=mesh", "additionalVolumes[0].name=x,additionalVolumes[0].emptyDir.medium=Memory," +
			"additionalVolumeMounts[0].name=x,additionalVolumeMounts[0].mountPath=/x"},
		{"", "securityContext.enabled=false", "securityContext.context.runAsUser=null"},
		{"", "nameOverride=other", "fullnameOverride=a-name-that-is-as-long-as-names-may-be-and-then-some-more-of-it"},
		{"", "annotations.a=b,deploymentLabels.a=b,podLabels.a=b,podPriorityClassName=system-cluster-critical",
			"affinity=null,nodeSelector.a=b,tolerations[0].operator=Exists,image.tag=v1,image.pullSecret=pull,resources=null"},
		{"", "threadiness=4,kubeconfigQPS=1000000,kubeconfigBurst=2000000,drainPeriod=1m30s,settlePeriod=5s", "noCrossNamespaceRefs=true," +
			"configTracking.enabled=false,selectorLabels=app,includeLabelPrefix=team,ingressClass=x,ingressAnnotationsPrefix=y,logLevel=warning"},
	}
}

// Whatever two things are set together, the API server takes the objects, and the binary its command line.
func TestOperatorInCombination(t *testing.T) {
	c, flagger := cluster(t), manifest.Program(t, "flagger")
	namespace, other := testkit.NewNamespace(t, c), testkit.NewNamespace(t, c)
	for i, values := range pairwise(operatorChoices(namespace, other)) {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Log(values)
			objects := render(t, operator(namespace, values...))
			dryRun(t, c, objects)
			for _, deployment := range ofKind(objects, "Deployment") {
				if container(t, deployment)["name"] != "flagger" {
					continue
				}
				parse := exec.Command(flagger, append(command(t, deployment), "-version")...)
				if output, err := parse.CombinedOutput(); err != nil {
					t.Errorf("the operator refuses its command line: %v: %s", err, output)
				}
			}
		})
	}
}

// The providers that the schema lets through are those of the binary.
func TestProvidersOfTheSchema(t *testing.T) {
	var schema struct {
		Properties struct {
			MeshProvider struct{ Enum []string }
		}
	}
	read(t, filepath.Join(folder("flagger"), "values.schema.json"), &schema)
	flagger, enum := manifest.Program(t, "flagger"), schema.Properties.MeshProvider.Enum

	help, err := exec.Command(flagger, "-help").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(help), "built in are ")
	list, _, _ = strings.Cut(list, " (default")
	for _, name := range strings.Split(list, ", ") {
		if !slices.Contains(enum, name) {
			t.Errorf("the binary has provider %q, the schema does not", name)
		}
	}
	for _, name := range enum {
		if name == "" {
			continue // the binary's default
		}
		output, err := exec.Command(flagger, "-mesh-provider="+name, "-kubeconfig=/nowhere").CombinedOutput()
		if err == nil || strings.Contains(string(output), "-mesh-provider:") {
			t.Errorf("the schema has provider %q, the binary does not: %s", name, output)
		}
	}
}

// read decodes a YAML or JSON file of the repository.
func read(t *testing.T, file string, into any) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(content, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func TestOperatorMeetsTheRestrictedStandard(t *testing.T) {
	c := cluster(t)
	namespace := restrictedNamespace(t, c)
	for _, deployment := range ofKind(render(t, operator(namespace, "prometheus.install=true")), "Deployment") {
		dryRun(t, c, []*unstructured.Unstructured{podOf(t, deployment)})
		context, _ := container(t, deployment)["securityContext"].(map[string]any)
		if context["readOnlyRootFilesystem"] != true {
			t.Errorf("%s can write to its root", deployment.GetName())
		}
	}
}

func TestAddressesAreInTheSecretAlone(t *testing.T) {
	tests := map[string]struct {
		reason string
		values []string
		want   map[string]any // data of the Secret; nil for none
	}{
		"None": {"Nothing to hide, no Secret.", nil, nil},
		"Addresses": {"What lets others write to a chat is a secret.",
			[]string{"slack.url=hidden", "msteams.url=hidden", "eventWebhook=hidden"},
			map[string]any{"SLACK_URL": "aGlkZGVu", "MSTEAMS_URL": "aGlkZGVu", "EVENT_WEBHOOK_URL": "aGlkZGVu"}},
		"Proxy": {"A proxy may have a password.", []string{"slack.proxy=hidden", "msteams.proxy=hidden"},
			map[string]any{"SLACK_PROXY_URL": "aGlkZGVu", "MSTEAMS_PROXY_URL": "aGlkZGVu"}},
		"ProxyUrl": {"Spelt as templates did.", []string{"slack.proxyUrl=hidden", "msteams.proxyUrl=hidden"},
			map[string]any{"SLACK_PROXY_URL": "aGlkZGVu", "MSTEAMS_PROXY_URL": "aGlkZGVu"}},
		"Proxy-url": {"Spelt as documents did.", []string{"slack.proxy-url=hidden", "msteams.proxy-url=hidden"},
			map[string]any{"SLACK_PROXY_URL": "aGlkZGVu", "MSTEAMS_PROXY_URL": "aGlkZGVu"}},
		"Env": {"A Secret of the user's own wins.", []string{"slack.url=hidden", "env[0].name=SLACK_URL", "env[0].value=other"}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			objects := render(t, operator("test", test.values...))
			var got map[string]any
			for _, object := range objects {
				if object.GetKind() == "Secret" {
					got = object.Object["data"].(map[string]any)
				} else if text, err := object.MarshalJSON(); err != nil || strings.Contains(string(text), "hidden") {
					t.Errorf("%s shows an address: %s (error %v)", object.GetKind(), text, err)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
			if env, _ := container(t, manifest.One(t, objects, "Deployment", "flagger"))["env"].([]any); len(env) < len(test.want) {
				t.Errorf("%s: the operator gets %v", test.reason, env)
			}
		})
	}
}

// A CRD that goes takes all objects of its kind with it.
func TestCRDsOutliveTheRelease(t *testing.T) {
	cfg, c := apiServer(t), cluster(t)
	crds := &apiextensionsv1.CustomResourceDefinitionList{}
	if err := apiextensionsv1.AddToScheme(c.Scheme()); err != nil {
		t.Fatal(err)
	}
	r := operator(testkit.NewNamespace(t, c), "crd.create=true")
	path := testkit.Kubeconfig(t, cfg)
	steps := [][]string{
		append(r.arguments("install"), "--skip-crds", "--take-ownership", "--kubeconfig", path),
		append(r.arguments("upgrade"), "--skip-crds", "--kubeconfig", path, "--set", "logLevel=debug"),
		{"uninstall", r.name, "--namespace", r.namespace, "--kubeconfig", path},
	}
	for _, step := range steps {
		if _, err := helm(t, step...); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.List(t.Context(), crds, client.MatchingLabels{"app.kubernetes.io/managed-by": "Helm"}); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, crd := range crds.Items {
		if crd.DeletionTimestamp == nil {
			names = append(names, crd.Name)
		}
	}
	want := []string{"alertproviders.flagger.app", "canaries.flagger.app", "metrictemplates.flagger.app"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("CRDs that the release had made (-want +got):\n%s", diff)
	}
}
