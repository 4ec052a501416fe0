package newrelic

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/metricstest"
)

// config returns the settings for a server with these pairs of key and value as its Secret.
func config(address string, pairs ...string) metrics.Config {
	cfg := metrics.Config{Credentials: map[string][]byte{}}
	cfg.Provider.Type, cfg.Provider.Address = "newrelic", address
	for i := 0; i < len(pairs); i += 2 {
		cfg.Credentials[pairs[i]] = []byte(pairs[i+1])
	}
	return cfg
}

func provider(t *testing.T, address string) metrics.Provider {
	t.Helper()
	p, err := New(config(address, keyAccount, "51312", keyQuery, metricstest.Secret+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.(*Provider).CloseIdleConnections)
	return p
}

// results is an answer of the Insights query API.
func results(list string) http.HandlerFunc {
	return metricstest.Body(`{"results":` + list + `,"performanceStats":{"inspectedCount":1,"responseTime":3},` +
		`"metadata":{"eventTypes":["Metric"],"messages":[],"contents":[{"function":"sum","attribute":"x"}]}}`)
}

var backend = metricstest.Backend{
	New:   provider,
	Query: "SELECT sum(nginx_ingress_controller_requests) / 2 AS result FROM Metric",
	Answers: metricstest.Answers{
		Value:         results(`[{"result":99.5}]`),
		SeveralSeries: results(`[{"result":1},{"result":99.5}]`),
		Empty:         results(`[]`),
		Null:          results(`[{"result":null}]`),
		NaN:           results(`[{"result":"NaN"}]`),
	},
	Refuse: func(w http.ResponseWriter, _ *http.Request, status int, message string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"error":"` + message + `"}`))
	},
	Differs: map[metricstest.Case]metricstest.Verdict{metricstest.SeveralSeries: metricstest.NoData},
}

func TestVerdicts(t *testing.T)      { metricstest.Run(t, backend) }
func TestLeavesNothing(t *testing.T) { metricstest.Leaks(t, backend) }

func TestQueryAnswers(t *testing.T) {
	cases := map[string]struct {
		reason string
		answer http.HandlerFunc
		want   metricstest.Verdict
		text   string
	}{
		"OtherName": {
			reason: "Only a result called result counts.",
			answer: results(`[{"count":5}]`), want: metricstest.NoData, text: "invalid response: no values found",
		},
		"OtherType": {
			reason: "A text is no value.",
			answer: results(`[{"result":"v2"}]`), want: metricstest.NoData, text: "invalid response: no values found",
		},
		"OtherJSON": {
			reason: "JSON of another API is no answer.",
			answer: metricstest.Body(`{"data":{}}`), want: metricstest.ProviderError,
			text: "error unmarshaling result: not the shape of an answer",
		},
		"Malformed": {
			reason: "New Relic refuses what it cannot parse, and says where.",
			answer: func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = w.Write([]byte(`{"error":"NRQL Syntax Error: Error at line 1 position 7"}`))
			},
			want: metricstest.BadQuery, text: `error response: {"error":"NRQL Syntax Error: Error at line 1 position 7"}`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tc.answer)
			defer server.Close()
			_, err := provider(t, server.URL).Query(t.Context(), "SELECT")
			if got := metricstest.VerdictOn(err); got != tc.want {
				t.Fatalf("%s\nQuery(...): want %s, got %v", tc.reason, tc.want, err)
			}
			if err.Error() != tc.text {
				t.Errorf("%s\nQuery(...): want text %q\ngot %q", tc.reason, tc.text, err)
			}
		})
	}
}

func TestRequest(t *testing.T) {
	type sent struct{ Method, Path, NRQL, Key string }
	query := func(p metrics.Provider) error { _, err := p.Query(t.Context(), "SELECT 1"); return err }
	cases := map[string]struct {
		reason string
		ask    func(*Provider) error
		nrql   string
	}{
		"Minute": {
			reason: "A query is over the last interval, which is a minute where nobody says otherwise.",
			ask:    func(p *Provider) error { return query(p) }, nrql: "SELECT 1 SINCE 60 seconds ago",
		},
		"Interval": {
			reason: "A metric may have an interval of its own.",
			ask:    func(p *Provider) error { return query(p.Over(150 * time.Second)) }, nrql: "SELECT 1 SINCE 150 seconds ago",
		},
		"Online": {
			reason: "Whoever may query is online.",
			ask:    func(p *Provider) error { return p.Online(t.Context()) },
			nrql:   "SELECT * FROM Metric SINCE 60 seconds ago",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got sent
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = sent{r.Method, r.URL.Path, r.URL.Query().Get("nrql"), r.Header.Get("X-Query-Key")}
				backend.Answers.Value(w, r)
			}))
			defer server.Close()
			if err := tc.ask(provider(t, server.URL).(*Provider)); err != nil {
				t.Fatal(err)
			}
			want := sent{"GET", "/v1/accounts/51312/query", tc.nrql, metricstest.Secret}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s\nrequest: -want +got\n%s", tc.reason, diff)
			}
		})
	}
}

func TestOffline(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "Unauthorized", http.StatusUnauthorized)
	}))
	defer server.Close()
	err := provider(t, server.URL).Online(t.Context())
	if err == nil || err.Error() != "error response: Unauthorized" {
		t.Errorf("Whoever may not query is offline: got %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	cases := map[string]struct {
		reason, want string
		cfg          metrics.Config
	}{
		"NoAccount": {"Without an account there is no address.", "newrelic credentials does not contain the key 'newrelic_account_id'", config("", keyQuery, "x")},
		"NoKey":     {"Without a key there is no answer.", "newrelic credentials does not contain the key 'newrelic_query_key'", config("", keyAccount, "1")},
		"Address":   {"An address needs a scheme.", "newrelic address newrelic.example is not a valid URL", config("newrelic.example", keyAccount, "1", keyQuery, "x")},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := New(tc.cfg); err == nil || err.Error() != tc.want {
				t.Errorf("%s\nNew(...): want %q, got %v", tc.reason, tc.want, err)
			}
		})
	}
}

func TestDefaultAddress(t *testing.T) {
	if got := provider(t, "").(*Provider).client.Address(); got != defaultAddress {
		t.Errorf("Users of the US need no address: got %q", got)
	}
}
