package datadog

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/metricstest"
)

// noon is the time of every query.
var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// config returns the settings for a server with these pairs of key and value as its Secret.
func config(address string, pairs ...string) metrics.Config {
	cfg := metrics.Config{Credentials: map[string][]byte{}}
	cfg.Provider.Type, cfg.Provider.Address = "datadog", address
	for i := 0; i < len(pairs); i += 2 {
		cfg.Credentials[pairs[i]] = []byte(pairs[i+1])
	}
	return cfg
}

func create(cfg metrics.Config) (metrics.Provider, error) {
	return New(func() time.Time { return noon })(cfg)
}

func provider(t *testing.T, address string) metrics.Provider {
	t.Helper()
	p, err := create(config(address, keyAPI, metricstest.Secret, keyApplication, "app-"+metricstest.Secret+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.(*Provider).CloseIdleConnections)
	return p
}

// series is an answer of the query API with these series.
func series(list string) http.HandlerFunc {
	return metricstest.Body(`{"status":"ok","resp_version":1,"res_type":"time_series","from_date":1767354600000,` +
		`"to_date":1767355200000,"query":"avg:x{*}","message":"","group_by":[],"values":[],"times":[],"series":[` + list + `]}`)
}

// points is one series with these points.
func points(list string) string {
	return `{"unit":null,"query_index":0,"aggr":null,"metric":"x","tag_set":[],"expression":"avg:x{*}","scope":"*",` +
		`"interval":60,"length":1,"start":1767354600000,"end":1767355200000,"display_name":"x","attributes":{},` +
		`"pointlist":[` + list + `]}`
}

var backend = metricstest.Backend{
	New:   provider,
	Query: "avg:x{*}",
	Answers: metricstest.Answers{
		Value:         series(points(`[1767354600000,99.5],[1767354660000,2]`)),
		SeveralSeries: series(points(`[1767354600000,99.5]`) + "," + points(`[1767354600000,1]`)),
		Empty:         series(``),
		Null:          series(points(`[1767354600000,null],[1767354660000,null]`)),
		NaN:           series(points(`[1767354600000,NaN]`)),
	},
	Refuse: func(w http.ResponseWriter, _ *http.Request, status int, message string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"errors":["` + message + `"]}`))
	},
	Differs: map[metricstest.Case]metricstest.Verdict{
		metricstest.NaN: metricstest.ProviderError, // JSON has no NaN, so this is no answer of Datadog's
	},
}

func TestVerdicts(t *testing.T)      { metricstest.Run(t, backend) }
func TestLeavesNothing(t *testing.T) { metricstest.Leaks(t, backend) }

// refusing answers with a status and a document.
func refusing(status int, document string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(document))
	}
}

func TestQueryAnswers(t *testing.T) {
	const noValues, noShape = "invalid response: no values found", "error unmarshaling result: not the shape of an answer"
	cases := map[string]struct {
		reason string
		answer http.HandlerFunc
		want   float64
		is     metricstest.Verdict
		text   string
	}{
		"Zero": {
			reason: "0 is a value.",
			answer: series(points(`[1767354600000,0]`)), want: 0, is: metricstest.Value,
		},
		"OldestIsNull": {
			reason: "null is not 0; the oldest value counts.",
			answer: series(points(`[1767354600000,null],[1767354660000,3],[1767354720000,4]`)), want: 3, is: metricstest.Value,
		},
		"FirstSeriesIsEmpty": {
			reason: "The first series is the one that counts, even if it has no value.",
			answer: series(points(``) + "," + points(`[1767354600000,1]`)), is: metricstest.NoData, text: noValues,
		},
		"ShortPoint": {
			reason: "A point without a value has none.",
			answer: series(points(`[1767354600000]`)), is: metricstest.NoData, text: noValues,
		},
		"Failed": {
			reason: "A success that reports an error is none, and what it reports is not shown.",
			answer: metricstest.Body(`{"status":"error","error":"timed out at 12:00"}`), is: metricstest.ProviderError, text: noShape,
		},
		"OtherJSON": {
			reason: "JSON of another API is no answer.",
			answer: metricstest.Body(`{"series":[]}`), is: metricstest.ProviderError, text: noShape,
		},
		"OtherShape": {
			reason: "Nor is a series of something else.",
			answer: metricstest.Body(`{"status":"ok","series":[{"pointlist":"none"}]}`), is: metricstest.ProviderError, text: noShape,
		},
		"Nothing": {
			reason: "An empty body is no answer.",
			answer: metricstest.Body(``), is: metricstest.ProviderError, text: noShape,
		},
		"Malformed": {
			reason: "Datadog refuses what it cannot parse, and says where.",
			answer: refusing(400, `{"status":"error","error":"Error parsing query: unable to parse"}`), is: metricstest.BadQuery,
			text: `error response: {"status":"error","error":"Error parsing query: unable to parse"}: 400 Bad Request`,
		},
		"Forbidden": {
			reason: "Who may not ask is told so.",
			answer: refusing(403, `{"errors":["Forbidden"]}`), is: metricstest.ProviderError,
			text: `error response: {"errors":["Forbidden"]}: 403 Forbidden`,
		},
		"Silent": {
			reason: "A refusal without a body is its status.",
			answer: refusing(502, ``), is: metricstest.ProviderError, text: "error response: Status 502 Bad Gateway",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tc.answer)
			defer server.Close()
			got, err := provider(t, server.URL).Query(t.Context(), "avg:x{*}")
			if is := metricstest.VerdictOn(err); is != tc.is || got != tc.want {
				t.Fatalf("%s\nQuery(...): want %v, %s, got %v, %v", tc.reason, tc.want, tc.is, got, err)
			}
			if err != nil && err.Error() != tc.text {
				t.Errorf("%s\nQuery(...): want text %q\ngot %q", tc.reason, tc.text, err)
			}
		})
	}
}

func TestRequest(t *testing.T) {
	type sent struct{ Path, Query, From, To, APIKey, ApplicationKey string }
	query := func(p metrics.Provider) error { _, err := p.Query(t.Context(), "avg:x{a:b} by {c}"); return err }
	with := func(path, query, from, to string) sent {
		return sent{path, query, from, to, metricstest.Secret, "app-" + metricstest.Secret}
	}
	cases := map[string]struct {
		reason string
		ask    func(*Provider) error
		want   sent
	}{
		"Minute": {
			reason: "A query is over ten intervals, which are ten minutes where nobody says otherwise.",
			ask:    func(p *Provider) error { return query(p) },
			want:   with("/eu/api/v1/query", "avg:x{a:b} by {c}", "1767354600", "1767355200"),
		},
		"Interval": {
			reason: "A metric may have an interval of its own.",
			ask:    func(p *Provider) error { return query(p.Over(30 * time.Second)) },
			want:   with("/eu/api/v1/query", "avg:x{a:b} by {c}", "1767354900", "1767355200"),
		},
		"Online": {
			reason: "Valid keys need no data.",
			ask:    func(p *Provider) error { return p.Online(t.Context()) },
			want:   with("/eu/api/v1/validate", "", "", ""),
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got sent
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				arguments := r.URL.Query()
				got = sent{
					r.URL.Path, arguments.Get("query"), arguments.Get("from"), arguments.Get("to"),
					r.Header.Get("DD-API-KEY"), r.Header.Get("DD-APPLICATION-KEY"),
				}
				backend.Answers.Value(w, r)
			}))
			defer server.Close()
			if err := tc.ask(provider(t, server.URL+"/eu/").(*Provider)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nrequest: -want +got\n%s", tc.reason, diff)
			}
		})
	}
}

func TestOffline(t *testing.T) {
	server := httptest.NewServer(refusing(http.StatusForbidden, `{"errors":["Forbidden"]}`))
	defer server.Close()
	err := provider(t, server.URL).Online(t.Context())
	const want = `error response: {"errors":["Forbidden"]}: 403 Forbidden`
	if err == nil || err.Error() != want {
		t.Errorf("Keys that are not valid are told: want %q, got %v", want, err)
	}
}

func TestNewRefuses(t *testing.T) {
	cases := map[string]struct {
		reason, want string
		cfg          metrics.Config
	}{
		"NoAPIKey":         {"Both keys are needed.", "datadog credentials does not contain datadog_api_key", config("", keyApplication, "x")},
		"NoApplicationKey": {"Both keys are needed.", "datadog credentials does not contain datadog_application_key", config("", keyAPI, "x")},
		"Address":          {"An address needs a scheme.", "datadog address datadoghq.eu is not a valid URL", config("datadoghq.eu", keyAPI, "x", keyApplication, "y")},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := create(tc.cfg); err == nil || err.Error() != tc.want {
				t.Errorf("%s\nNew(...): want %q, got %v", tc.reason, tc.want, err)
			}
		})
	}
}

func TestDefaultAddress(t *testing.T) {
	if got := provider(t, "").(*Provider).client.Address(); got != defaultAddress {
		t.Errorf("Users of US1 need no address: got %q", got)
	}
}
