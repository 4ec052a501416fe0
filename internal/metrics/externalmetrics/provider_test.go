package externalmetrics

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/metricstest"
)

// own is the way to a cluster that nobody should be asked in.
var own = &rest.Config{Host: "http://127.0.0.1:1", BearerToken: "operator"}

func provider(t *testing.T, own *rest.Config, cfg metrics.Config) *Provider {
	t.Helper()
	p, err := NewFactory(own)(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.(*Provider).CloseIdleConnections)
	return p.(*Provider)
}

// at returns the settings of an adapter at address, with a token unless it is empty.
func at(address, token string) metrics.Config {
	cfg := metrics.Config{Provider: v1beta1.MetricTemplateProvider{Type: "externalmetrics", Address: address}}
	if token != "" {
		cfg.Credentials = map[string][]byte{"token": []byte(token)}
	}
	return cfg
}

// values is the list of an adapter.
func values(quantities ...string) http.HandlerFunc {
	items := []map[string]any{}
	for _, quantity := range quantities {
		items = append(items, map[string]any{
			"metricName": "queue", "metricLabels": map[string]string{"app": "podinfo"},
			"timestamp": "2023-11-14T22:13:20Z", "value": json.RawMessage(quantity),
		})
	}
	list, err := json.Marshal(map[string]any{
		"kind": "ExternalMetricValueList", "apiVersion": "external.metrics.k8s.io/v1beta1", "metadata": map[string]any{}, "items": items,
	})
	if err != nil {
		panic(err)
	}
	return metricstest.Body(string(list))
}

// refuse answers as API servers do.
func refuse(w http.ResponseWriter, _ *http.Request, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(metav1.Status{Status: metav1.StatusFailure, Message: message, Code: int32(status)}) //nolint:gosec // a status fits
}

func backend() metricstest.Backend {
	return metricstest.Backend{
		New: func(t *testing.T, address string) metrics.Provider {
			return provider(t, own, at(address, metricstest.Secret))
		},
		Query: "apps/queue?labelSelector=app%3Dpodinfo",
		Answers: metricstest.Answers{
			Value:         values(`"99500m"`),
			SeveralSeries: values(`"99500m"`, `"1"`),
			Empty:         values(),
			Null:          values(`null`),
			NaN:           values(`"NaN"`),
		},
		Refuse: refuse,
		// A quantity is a number, so this is no answer of an adapter's.
		Differs: map[metricstest.Case]metricstest.Verdict{metricstest.NaN: metricstest.ProviderError},
	}
}

func TestVerdicts(t *testing.T) { metricstest.Run(t, backend()) }

func TestLeaks(t *testing.T) { metricstest.Leaks(t, backend()) }

func TestAnswers(t *testing.T) {
	refusing := func(status int, message string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { refuse(w, r, status, message) }
	}
	cases := map[string]struct {
		reason  string
		answer  http.HandlerFunc
		verdict metricstest.Verdict
		text    string
	}{
		"None":     {"The contract's words.", values(), metricstest.NoData, "no external metrics found: no values found"},
		"Unknown":  {"The message of a Status is enough.", refusing(404, "no such metric"), metricstest.ProviderError, "error querying external metrics API: no such metric"},
		"Selector": {"A selector that is none is the query's fault.", refusing(400, "unable to parse"), metricstest.BadQuery, "error querying external metrics API: unable to parse"},
		"NotANumber": {
			"What is no quantity is no answer.", values(`"NaN"`), metricstest.ProviderError,
			"error querying external metrics API: error unmarshaling result: not the shape of an answer",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tc.answer)
			defer server.Close()
			_, err := provider(t, own, at(server.URL, "")).Query(t.Context(), "m")
			if metricstest.VerdictOn(err) != tc.verdict || err.Error() != tc.text {
				t.Errorf("%s\nQuery(...): want %s, %q, got %v", tc.reason, tc.verdict, tc.text, err)
			}
		})
	}
}

func TestQueries(t *testing.T) {
	const tooMany = "error parsing metric query: malformed query string, too many slashes, " +
		"expected <namespace>/<metricName>?labelSelector=<urlencoded label selectors>, got a/b/c"
	cases := map[string]struct{ reason, query, want, err string }{
		"Bare":      {"A bare name is in the default namespace.", "queue", "/default/queue", ""},
		"Slash":     {"So is one after a bare slash.", "/queue", "/default/queue", ""},
		"Namespace": {"A query may name a namespace.", " apps/queue\n", "/apps/queue", ""},
		"Selector":  {"A selector is decoded once.", "apps/queue?labelSelector=app%3Da%2Ctier%3Db", "/apps/queue?labelSelector=app%3Da%2Ctier%3Db", ""},
		"OddName":   {"A name stays one segment of the path.", "apps/s0-a b%", "/apps/s0-a%20b%25", ""},
		"TooMany":   {"A path is not a metric.", "a/b/c", "", tooMany},
		"NoName":    {"Nothing is asked for.", "apps/?labelSelector=a", "", "error parsing metric query: metric name cannot be empty"},
		"BadEscape": {"A selector that cannot be decoded is no selector.", "a?labelSelector=%zz", "", `error parsing metric query: invalid URL escape "%zz"`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := ""
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = r.URL.String()
				values(`"1"`)(w, r)
			}))
			defer server.Close()
			_, err := provider(t, own, at(server.URL, "")).Query(t.Context(), tc.query)
			if text := fmt.Sprint(err); tc.err != "" && (text != tc.err || metricstest.VerdictOn(err) != metricstest.BadQuery) {
				t.Errorf("%s\nQuery(...): want a bad query, %q, got %q", tc.reason, tc.err, text)
			}
			if tc.want != "" && got != "/apis/external.metrics.k8s.io/v1beta1/namespaces"+tc.want {
				t.Errorf("%s\nrequest: want %s, got %s", tc.reason, tc.want, got)
			}
		})
	}
}

