package graphite

import (
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/metricstest"
)

// config returns the settings for a server at address; pairs are the keys and values of the Secret.
func config(address string, pairs ...string) metrics.Config {
	cfg := metrics.Config{Provider: v1beta1.MetricTemplateProvider{Type: "graphite", Address: address}}
	if len(pairs) > 0 {
		cfg.Provider.SecretRef = &corev1.LocalObjectReference{Name: "graphite"}
		cfg.Credentials = map[string][]byte{}
	}
	for i := 0; i < len(pairs); i += 2 {
		cfg.Credentials[pairs[i]] = []byte(pairs[i+1])
	}
	return cfg
}

func provider(t *testing.T, cfg metrics.Config) metrics.Provider {
	t.Helper()
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.(*Provider).CloseIdleConnections)
	return p
}

// serving returns the address of a server with one answer.
func serving(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return server.URL
}

func backend() metricstest.Backend {
	return metricstest.Backend{
		New: func(t *testing.T, address string) metrics.Provider {
			return provider(t, config(address, "username", "me", "password", metricstest.Secret))
		},
		Query: "target=sumSeries(app.http.*)&from=-2min",
		Answers: metricstest.Answers{
			Value:         metricstest.Body(`[{"target": "sumSeries(app.http.*)", "tags": {"name": "sumSeries"}, "datapoints": [[98.0, 1700000000], [99.5, 1700000060]]}]`),
			SeveralSeries: metricstest.Body(`[{"target": "a", "datapoints": [[1, 1700000060]]}, {"target": "b", "datapoints": [[2, 1700000000], [99.5, 1700000060], [null, 1700000120]]}]`),
			Empty:         metricstest.Body(`[]`),
			Null:          metricstest.Body(`[{"target": "a", "datapoints": [[null, 1700000000], [null, 1700000060]]}]`),
			NaN:           metricstest.Body(`[{"target": "a", "datapoints": [["NaN", 1700000000]]}]`),
		},
	}
}

func TestVerdicts(t *testing.T) { metricstest.Run(t, backend()) }

func TestLeaks(t *testing.T) { metricstest.Leaks(t, backend()) }

func TestAnswers(t *testing.T) {
	cases := map[string]struct {
		reason, body string
		want         float64
		verdict      metricstest.Verdict
	}{
		"Quoted":     {"Some versions write numbers as strings.", `[{"datapoints": [["1.5", 1]]}]`, 1.5, metricstest.Value},
		"Infinite":   {"Infinity, which JSON cannot say, is a value that bounds can judge.", `[{"datapoints": [[1e9999, 1]]}]`, math.Inf(1), metricstest.Value},
		"Zero":       {"0 is a value.", `[{"datapoints": [[3, 1], [0, 2]]}]`, 0, metricstest.Value},
		"LastIsNaN":  {"NaN is as little a value as null.", `[{"datapoints": [[3, 1], ["NaN", 2]]}]`, 3, metricstest.Value},
		"LastIsVoid": {"A series without a value does not hide the one before.", `[{"datapoints": [[3, 1]]}, {"datapoints": [[null, 2]]}]`, 3, metricstest.Value},
		"NoPoints":   {"A series may have no points.", `[{"target": "a", "datapoints": []}]`, 0, metricstest.NoData},
		"EmptyPoint": {"A point without a value has none.", `[{"datapoints": [[]]}]`, 0, metricstest.NoData},
		"Nothing":    {"null is no series.", `null`, 0, metricstest.NoData},
		"Text":       {"A word is no value of Graphite's.", `[{"datapoints": [["up", 1]]}]`, 0, metricstest.ProviderError},
		"OtherShape": {"JSON of another API is no answer.", `{"secret": "page"}`, 0, metricstest.ProviderError},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := provider(t, config(serving(t, metricstest.Body(tc.body)))).Query(t.Context(), "target=a")
			if got != tc.want || metricstest.VerdictOn(err) != tc.verdict {
				t.Errorf("%s\nQuery(...): want %v with %s, got %v, %v", tc.reason, tc.want, tc.verdict, got, err)
			}
		})
	}
}

func TestBadQueries(t *testing.T) {
	refusing := serving(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "Invalid target", http.StatusBadRequest) })
	cases := map[string]struct{ reason, query, want string }{
		"Escape":  {"An escape that is none cannot be sent.", "target=%zz", `parse query: invalid URL escape "%zz"`},
		"Refused": {"Graphite says what is wrong with a target.", "target=)", "error response: Invalid target"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := provider(t, config(refusing)).Query(t.Context(), tc.query)
			if metricstest.VerdictOn(err) != metricstest.BadQuery || err.Error() != tc.want {
				t.Errorf("%s\nQuery(...): want %q, got %v", tc.reason, tc.want, err)
			}
		})
	}
}

func TestRequest(t *testing.T) {
	type sent struct {
		Method, Path, User, Password string
		Arguments                    url.Values
	}
	var got sent
	server := serving(t, func(w http.ResponseWriter, r *http.Request) {
		got = sent{Method: r.Method, Path: r.URL.Path, Arguments: r.URL.Query()}
		got.User, got.Password, _ = r.BasicAuth()
		_, _ = w.Write([]byte(`[{"datapoints": [[1, 1]]}]`))
	})
	query := "target=scale(disk.used;dc=a,\n\t 2)&target=b&from=-2min&format=csv"
	if _, err := provider(t, config(server+"/base/", "username", "me\n", "password", "pw")).Query(t.Context(), query); err != nil {
		t.Fatal(err)
	}
	want := sent{
		Method: "GET", Path: "/base/render", User: "me", Password: "pw",
		Arguments: url.Values{"target": {"scale(disk.used;dc=a, 2)", "b"}, "from": {"-2min"}, "format": {"json"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("A query is that of the URL, with tags and single spaces, and answered in JSON: -want +got\n%s", diff)
	}
}

func TestOnline(t *testing.T) {
	cases := map[string]struct {
		reason, body, want string
		status             int
	}{
		"Empty": {reason: "A server that knows no such target is online.", status: 200, body: `[]`},
		"Value": {reason: "It may know one.", status: 200, body: `[{"datapoints": [[1, 1]]}]`},
		"Down":  {reason: "The cause is told.", status: 502, body: "down", want: "running query failed: error response: down"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			address := serving(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.body))
			})
			got := ""
			if err := provider(t, config(address)).Online(t.Context()); err != nil {
				got = err.Error()
			}
			if got != tc.want {
				t.Errorf("%s\nOnline(): want %q, got %q", tc.reason, tc.want, got)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	cases := map[string]struct {
		reason, want string
		cfg          metrics.Config
	}{
		"NoAddress":  {"There is no default.", "graphite address  is not a valid URL", config("")},
		"NoUsername": {"Both halves are needed.", "graphite credentials does not contain a username", config("http://h", "password", "x")},
		"NoPassword": {"Both halves are needed.", "graphite credentials does not contain a password", config("http://h", "username", "x")},
		"Authority":  {"A broken authority would trust nobody.", "graphite credentials hold no certificate in ca.crt", config("http://h", "username", "x", "password", "y", "ca.crt", "z")},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := New(tc.cfg); err == nil || err.Error() != tc.want {
				t.Errorf("%s\nNew(...): want %q, got %v", tc.reason, tc.want, err)
			}
		})
	}
}
