package dynatrace

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/metricstest"
)

func config(address, token string) metrics.Config {
	cfg := metrics.Config{Provider: v1beta1.MetricTemplateProvider{Type: "dynatrace", Address: address}}
	if token != "" {
		cfg.Credentials = map[string][]byte{"dynatrace_token": []byte(token)}
	}
	return cfg
}

// provider returns the provider for a server, at a fixed time.
func provider(t *testing.T, address string) *Provider {
	t.Helper()
	made, err := New(config(address, "dt0c01."+metricstest.Secret+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	p := made.(*Provider)
	t.Cleanup(p.CloseIdleConnections)
	p.now = func() time.Time { return time.Unix(1_700_000_000, 0) }
	return p
}

// result is an answer with these entries of one metric.
func result(data string) http.HandlerFunc {
	return metricstest.Body(`{"totalCount": 1, "nextPageKey": null, "resolution": "Inf", "result": [` +
		`{"metricId": "builtin:service.errors.total.rate", "dataPointCountRatio": 1.0E-5, "data": [` + data + `]}]}`)
}

func entry(values string) string {
	return `{"dimensions": ["SERVICE-1"], "dimensionMap": {"dt.entity.service": "SERVICE-1"}, "timestamps": [1700000000000], "values": ` + values + `}`
}

func backend() metricstest.Backend {
	return metricstest.Backend{
		New:   func(t *testing.T, address string) metrics.Provider { return provider(t, address) },
		Query: `builtin:service.errors.total.rate:filter(eq("dt.entity.service","SERVICE-1")):avg`,
		Answers: metricstest.Answers{
			Value:         result(entry("[99.5]")),
			SeveralSeries: result(entry("[1]") + "," + entry("[99.5, 2]")),
			Empty:         metricstest.Body(`{"totalCount": 0, "nextPageKey": null, "resolution": "Inf", "result": []}`),
			Null:          result(entry("[null]")),
			NaN:           result(entry("[NaN]")),
		},
		Refuse: func(w http.ResponseWriter, _ *http.Request, status int, message string) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"error": {"code": 0, "message": "` + message + `"}}`))
		},
		// JSON has no NaN, so this is no answer of Dynatrace's.
		Differs: map[metricstest.Case]metricstest.Verdict{metricstest.NaN: metricstest.ProviderError},
	}
}

func TestVerdicts(t *testing.T) { metricstest.Run(t, backend()) }

func TestLeaks(t *testing.T) { metricstest.Leaks(t, backend()) }

func TestAnswers(t *testing.T) {
	cases := map[string]struct {
		reason  string
		answer  http.HandlerFunc
		verdict metricstest.Verdict
		text    string
	}{
		"Zero":      {"0 is a value.", result(entry("[0]")), metricstest.Value, ""},
		"NoEntry":   {"A metric may have no data.", result(""), metricstest.NoData, "invalid response: no values found"},
		"NoValue":   {"Data may have no values.", result(entry("[]")), metricstest.NoData, "invalid response: no values found"},
		"LastCount": {"The last entry counts, even if it has no value.", result(entry("[1]") + "," + entry("[null]")), metricstest.NoData, "invalid response: no values found"},
		"Selector": {
			"Dynatrace says what is wrong with a selector.",
			func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, `{"error":{"code":400,"message":"Constraints violated."}}`, http.StatusBadRequest)
			},
			metricstest.BadQuery, `error response: {"error":{"code":400,"message":"Constraints violated."}}`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tc.answer)
			defer server.Close()
			_, err := provider(t, server.URL).Query(t.Context(), "m")
			if metricstest.VerdictOn(err) != tc.verdict || err != nil && err.Error() != tc.text {
				t.Errorf("%s\nQuery(...): want %s, %q, got %v", tc.reason, tc.verdict, tc.text, err)
			}
		})
	}
}

func TestRequest(t *testing.T) {
	type sent struct {
		Path, Authorization string
		Arguments           url.Values
	}
	var got []sent
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, sent{r.URL.Path, r.Header.Get("Authorization"), r.URL.Query()})
		result(entry("[1]"))(w, r)
	}))
	defer server.Close()
	p := provider(t, server.URL+"/e/env")
	_, first := p.Query(t.Context(), "m:avg")
	_, second := p.Over(30*time.Second).Query(t.Context(), "m:avg")
	if err := p.Online(t.Context()); first != nil || second != nil || err != nil {
		t.Fatal(first, second, err)
	}
	const token = "Api-Token dt0c01." + metricstest.Secret
	about := func(from string) url.Values {
		return url.Values{"metricSelector": {"m:avg"}, "resolution": {"Inf"}, "from": {from}, "to": {"1700000000000"}}
	}
	want := []sent{
		{"/e/env/api/v2/metrics/query", token, about("1699999400000")},
		{"/e/env/api/v2/metrics/query", token, about("1699999700000")},
		{"/e/env/api/v2/metrics", token, url.Values{"pageSize": {"1"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("A query is about the last ten intervals: -want +got\n%s", diff)
	}
}

func TestNewRefuses(t *testing.T) {
	cases := map[string]struct {
		reason, want string
		cfg          metrics.Config
	}{
		"NoAddress": {"There is no default.", "dynatrace endpoint is not set", config("", "t")},
		"NoURL":     {"A host alone is no URL.", "dynatrace address abc.live.dynatrace.com is not a valid URL", config("abc.live.dynatrace.com", "t")},
		"NoToken":   {"Nobody may ask without a token.", "dynatrace credentials does not contain dynatrace_token", config("http://h", "")},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := New(tc.cfg); err == nil || err.Error() != tc.want {
				t.Errorf("%s\nNew(...): want %q, got %v", tc.reason, tc.want, err)
			}
		})
	}
}
