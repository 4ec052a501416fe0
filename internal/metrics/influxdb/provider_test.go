package influxdb

import (
	"compress/gzip"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/metricstest"
)

// config returns the settings for a server at address; pairs are the keys and values of the Secret.
func config(address string, pairs ...string) metrics.Config {
	cfg := metrics.Config{Provider: v1beta1.MetricTemplateProvider{Type: "influxdb", Address: address}}
	if len(pairs) > 0 {
		cfg.Provider.SecretRef = &corev1.LocalObjectReference{Name: "influxdb"}
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

// table is annotated CSV, as InfluxDB 2 sends it: one table for each value, which is of the Flux type kind.
func table(kind string, values ...string) string {
	var csv strings.Builder
	for _, value := range values {
		csv.WriteString("#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339," + kind + ",string\r\n" +
			"#group,false,false,true,true,false,true\r\n" +
			"#default,_result,,,,,\r\n" +
			",result,table,_start,_stop,_value,_measurement\r\n" +
			",,0,2023-11-14T22:11:20Z,2023-11-14T22:13:20Z," + value + ",http\r\n\r\n")
	}
	return csv.String()
}

// failure is how InfluxDB reports what goes wrong once it has begun to answer.
const failure = "#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n,internal page,897\r\n"

func csv(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		_, _ = w.Write([]byte(body))
	}
}

func backend() metricstest.Backend {
	return metricstest.Backend{
		New: func(t *testing.T, address string) metrics.Provider {
			return provider(t, config(address, "token", metricstest.Secret+"==", "org", "acme"))
		},
		Query: `from(bucket: "app") |> range(start: -2m) |> mean()`,
		Answers: metricstest.Answers{
			Value:         csv(table("double", "99.5")),
			SeveralSeries: csv(table("double", "99.5", "1")),
			Empty:         csv("\r\n"),
			Null:          csv(table("double", "")),
			NaN:           csv(table("double", "NaN")),
		},
		Refuse: func(w http.ResponseWriter, _ *http.Request, status int, message string) {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(map[string]string{"code": "refused", "message": message})
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
		text         string
	}{
		"Count":      {"The integer of a count() is a value.", table("long", "7"), 7, metricstest.Value, ""},
		"Unsigned":   {"So is one without a sign.", table("unsignedLong", "8"), 8, metricstest.Value, ""},
		"Zero":       {"0 is a value.", table("long", "0"), 0, metricstest.Value, ""},
		"NoRow":      {"A table may have no rows.", strings.Join(strings.SplitAfter(table("double", "1"), "\r\n")[:4], ""), 0, metricstest.NoData, "no values found"},
		"Nothing":    {"An answer may be empty.", "", 0, metricstest.NoData, "no values found"},
		"Bool":       {"true is no number.", table("boolean", "true"), 0, metricstest.BadQuery, "invalid response: _value is no number but a bool"},
		"NoValue":    {"A query may drop its value.", strings.ReplaceAll(table("double", "1"), "_value", "p99"), 0, metricstest.BadQuery, "invalid response: the record has no _value"},
		"Failure":    {"An error in the midst of an answer is not 0.", failure, 0, metricstest.ProviderError, "error unmarshaling result: no annotated CSV, or it holds an error"},
		"BadNumber":  {"What the library cannot read is not quoted.", table("double", "internal page"), 0, metricstest.ProviderError, "error unmarshaling result: no annotated CSV, or it holds an error"},
		"OtherCSV":   {"CSV of another API is no answer.", "a,b\r\n1,2\r\n", 0, metricstest.ProviderError, "error unmarshaling result: no annotated CSV, or it holds an error"},
		"LogInPage":  {"A page of somebody else's is no empty answer.", "<html>internal page</html>", 0, metricstest.ProviderError, "error unmarshaling result: no annotated CSV"},
		"AfterValue": {"Only the first record counts, and what follows it is not looked at.", table("double", "3") + failure, 3, metricstest.Value, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := provider(t, config(serving(t, csv(tc.body)))).Query(t.Context(), "q")
			if got != tc.want || metricstest.VerdictOn(err) != tc.verdict {
				t.Errorf("%s\nQuery(...): want %v with %s, got %v, %v", tc.reason, tc.want, tc.verdict, got, err)
			}
			if err != nil && err.Error() != tc.text {
				t.Errorf("%s\nQuery(...): want %q, got %q", tc.reason, tc.text, err)
			}
		})
	}
}

func TestBadQuery(t *testing.T) {
	refusing := serving(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"code":"invalid","message":"compilation failed: error at @1:1"}`, http.StatusBadRequest)
	})
	_, err := provider(t, config(refusing)).Query(t.Context(), "=")
	const want = `error response: {"code":"invalid","message":"compilation failed: error at @1:1"}`
	if metricstest.VerdictOn(err) != metricstest.BadQuery || err.Error() != want {
		t.Errorf("InfluxDB says what is wrong with a script: want %q, got %v", want, err)
	}
}

func TestRequest(t *testing.T) {
	type sent struct {
		Method, Path, Org, Authorization, Type, Query string
	}
	var got sent
	server := serving(t, func(w http.ResponseWriter, r *http.Request) {
		got = sent{Method: r.Method, Path: r.URL.Path, Org: r.URL.Query().Get("org"), Authorization: r.Header.Get("Authorization")}
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Encoding", "gzip")
		packed := gzip.NewWriter(w)
		_, _ = packed.Write([]byte(table("double", "1")))
		_ = packed.Close()
	})
	cases := map[string]struct {
		reason string
		cfg    metrics.Config
		want   sent
	}{
		"Secret": {
			"The Secret says who asks.", config(server+"/base", "token", "abc==\n", "org", "acme & co"),
			sent{"POST", "/base/api/v2/query", "acme & co", "Token abc==", "flux", "from()"},
		},
		"NoSecret": {
			"A server may ask for nothing.", config(server + "/"),
			sent{"POST", "/api/v2/query", "", "", "flux", "from()"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			value, err := provider(t, tc.cfg).Query(t.Context(), "from()")
			if value != 1 || err != nil {
				t.Errorf("A compressed answer is unpacked: got %v, %v", value, err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s -want +got\n%s", tc.reason, diff)
			}
		})
	}
}

func TestOnline(t *testing.T) {
	names := strings.ReplaceAll(table("string", "app"), "_value", "name")
	cases := map[string]struct {
		reason, want string
		answer       http.HandlerFunc
	}{
		"Buckets":   {"A list of buckets is an answer, though it has no value.", "", csv(names)},
		"NoBuckets": {"The token may see no bucket.", "", csv("\r\n")},
		"Down":      {"The cause is told.", "running query failed: error response: down", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "down", http.StatusBadGateway) }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := ""
			if err := provider(t, config(serving(t, tc.answer))).Online(t.Context()); err != nil {
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
		"NoAddress": {"There is no default.", "influxdb address  is not a valid URL", config("")},
		"NoToken":   {"Both are needed.", "influxdb credentials does not contain an authentication token", config("http://h", "org", "x")},
		"NoOrg":     {"Both are needed.", "influxdb credentials does not contain an organisation", config("http://h", "token", "x")},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := New(tc.cfg); err == nil || err.Error() != tc.want {
				t.Errorf("%s\nNew(...): want %q, got %v", tc.reason, tc.want, err)
			}
		})
	}
}
