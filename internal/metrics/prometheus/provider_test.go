package prometheus

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/metrics"
)

// provider returns the provider for a server, which change may alter.
func provider(t *testing.T, address string, changes ...func(*metrics.Config)) metrics.Provider {
	t.Helper()
	cfg := metrics.Config{Provider: v1beta1.MetricTemplateProvider{Type: "prometheus", Address: address}}
	for _, change := range changes {
		change(&cfg)
	}
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.(*Provider).CloseIdleConnections)
	return p
}

// answering returns the address of a server with one answer.
func answering(t *testing.T, status int, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // a client that hung up is the client's test
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// Faults, as the port tells them apart.
const (
	none   = "no fault"
	noData = "no data"
	query  = "the query's fault"
	theirs = "the provider's fault"
)

func faultOf(err error) string {
	switch {
	case err == nil:
		return none
	case errors.Is(err, metrics.ErrNoData):
		return noData
	case errors.Is(err, metrics.ErrQuery):
		return query
	}
	return theirs
}

func vector(samples ...string) string {
	return fmt.Sprintf(`{"status":"success","data":{"resultType":"vector","result":[%s]}}`, strings.Join(samples, ","))
}

func TestQueryAnswers(t *testing.T) {
	const at = `{"metric":{},"value":[1700000000.123,`
	cases := map[string]struct {
		reason string
		status int
		body   string
		want   float64
		fault  string
		text   string
	}{
		"Value": {
			reason: "One series is the usual answer.",
			status: 200, body: vector(at + `"99.5"]}`), want: 99.5, fault: none,
		},
		"SeveralSeries": {
			reason: "Users may rely on the last of several series.",
			status: 200, body: vector(at+`"1"]}`, at+`"2"]}`), want: 2, fault: none,
		},
		"Infinite": {
			reason: "Infinity is a value that bounds can judge.",
			status: 200, body: vector(at + `"+Inf"]}`), want: math.Inf(1), fault: none,
		},
		"Scalar": {
			reason: "A scalar is as good as a series.",
			status: 200, body: `{"status":"success","data":{"resultType":"scalar","result":[1700000000,"3"]}}`, want: 3, fault: none,
		},
		"Warnings": {
			reason: "Warnings beside a value do not void it.",
			status: 200, want: 4, fault: none,
			body: `{"status":"success","warnings":["slow"],"infos":null,"data":{"resultType":"vector","result":[` + at + `"4"]}]}}`,
		},
		"Empty": {
			reason: "No series is no data.",
			status: 200, body: vector(), fault: noData, text: "no values found",
		},
		"NaN": {
			reason: "A ratio without traffic is NaN, which would satisfy every bound.",
			status: 200, body: vector(at + `"NaN"]}`), fault: noData, text: "no values found",
		},
		"LastIsNaN": {
			reason: "The last series is the one that counts, even if it has no value.",
			status: 200, body: vector(at+`"1"]}`, at+`"NaN"]}`), fault: noData, text: "no values found",
		},
		"NullValue": {
			reason: "null is not 0.",
			status: 200, body: vector(at + `null]}`), fault: noData, text: "no values found",
		},
		"NullResult": {
			reason: "A missing result is no data.",
			status: 200, body: `{"status":"success","data":{"resultType":"vector","result":null}}`, fault: noData, text: "no values found",
		},
		"NullData": {
			reason: "Missing data is no data.",
			status: 200, body: `{"status":"success","data":null}`, fault: noData, text: "no values found",
		},
		"Matrix": {
			reason: "A range of values cannot be judged.",
			status: 200, fault: query, text: "query returned multiple values",
			body: `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"1"],[2,"2"]]}]}}`,
		},
		"String": {
			reason: "A query of a mere string is a mistake.",
			status: 200, fault: query, text: "query returned a string instead of a number",
			body: `{"status":"success","data":{"resultType":"string","result":[1700000000,"up"]}}`,
		},
		"Histogram": {
			reason: "A native histogram is not 0.",
			status: 200, fault: query, text: "query returned a histogram instead of a number",
			body: vector(`{"metric":{},"histogram":[1700000000,{"count":"1","sum":"2","buckets":[[0,"1","2","1"]]}]}`),
		},
		"Malformed": {
			reason: "Prometheus refuses what it cannot parse, and says where.",
			status: 400, body: `{"status":"error","errorType":"bad_data","error":"1:3: parse error"}`, fault: query,
			text: `error response: Status 400 Bad Request: {"status":"error","errorType":"bad_data","error":"1:3: parse error"}`,
		},
		"Unexecutable": {
			reason: "Prometheus refuses what it cannot run.",
			status: 422, body: `{"status":"error","errorType":"execution","error":"many-to-many matching"}`, fault: query,
			text: `error response: Status 422 Unprocessable Entity: {"status":"error","errorType":"execution","error":"many-to-many matching"}`,
		},
		"BadCredentials": {
			reason: "Who may not ask learns nothing about the canary.",
			status: 401, body: "who are you?\n", fault: theirs, text: "error response: Status 401 Unauthorized: who are you?",
		},
		"Forbidden": {
			reason: "The library's second try after a 403 must not hide the answer.",
			status: 403, body: "no", fault: theirs, text: "error response: Status 403 Forbidden: no",
		},
		"NotFound": {
			reason: "A missing path is the address's or a gateway's fault, not the canary's.",
			status: 404, body: "404 page not found", fault: theirs, text: "error response: Status 404 Not Found: 404 page not found",
		},
		"TooMany": {
			reason: "A server under load is asked again later.",
			status: 429, body: "", fault: theirs, text: "error response: Status 429 Too Many Requests: ",
		},
		"Broken": {
			reason: "An outage tells nothing about the canary.",
			status: 500, body: "oops", fault: theirs, text: "error response: Status 500 Internal Server Error: oops",
		},
		"Unavailable": {
			reason: "Prometheus answers 503 to a query that takes too long.",
			status: 503, body: `{"status":"error","errorType":"timeout","error":"query timed out"}`, fault: theirs,
			text: `error response: Status 503 Service Unavailable: {"status":"error","errorType":"timeout","error":"query timed out"}`,
		},
		"LoginPage": {
			reason: "A page of somebody else's is no answer, and none of it is shown.",
			status: 200, body: "<html>secret</html>", fault: theirs,
			text: "error unmarshaling result: invalid character '<' looking for beginning of value",
		},
		"Nothing": {
			reason: "An empty answer is none.",
			status: 200, body: "", fault: theirs, text: "error unmarshaling result: unexpected end of JSON input",
		},
		"OtherJSON": {
			reason: "JSON of another API is no answer.",
			status: 200, body: `{"secret":1}`, fault: theirs, text: "error unmarshaling result: status is not success",
		},
		"OtherShape": {
			reason: "A result that cannot be decoded is not quoted.",
			status: 200, body: vector(`{"metric":{},"value":[1700000000,"secret"]}`), fault: theirs,
			text: "error unmarshaling result: not the shape of an instant query",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := provider(t, answering(t, tc.status, tc.body)).Query(t.Context(), "up")
			if faultOf(err) != tc.fault || got != tc.want {
				t.Errorf("%s\nQuery(...): want %v with %s, got %v, %v", tc.reason, tc.want, tc.fault, got, err)
			}
			if err != nil && err.Error() != tc.text {
				t.Errorf("%s\nQuery(...): want text %q\ngot %q", tc.reason, tc.text, err)
			}
		})
	}
}

