package influxdb

import (
	"io"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/metricstest"
	"flagger.app/flagger/internal/testkit"
)

// admin is the token of the server's only user: name and password, as InfluxDB 1.8 wants it.
const admin = "admin:secret"

// points are in InfluxDB's line protocol, 20 s and 10 s before the end of the window.
const points = `
http,pod=a rate=98,requests=5i 1700000000000000000
http,pod=a rate=99.5,requests=7i 1700000010000000000
http,pod=b rate=1 1700000010000000000
http,pod=c up=true,version="1.2" 1700000010000000000
`

// from reads a field within the window.
func from(field string) string {
	return `from(bucket: "shop") |> range(start: 2023-11-14T22:12:20Z, stop: 2023-11-14T22:13:40Z)
		|> filter(fn: (r) => r._measurement == "http" and r._field == "` + field + `")`
}

// post sends a request that must succeed.
func post(t *testing.T, address string, arguments url.Values, token, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"?"+arguments.Encode(), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Token "+token)
	}
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		t.Fatalf("post to %s: %s %s %v", address, resp.Status, answer, err)
	}
}

func TestAgainstInfluxDB(t *testing.T) {
	address := testkit.StartInfluxDB(t)
	post(t, address+"/query", url.Values{"q": {"CREATE USER admin WITH PASSWORD 'secret' WITH ALL PRIVILEGES"}}, "", "")
	post(t, address+"/query", url.Values{"q": {"CREATE DATABASE shop"}}, admin, "")
	post(t, address+"/api/v2/write", url.Values{"bucket": {"shop"}}, admin, points)

	p := provider(t, config(address, "token", admin, "org", "acme"))
	t.Run("Values", func(t *testing.T) { values(t, p) })
	t.Run("Faults", func(t *testing.T) { faults(t, p) })
	t.Run("Access", func(t *testing.T) { access(t, address) })
}

func values(t *testing.T, p metrics.Provider) {
	cases := map[string]struct {
		reason, query string
		want          float64
	}{
		"Last":     {"The first record counts, of the first of two series.", from("rate") + `|> last()`, 99.5},
		"First":    {"Not the newest point, but the first record counts.", from("rate"), 98},
		"Mean":     {"A window is summed up.", from("rate") + `|> mean()`, 98.75},
		"Integer":  {"A field may be an integer.", from("requests") + `|> last()`, 7},
		"Count":    {"So is the number of points.", from("rate") + `|> count()`, 2},
		"Unsigned": {"It may have no sign.", from("requests") + `|> map(fn: (r) => ({_value: uint(v: r._value)}))`, 5},
		"Infinite": {"Infinity is a value.", from("rate") + `|> map(fn: (r) => ({_value: float(v: "+Inf")}))`, math.Inf(1)},
		"Named":    {"A result may have a name.", from("rate") + `|> max() |> yield(name: "max")`, 99.5},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := p.Query(t.Context(), tc.query)
			if got != tc.want || err != nil {
				t.Errorf("%s\nQuery(%q): want %v, got %v, %v", tc.reason, tc.query, tc.want, got, err)
			}
		})
	}
}

// faults are told apart as far as the server does: 1.8 answers 500 to a script that it cannot run, where 2 answers 400.
func faults(t *testing.T, p metrics.Provider) {
	cases := map[string]struct {
		reason, query string
		want          metricstest.Verdict
		text          string
	}{
		"Empty": {"There is no such field.", from("absent"), metricstest.NoData, "no values found"},
		"Null": {
			"A window without a point has no mean.", from("rate") + `|> aggregateWindow(every: 10s, fn: mean)`,
			metricstest.NoData, "no values found",
		},
		"NaN": {
			"NaN is no value.", from("rate") + `|> map(fn: (r) => ({_value: float(v: "NaN")}))`,
			metricstest.NoData, "no values found",
		},
		"Bool": {"true is no number.", from("up"), metricstest.BadQuery, "invalid response: _value is no number but a bool"},
		"Text": {"A version is no number.", from("version"), metricstest.BadQuery, "invalid response: _value is no number but a string"},
		"NoValue": {
			"A script may drop the value.", from("rate") + `|> drop(columns: ["_value"])`,
			metricstest.BadQuery, "invalid response: the record has no _value",
		},
		"Bucket": {
			"The server does not know the bucket.", `from(bucket: "absent") |> range(start: -2h)`,
			metricstest.ProviderError, `error response: {"error":"failed to initialize execute state: no database"}`,
		},
		"Syntax": {
			"The server says where it stopped to read.", `from(bucket: "shop"`,
			metricstest.ProviderError, `error response: {"error":"loc 1:1-1:20: expected RPAREN, got EOF"}`,
		},
		"Function": {
			"The server says which function it does not know.", `from(bucket: "shop") |> nosuch()`,
			metricstest.ProviderError, `error response: {"error":"type error 1:25-1:31: undefined identifier \"nosuch\""}`,
		},
		"ByZero": {
			"An integer is not divided by 0.", from("requests") + `|> map(fn: (r) => ({_value: r._value / 0}))`,
			metricstest.ProviderError, `error response: {"error":"failed to evaluate map function: cannot divide by zero"}`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := p.Query(t.Context(), tc.query)
			if metricstest.VerdictOn(err) != tc.want || err.Error() != tc.text {
				t.Errorf("%s\nQuery(%q): want %s with %q, got %v", tc.reason, tc.query, tc.want, tc.text, err)
			}
		})
	}
}

func access(t *testing.T, address string) {
	cases := map[string]struct {
		reason, token string
		want          metricstest.Verdict
		text          string
	}{
		"Right":    {"The server knows the token.", admin, metricstest.Value, ""},
		"Wrong":    {"A wrong password is no verdict on the canary.", "admin:wrong", metricstest.ProviderError, `error response: {"error":"authorization failed"}`},
		"Nobody":   {"Nor is a user that there is not.", "nobody:secret", metricstest.ProviderError, `error response: {"error":"authorization failed"}`},
		"NotAPair": {"Nor is the token of another version.", "abc==", metricstest.ProviderError, `error response: {"error":"unable to parse authentication credentials"}`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := provider(t, config(address, "token", tc.token, "org", "acme"))
			_, err := p.Query(t.Context(), from("rate"))
			if metricstest.VerdictOn(err) != tc.want || err != nil && err.Error() != tc.text {
				t.Errorf("%s\nQuery(...): want %s with %q, got %v", tc.reason, tc.want, tc.text, err)
			}
			if online := p.(*Provider).Online(t.Context()); (online == nil) != (err == nil) {
				t.Errorf("%s\nOnline(): got %v, but %v from a query", tc.reason, online, err)
			}
		})
	}
}
