package charts

import (
	"encoding/json"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	_ "sigs.k8s.io/controller-runtime/pkg/controller" // registers metrics of its own
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/test/config/manifest"
)

// dashboards is Grafana's chart with these values.
func dashboards(namespace string, values ...string) release {
	return release{chart: "grafana", name: "flagger-grafana", namespace: namespace, values: values}
}

// dashboardFiles is the data of the ConfigMap of dashboards, which other tests look into.
var dashboardFiles = regexp.MustCompile(`(?s)\ndata:\n  appmesh\.json: .*?\n---\n`)

func TestGrafanaGolden(t *testing.T) {
	for name, r := range map[string]release{
		"default": dashboards("monitoring"),
		"closed":  dashboards("monitoring", "password=hidden", "user=boss", "token=hidden", "url=https://prometheus.example.com"),
	} {
		t.Run(name, func(t *testing.T) {
			text, err := helm(t, r.arguments("template")...)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "grafana-"+name+".golden", dashboardFiles.ReplaceAllString(text, "\ndata: [cut]\n---\n"))
		})
	}
}

// Whatever two things are set together, the API server takes the objects.
func TestGrafanaInCombination(t *testing.T) {
	c := cluster(t)
	namespace := testkit.NewNamespace(t, c)
	choices := []choice{
		{"", "password=hidden", "password=hidden,user=boss"},
		{"", "token=hidden,url=https://prometheus.example.com"},
		{"", "service.type=NodePort", "service.type=LoadBalancer,service.port=8080"},
		{"", "nameOverride=other", "fullnameOverride=a-name-that-is-as-long-as-names-may-be-and-then-some-more-of-it"},
		{"", "replicaCount=0,image.tag=7.3.4,image.repository=grafana/grafana,image.pullPolicy=Always"},
		{"", "podAnnotations.a=b,nodeSelector.a=b,tolerations[0].operator=Exists,resources=null"},
	}
	for i, values := range pairwise(choices) {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Log(values)
			dryRun(t, c, render(t, dashboards(namespace, values...)))
		})
	}
}

func TestGrafanaMeetsTheRestrictedStandard(t *testing.T) {
	c := cluster(t)
	namespace := restrictedNamespace(t, c)
	dryRun(t, c, []*unstructured.Unstructured{podOf(t, manifest.One(t, render(t, dashboards(namespace)), "Deployment", "flagger-grafana"))})
}