func TestWithin(t *testing.T) {
	server := httptest.NewServer(values(`"1"`))
	defer server.Close()
	p := provider(t, own, at(server.URL, "")).Within("apps")
	if _, err := p.Query(t.Context(), "apps/queue"); err != nil {
		t.Errorf("A namespace may ask for its own metrics: %v", err)
	}
	for query, want := range map[string]string{
		"other/queue": "can't access metric other/queue, cross-namespace references are blocked",
		"queue":       "can't access metric default/queue, cross-namespace references are blocked",
	} {
		if _, err := p.Query(t.Context(), query); metricstest.VerdictOn(err) != metricstest.BadQuery || err.Error() != want {
			t.Errorf("A namespace may not ask for another's metrics: want %q, got %v", want, err)
		}
	}
}

func TestOnline(t *testing.T) {
	cases := map[string]struct {
		reason, want string
		answer       http.HandlerFunc
	}{
		"Unknown":   {"An adapter that knows no such metric is online.", "", func(w http.ResponseWriter, r *http.Request) { refuse(w, r, 404, "no dummy-metric") }},
		"Empty":     {"So is one that has no values.", "", values()},
		"NoAdapter": {"Without an adapter the path is unknown to the API server.", "external metrics service unavailable: error response: 404 page not found", http.NotFound},
		"Down":      {"The cause is told.", "external metrics service unavailable: no endpoints", func(w http.ResponseWriter, r *http.Request) { refuse(w, r, 503, "no endpoints") }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tc.answer)
			defer server.Close()
			got := ""
			if err := provider(t, own, at(server.URL, "")).Online(t.Context()); err != nil {
				got = err.Error()
			}
			if got != tc.want {
				t.Errorf("%s\nOnline(): want %q, got %q", tc.reason, tc.want, got)
			}
		})
	}
}

func TestWhoIsAsked(t *testing.T) {
	type sent struct{ Server, Authorization string }
	var got sent
	server := func(name string) *httptest.Server {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got = sent{name, r.Header.Get("Authorization")}
			values(`"1"`)(w, r)
		}))
		s.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are the point
		s.StartTLS()
		t.Cleanup(s.Close)
		return s
	}
	cluster, adapter := server("cluster"), server("adapter")
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cluster.Certificate().Raw})
	tokenFile := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(tokenFile, []byte("operator"), 0o600); err != nil {
		t.Fatal(err)
	}
	inCluster := &rest.Config{
		Host: cluster.URL, BearerToken: "operator", BearerTokenFile: tokenFile,
		TLSClientConfig: rest.TLSClientConfig{CAData: authority},
	}
	unverified := func(cfg metrics.Config) metrics.Config {
		cfg.Provider.InsecureSkipVerify = true
		return cfg
	}

	cases := map[string]struct {
		reason string
		cfg    metrics.Config
		want   sent
	}{
		"Own":           {"The operator asks its own API server by its own right.", at("", ""), sent{"cluster", "Bearer operator"}},
		"OwnToken":      {"The Secret's token replaces the operator's.", at("", "tenant\n"), sent{"cluster", "Bearer tenant"}},
		"OwnUnverified": {"The cluster's authority is no obstacle to verifying nothing.", unverified(at("", "tenant")), sent{"cluster", "Bearer tenant"}},
		"Address":       {"An address never gets the operator's credentials.", unverified(at(adapter.URL, "")), sent{"adapter", ""}},
		"AddressToken":  {"It gets the Secret's.", unverified(at(adapter.URL, "tenant")), sent{"adapter", "Bearer tenant"}},
		"SameAddress":   {"Not even the operator's own API server gets them through an address.", unverified(at(cluster.URL, "")), sent{"cluster", ""}},
		"Unknown":       {"The cluster's authority says nothing about other servers.", at(adapter.URL, ""), sent{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got = sent{}
			_, err := provider(t, inCluster, tc.cfg).Query(t.Context(), "m")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s -want +got\n%s\n%v", tc.reason, diff, err)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	cases := map[string]struct {
		reason, want string
		own          *rest.Config
		cfg          metrics.Config
	}{
		"NoURL":  {"A host alone is no URL.", "externalmetrics address adapter is not a valid URL", own, at("adapter", "")},
		"NoHost": {"An operator without a cluster has nobody to ask.", "find the API server: host must be a URL or a host:port pair: \"http://\"", &rest.Config{Host: "http://"}, at("", "")},
		"NoCA":   {"The operator's own settings may be wrong.", "connect to the API server: open missing.crt: no such file or directory", &rest.Config{Host: "https://h", TLSClientConfig: rest.TLSClientConfig{CAFile: "missing.crt"}}, at("", "")},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := NewFactory(tc.own)(tc.cfg); err == nil || err.Error() != tc.want {
				t.Errorf("%s\nNewFactory(...): want %q, got %v", tc.reason, tc.want, err)
			}
		})
	}
}
