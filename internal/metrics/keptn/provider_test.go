package keptn

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"

	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/metricstest"
)

func provider(t *testing.T, address string) *Provider {
	t.Helper()
	// A dialer makes the connections the provider's own, as TLS does in a cluster.
	own := &rest.Config{Host: address, QPS: -1, Dial: (&net.Dialer{}).DialContext}
	p, err := NewFactory(own)(metrics.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.(*Provider).CloseIdleConnections)
	return p.(*Provider)
}

// withStatus is a KeptnMetric with this status.
func withStatus(status string) http.HandlerFunc {
	return metricstest.Body(`{"apiVersion": "metrics.keptn.sh/v1beta1", "kind": "KeptnMetric",
		"metadata": {"name": "available-cpus", "namespace": "podtato"},
		"spec": {"provider": {"name": "prom"}, "query": "up", "fetchIntervalSeconds": 10}, "status": ` + status + `}`)
}

func backend() metricstest.Backend {
	return metricstest.Backend{
		New:   func(t *testing.T, address string) metrics.Provider { return provider(t, address) },
		Query: "keptnmetric/podtato/available-cpus",
		Answers: metricstest.Answers{
			Value: withStatus(`{"value": "99.5", "rawValue": "OTkuNQ==", "lastUpdated": "2023-11-14T22:13:20Z"}`),
			SeveralSeries: withStatus(`{"value": "99.5", "intervalResults": [
				{"value": "1", "range": {"interval": "5m"}}, {"value": "2", "range": {"interval": "5m"}}]}`),
			Empty: withStatus(`{}`),
			Null:  withStatus(`{"value": ""}`),
			NaN:   withStatus(`{"value": "NaN"}`),
		},
	}
}

func TestVerdicts(t *testing.T) { metricstest.Run(t, backend()) }

func TestLeaks(t *testing.T) { metricstest.Leaks(t, backend()) }

func TestMetrics(t *testing.T) {
	refusing := func(code, reason string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(map[string]int{"404": 404, "422": 422}[code])
			_, _ = w.Write([]byte(`{"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "the object is ` + reason + `", "code": ` + code + `}`))
		}
	}
	const of = "get KeptnMetric podtato/cpus: "
	cases := map[string]struct {
		reason  string
		answer  http.HandlerFunc
		verdict metricstest.Verdict
		text    string
	}{
		"NoStatus": {"A metric that was just made has no status.", withStatus("null"), metricstest.NoData, "no values found"},
		"Failed":   {"That Keptn cannot ask tells nothing about the canary.", withStatus(`{"errMsg": "dial\ntcp: refused"}`), metricstest.ProviderError, "keptn has no value: dial tcp: refused"},
		"Stale":    {"A value counts, whatever failed later.", withStatus(`{"value": "3", "errMsg": "refused"}`), metricstest.Value, ""},
		"Word":     {"A value that is no number is not the canary's to mend.", withStatus(`{"value": "up"}`), metricstest.BadQuery, "status.value is not a number"},
		"Number":   {"Keptn's values are strings.", withStatus(`{"value": 3}`), metricstest.ProviderError, "status.value is not a string"},
		"Missing":  {"Keptn may not be installed.", refusing("404", "missing"), metricstest.ProviderError, of + "the object is missing"},
		"Invalid":  {"The API server says what is wrong with a name.", refusing("422", "invalid"), metricstest.BadQuery, of + "the object is invalid"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tc.answer)
			defer server.Close()
			_, err := provider(t, server.URL).Query(t.Context(), "keptnmetric/podtato/cpus")
			if metricstest.VerdictOn(err) != tc.verdict || err != nil && err.Error() != tc.text {
				t.Errorf("%s\nQuery(...): want %s, %q, got %v", tc.reason, tc.verdict, tc.text, err)
			}
		})
	}
}

func TestParse(t *testing.T) {
	metric := request{kind: metricKind, namespace: "ns", name: "cpus", duration: "1m"}
	analysis := request{kind: analysisKind, namespace: "ns", name: "slo", duration: "5m"}
	withArguments := analysis
	withArguments.arguments = map[string]any{"project": "My=Project", "path": "/a/B"}

	cases := map[string]struct {
		reason, query string
		want          request
		err           string
	}{
		"Metric":    {"The short form.", "keptnmetric/ns/cpus", metric, ""},
		"Plural":    {"Plurals, capitals and space around are accepted.", " KeptnMetrics/NS/Cpus\n", metric, ""},
		"Analysis":  {"An analysis may say how far it looks back.", "analyses/ns/slo/5M", analysis, ""},
		"Arguments": {"Values keep their case, slashes and equals signs.", "analysis/ns/slo/5m/project=My=Project; path=/a/B;", withArguments, ""},
		"TooShort":  {"A name is needed.", "keptnmetric/ns", request{}, errFormat.Error()},
		"NoName":    {"An empty name is none.", "keptnmetric/ns/", request{}, errFormat.Error()},
		"Kind":      {"There are two kinds.", "pods/ns/cpus", request{}, errKind.Error()},
		"Duration":  {"A duration is needed, not a word.", "analysis/ns/slo/soon", request{}, `parse query: time: invalid duration "soon"`},
		"Argument":  {"An argument is a name and a value.", "analysis/ns/slo/5m/project", request{}, errFormat.Error()},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := parse(tc.query)
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(request{})); err == nil && diff != "" {
				t.Errorf("%s\nparse(%q): -want +got\n%s", tc.reason, tc.query, diff)
			}
			if err != nil && err.Error() != tc.err || err == nil && tc.err != "" {
				t.Errorf("%s\nparse(%q): want error %q, got %v", tc.reason, tc.query, tc.err, err)
			}
		})
	}
}

func TestBadQueries(t *testing.T) {
	server := httptest.NewServer(backend().Answers.Value)
	defer server.Close()
	p := provider(t, server.URL)
	if err := p.Online(t.Context()); err != nil {
		t.Errorf("There is nobody to ask but the API server: %v", err)
	}
	if _, err := p.Query(t.Context(), "pods/ns/a"); metricstest.VerdictOn(err) != metricstest.BadQuery {
		t.Errorf("A query that names nothing is the query's fault, got %v", err)
	}
	if _, err := p.Within("podtato").Query(t.Context(), backend().Query); err != nil {
		t.Errorf("A namespace may ask for its own metrics: %v", err)
	}
	_, err := p.Within("apps").Query(t.Context(), "analysis/podtato/slo")
	const want = "can't access Analysis podtato/slo, cross-namespace references are blocked"
	if metricstest.VerdictOn(err) != metricstest.BadQuery || err.Error() != want {
		t.Errorf("A namespace may not run another's analyses: want %q, got %v", want, err)
	}
}