func TestQueryWithoutAnswer(t *testing.T) {
	held := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-held }))
	defer slow.Close()
	defer close(held)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	cutting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("{")) // the rest never comes
	}))
	defer cutting.Close()

	cases := map[string]struct {
		reason, address, text string
		deadline              time.Duration
	}{
		"Slow": {
			reason:  "The caller's deadline bounds a query.",
			address: slow.URL, deadline: 20 * time.Millisecond, text: "request failed: context deadline exceeded",
		},
		"Refused": {
			reason:  "The text names the server, but no port that changes with every attempt.",
			address: gone.URL, deadline: time.Minute,
			text: "request failed: dial tcp " + gone.Listener.Addr().String() + ": connect: connection refused",
		},
		"CutOff": {
			reason:  "Half an answer is none.",
			address: cutting.URL, deadline: time.Minute, text: "error reading body: unexpected EOF",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), tc.deadline)
			defer cancel()
			_, err := provider(t, tc.address).Query(ctx, "up")
			if faultOf(err) != theirs || err.Error() != tc.text {
				t.Errorf("%s\nQuery(...): want %q, got %v", tc.reason, tc.text, err)
			}
		})
	}
}

func TestOnline(t *testing.T) {
	cases := map[string]struct {
		reason, body, want string
		status             int
	}{
		"One":   {reason: "A server that can add is online.", status: 200, body: vector(`{"metric":{},"value":[1,"1"]}`)},
		"Other": {reason: "Some proxies answer anything.", status: 200, body: vector(`{"metric":{},"value":[1,"2"]}`), want: "value is not 1 for query: vector(1)"},
		"Down":  {reason: "The cause is told.", status: 502, body: "down", want: "running query failed: error response: Status 502 Bad Gateway: down"},
		"Empty": {reason: "No value is not 1 either.", status: 200, body: vector(), want: "running query failed: no values found"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := ""
			if err := provider(t, answering(t, tc.status, tc.body)).Online(t.Context()); err != nil {
				got = err.Error()
			}
			if got != tc.want {
				t.Errorf("%s\nOnline(): want %q, got %q", tc.reason, tc.want, got)
			}
		})
	}
}

func TestOneLine(t *testing.T) {
	cases := map[string]struct{ reason, query, want string }{
		"Spaces":       {"Runs of whitespace are one space.", "\n sum(\n\t  up )\n", "sum( up )"},
		"Comment":      {"A comment ends with its line, not with the query.", "sum( # all\n up)", "sum( up)"},
		"LastComment":  {"A comment may be the end.", "up # all", "up"},
		"Quoted":       {"A hash in a string is no comment.", `up{a="x # y  z", b='#', c=` + "`#\\`" + `} #c`, `up{a="x # y  z", b='#', c=` + "`#\\`" + `}`},
		"Escaped":      {"An escaped quote does not end a string.", `up{a="\" # b"}`, `up{a="\" # b"}`},
		"Unterminated": {"A mistake is left to the server to name.", `up{a="# b`, `up{a="# b`},
		"Apostrophe":   {"Quotes in comments open no string.", "up # don't\n or down", "up or down"},
		"OnlyComment":  {"Nothing remains of a mere comment.", "# nothing", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := oneLine(tc.query); got != tc.want {
				t.Errorf("%s\noneLine(%q): want %q, got %q", tc.reason, tc.query, tc.want, got)
			}
		})
	}
}
