package charts

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/test/config/manifest"
)

// tester is the load tester's chart as the documentation installs it, with these values.
func tester(namespace string, values ...string) release {
	return release{chart: "loadtester", name: "flagger-loadtester", namespace: namespace, values: values}
}

func TestLoadTesterGoldens(t *testing.T) {
	tests := map[string]release{
		"default": tester("test"),
		"helm": {"loadtester", "flagger-helmtester", "kube-system", []string{
			"rbac.create=true", "rbac.scope=cluster", "rbac.rules[0].apiGroups[0]=*", "rbac.rules[0].resources[0]=secrets",
			"rbac.rules[0].verbs[0]=*"}},
		"istio": tester("test", "istio.enabled=true", "istio.gateway.enabled=true", "istio.tls.enabled=true",
			"istio.tls.httpsRedirect=true", "istio.host=load.example.com"),
		"replicas": tester("test", "replicaCount=2", "gates.enabled=true", "token.secretName=hooks", "podDisruptionBudget.enabled=true"),
	}
	for name, r := range tests {
		t.Run(name, func(t *testing.T) {
			text, err := helm(t, r.arguments("template")...)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "loadtester-"+name+".golden", text)
		})
	}
}

// testerChoices are the values of the chart that change what it renders.
func testerChoices() []choice {
	const rule = ",rbac.rules[0].apiGroups[0]=apps,rbac.rules[0].resources[0]=deployments,rbac.rules[0].verbs[0]=get"
	return []choice{
		{"", "rbac.create=true" + rule, "rbac.create=true,rbac.scope=cluster,rbac.serviceAccountAnnotations.a=b" + rule},
		{"", "serviceAccountName=mine"},
		{"", "gates.enabled=true,replicaCount=2"},
		{"", "token.secretName=hooks"},
		{"", "istio.enabled=true", "istio.enabled=true,istio.gateway.enabled=true,istio.tls.enabled=true"},
		{"", "appmesh.enabled=true", "meshName=mesh,backends[0]=podinfo"},
		{"", "podDisruptionBudget.enabled=true"},
		{"", "securityContext.enabled=false", "podSecurityContext.enabled=true"},
		{"", "service.type=NodePort,service.port=8080"},
		{"", "cmd.timeout=90m,cmd.maxTasks=5,cmd.namespaceRegexp=^test$,logLevel=debug,env[0].name=A,env[0].value=b"},
		{"", "volumes[0].name=x,volumes[0].emptyDir.medium=Memory,volumeMounts[0].name=x,volumeMounts[0].mountPath=/x"},
		{"", "nodeSelector.a=b,tolerations[0].operator=Exists,podLabels.a=b,podPriorityClassName=system-cluster-critical,resources=null"},
		{"", "nameOverride=other", "fullnameOverride=a-name-that-is-as-long-as-names-may-be-and-then-some-more-of-it"},
	}
}

// Whatever two things are set together, the API server takes the objects, and the binary its command line.
func TestLoadTesterInCombination(t *testing.T) {
	c, loadtester := cluster(t), manifest.Program(t, "loadtester")
	namespace := testkit.NewNamespace(t, c)
	for i, values := range pairwise(testerChoices()) {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Log(values)
			objects := render(t, tester(namespace, values...))
			dryRun(t, c, objects)
			for _, deployment := range ofKind(objects, "Deployment") {
				parse := exec.Command(loadtester, append(command(t, deployment), "-version")...)
				if output, err := parse.CombinedOutput(); err != nil {
					t.Errorf("the load tester refuses its command line: %v: %s", err, output)
				}
			}
		})
	}
}

func TestLoadTesterMeetsTheRestrictedStandard(t *testing.T) {
	c := cluster(t)
	namespace := restrictedNamespace(t, c)
	deployment := manifest.One(t, render(t, tester(namespace)), "Deployment", "flagger-loadtester")
	dryRun(t, c, []*unstructured.Unstructured{podOf(t, deployment)})
	context, _ := container(t, deployment)["securityContext"].(map[string]any)
	if context["readOnlyRootFilesystem"] != true {
		t.Error("the load tester can write to its root")
	}
}

func TestTwoLoadTestersInOneNamespaceKeepApart(t *testing.T) {
	selectors := map[string]string{}
	for _, name := range []string{"flagger-loadtester", "flagger-helmtester"} {
		r := release{chart: "loadtester", name: name, namespace: "test", values: []string{"podDisruptionBudget.enabled=true"}}
		for _, object := range ofKind(render(t, r), "Service", "PodDisruptionBudget") {
			text, err := object.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), `"selector":`) || !strings.Contains(string(text), `"app.kubernetes.io/instance":"`+name+`"`) {
				t.Errorf("%s selects the pods of other releases: %s", object.GetKind(), text)
			}
			selectors[object.GetKind()+" "+object.GetName()] = name
		}
	}
	want := map[string]string{
		"Service flagger-loadtester":                        "flagger-loadtester",
		"PodDisruptionBudget flagger-loadtester":            "flagger-loadtester",
		"Service flagger-helmtester-loadtester":             "flagger-helmtester",
		"PodDisruptionBudget flagger-helmtester-loadtester": "flagger-helmtester",
	}
	if diff := cmp.Diff(want, selectors); diff != "" {
		t.Errorf("objects by release (-want +got):\n%s", diff)
	}
}

// Rules bind to the account that the pods run with, and to no other.
func TestLoadTesterAccount(t *testing.T) {
	tests := map[string]struct {
		reason  string
		values  []string
		account string
		made    bool
	}{
		"None":  {"Without rights no account is needed.", nil, "default", false},
		"Rules": {"Rules come with an account.", []string{"rbac.create=true"}, "flagger-loadtester", true},
		"Gates": {"Gates in a ConfigMap need rights.", []string{"gates.enabled=true"}, "flagger-loadtester", true},
		"Mine":  {"An account of the user's gets the rules.", []string{"rbac.create=true", "serviceAccountName=mine"}, "mine", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			objects := render(t, tester("test", test.values...))
			deployment := manifest.One(t, objects, "Deployment", "flagger-loadtester")
			got, _, err := unstructured.NestedString(deployment.Object, "spec", "template", "spec", "serviceAccountName")
			if err != nil || got != test.account {
				t.Errorf("pods run as %q (error %v): %s", got, err, test.reason)
			}
			if made := len(ofKind(objects, "ServiceAccount")) > 0; made != test.made {
				t.Errorf("account made: %t: %s", made, test.reason)
			}
			for _, binding := range ofKind(objects, "RoleBinding", "ClusterRoleBinding") {
				subjects := binding.Object["subjects"].([]any)
				if subject := subjects[0].(map[string]any); subject["name"] != test.account {
					t.Errorf("%s binds %v: %s", binding.GetName(), subject, test.reason)
				}
			}
		})
	}
}