func TestGrafanaAccess(t *testing.T) {
	tests := map[string]struct {
		reason string
		values []string
		want   map[string]string // of the environment, "secret" for what comes from the Secret
	}{
		"Open": {"Whoever reaches it may look, and nobody can log in with the password that all Grafanas have.", nil,
			map[string]string{"GF_AUTH_ANONYMOUS_ENABLED": "true", "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer", "GF_AUTH_BASIC_ENABLED": "false",
				"GF_AUTH_DISABLE_LOGIN": "true", "GF_AUTH_DISABLE_LOGIN_FORM": "true"}},
		"Closed": {"A password shuts the door.", []string{"password=hidden", "user=boss"},
			map[string]string{"GF_SECURITY_ADMIN_USER": "boss", "GF_SECURITY_ADMIN_PASSWORD": "secret"}},
		"Token": {"The token of the data source is a secret too.", []string{"password=hidden", "token=hidden"},
			map[string]string{"GF_SECURITY_ADMIN_USER": "admin", "GF_SECURITY_ADMIN_PASSWORD": "secret", "PROMETHEUS_TOKEN": "secret"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			objects := render(t, dashboards("test", test.values...))
			got := map[string]string{}
			for _, entry := range container(t, manifest.One(t, objects, "Deployment", "flagger-grafana"))["env"].([]any) {
				variable := entry.(map[string]any)
				value, plain := variable["value"].(string)
				if !plain {
					value = "secret"
				}
				if name := variable["name"].(string); !strings.HasPrefix(name, "GF_ANALYTICS") && name != "GF_PATHS_PROVISIONING" {
					got[name] = value
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
			for _, object := range objects {
				if text, err := object.MarshalJSON(); err != nil || strings.Contains(string(text), "hidden") {
					t.Errorf("%s shows a secret: %s (error %v)", object.GetKind(), text, err)
				}
			}
		})
	}
}

// dashboard is what tests look at.
type dashboard struct {
	Title, UID, Refresh string
	SchemaVersion       int
	Time                struct{ From string }
	Templating          struct {
		List []struct {
			Name  string
			Query struct{ Query string }
		}
	}
	Panels []struct {
		Type, Title string
		Targets     []struct {
			Expr       string
			Datasource struct{ UID string }
		}
	}
}

// dashboardsOf returns the dashboards of the chart by the name of their file.
func dashboardsOf(t *testing.T) map[string]dashboard {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder("grafana"), "dashboards", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("found no dashboards: %v", err)
	}
	all := map[string]dashboard{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var d dashboard
		if err := json.Unmarshal(content, &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[filepath.Base(file)] = d
	}
	return all
}

// label_values is how Grafana asks for the values of a label.
var labelValues = regexp.MustCompile(`^label_values\((.*), \w+\)$`)

// queries returns all queries of a dashboard, with a value for each of its variables.
func (d dashboard) queries() []string {
	values := []string{"$__rate_interval", "1m"}
	var queries []string
	for _, variable := range d.Templating.List {
		values = append(values, "$"+variable.Name, "x")
		queries = append(queries, labelValues.ReplaceAllString(variable.Query.Query, "$1"))
	}
	for _, panel := range d.Panels {
		for _, target := range panel.Targets {
			queries = append(queries, target.Expr)
		}
	}
	for i, query := range queries {
		queries[i] = strings.NewReplacer(values...).Replace(query)
	}
	return queries
}

// Links to the dashboards name them so.
func TestDashboardsAreThoseThatUsersKnow(t *testing.T) {
	type face struct {
		Title, UID string
		Variables  []string
	}
	want := map[string]face{
		"istio.json":    {"Istio Canary", "flagger-istio", []string{"namespace", "primary", "canary"}},
		"appmesh.json":  {"AppMesh Canary", "flagger-appmesh", []string{"namespace", "primary", "canary"}},
		"envoy.json":    {"Envoy Canary", "flagger-envoy", []string{"namespace", "target"}},
		"rollouts.json": {"Flagger: rollouts", "flagger-rollouts", []string{"namespace", "target"}},
	}
	got := map[string]face{}
	for name, d := range dashboardsOf(t) {
		f := face{Title: d.Title, UID: d.UID}
		for _, variable := range d.Templating.List {
			f.Variables = append(f.Variables, variable.Name)
		}
		got[name] = f
		if d.Refresh != "10s" || d.Time.From != "now-5m" {
			t.Errorf("%s refreshes every %s and shows %s", name, d.Refresh, d.Time.From)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Kinds of panels that Grafana draws today; those of Angular are gone from it.
func TestDashboardsAreCurrent(t *testing.T) {
	kinds := []string{"row", "stat", "state-timeline", "table", "timeseries"}
	for name, d := range dashboardsOf(t) {
		if d.SchemaVersion < 41 {
			t.Errorf("%s has schema version %d", name, d.SchemaVersion)
		}
		for _, panel := range d.Panels {
			if !slices.Contains(kinds, panel.Type) || panel.Type != "row" && len(panel.Targets) == 0 {
				t.Errorf("%s, %s: type %s, %d queries", name, panel.Title, panel.Type, len(panel.Targets))
			}
			for _, target := range panel.Targets {
				if target.Datasource.UID != "prometheus" { // the one that the chart provides
					t.Errorf("%s, %s asks %q", name, panel.Title, target.Datasource.UID)
				}
			}
		}
	}
}

func TestPrometheusReadsTheQueriesOfDashboards(t *testing.T) {
	address := testkit.StartPrometheus(t)
	for name, d := range dashboardsOf(t) {
		for _, query := range d.queries() {
			var answer struct{ Status, Error string }
			ask(t, address+"/api/v1/format_query?query="+url.QueryEscape(query), &answer)
			if answer.Status != "success" {
				t.Errorf("%s: %s: %s", name, query, answer.Error)
			}
		}
	}
}

// ownMetric is the name of a metric that the operator exports; buckets and the like belong to their histogram.
var ownMetric = regexp.MustCompile(`\b((?:flagger|controller_runtime|workqueue|rest_client)_\w+?)(?:_bucket|_sum|_count)?\b`)

func TestDashboardsAndAlertsAskForWhatIsThere(t *testing.T) {
	exported, asked := exportedMetrics(t), map[string]bool{}
	queries := []string{}
	for _, d := range dashboardsOf(t) {
		queries = append(queries, d.queries()...)
	}
	for _, rule := range rules(t) {
		queries = append(queries, rule.Expr)
	}
	for _, query := range queries {
		for _, match := range ownMetric.FindAllStringSubmatch(query, -1) {
			asked[match[1]] = true
		}
	}
	for _, metric := range slices.Sorted(maps.Keys(asked)) {
		if !exported[metric] {
			t.Errorf("%s is asked for, but not exported", metric)
		}
	}
	for metric := range exported {
		if strings.HasPrefix(metric, "flagger_") && !asked[metric] {
			t.Errorf("nobody looks at %s", metric)
		}
	}
}

// exportedMetrics are the operator's own, as its telemetry's golden has them, and those that the controllers register.
func exportedMetrics(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	exposition, err := os.ReadFile(filepath.Join(testkit.Root(), "internal", "telemetry", "testdata", "exposition.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(exposition)) {
		if fields := strings.Fields(line); fields[1] == "TYPE" {
			names[fields[2]] = true
		}
	}
	descriptions := make(chan *prometheus.Desc)
	go func() {
		metrics.Registry.(prometheus.Collector).Describe(descriptions)
		close(descriptions)
	}()
	registered := regexp.MustCompile(`fqName: "(\w+)"`)
	for description := range descriptions {
		names[registered.FindStringSubmatch(description.String())[1]] = true
	}
	return names
}
