package cloudwatch

import (
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/metricstest"
)

// noon is the time of every query.
var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// errorRate is a query as templates have it.
const errorRate = `[
	{"Id": "e1", "Expression": "m1 / m2", "Label": "ErrorRate"},
	{"Id": "m1", "MetricStat": {"Metric": {"Namespace": "MyKubernetesCluster", "MetricName": "ErrorCount",
		"Dimensions": [{"Name": "appName", "Value": "podinfo"}]}, "Period": 60, "Stat": "Sum", "Unit": "Count"}, "ReturnData": false}
]`

// settings returns the settings for a region with these pairs of key and value as its Secret.
func settings(region string, pairs ...string) metrics.Config {
	cfg := metrics.Config{Credentials: map[string][]byte{}}
	cfg.Provider.Type, cfg.Provider.Region = "cloudwatch", region
	for i := 0; i < len(pairs); i += 2 {
		cfg.Credentials[pairs[i]] = []byte(pairs[i+1])
	}
	return cfg
}

func create(cfg metrics.Config) (metrics.Provider, error) {
	return New(func() time.Time { return noon })(cfg)
}

// isolate keeps this machine's AWS settings out of a test.
func isolate(t *testing.T) {
	t.Helper()
	for _, name := range []string{"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

// provider returns the provider of a region whose endpoint is at address, with its credentials in a Secret.
func provider(t *testing.T, address string) metrics.Provider {
	t.Helper()
	isolate(t)
	t.Setenv("AWS_ENDPOINT_URL_CLOUDWATCH", address)
	p, err := create(settings("eu-west-1", keyAccess, "AKIA", keySecret, metricstest.Secret+"\n", keySession, metricstest.Secret))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.(*Provider).CloseIdleConnections)
	return p
}

// answering hears a request out and sends a document of smithy's RPC v2 protocol, as CloudWatch does.
func answering(status int, document cbor.Value) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // an answer before that may cost the connection
		w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
		w.Header().Set("Content-Type", "application/cbor")
		w.WriteHeader(status)
		_, _ = w.Write(cbor.Encode(document))
	}
}

// result is one result of an answer, with these values.
func result(values ...cbor.Value) cbor.Map {
	return cbor.Map{
		"Id":         cbor.String("e1"),
		"Label":      cbor.String("ErrorRate"),
		"StatusCode": cbor.String("Complete"),
		"Timestamps": cbor.List{&cbor.Tag{ID: 1, Value: cbor.Float64(1767355200)}},
		"Values":     cbor.List(values),
	}
}

// data is an answer with these results.
func data(results ...cbor.Value) cbor.Map {
	return cbor.Map{"Messages": cbor.List{}, "MetricDataResults": cbor.List(results)}
}

// without is a result whose values are null.
var without = cbor.Map{"Id": cbor.String("e1"), "StatusCode": cbor.String("Complete"), "Values": &cbor.Nil{}}

// refusal is what CloudWatch says with a status from 400 on.
func refusal(code, message string) cbor.Map {
	return cbor.Map{"__type": cbor.String("com.amazonaws.cloudwatch#" + code), "message": cbor.String(message)}
}

var backend = metricstest.Backend{
	New:   provider,
	Query: errorRate,
	Answers: metricstest.Answers{
		Value:         answering(200, data(result(cbor.Float64(99.5), cbor.Float64(1)))),
		SeveralSeries: answering(200, data(result(cbor.Float64(99.5)), result(cbor.Float64(1)))),
		Empty:         answering(200, data()),
		Null:          answering(200, data(without)),
		NaN:           answering(200, data(result(cbor.Float64(math.NaN())))),
	},
	Refuse: func(w http.ResponseWriter, r *http.Request, status int, message string) {
		codes := map[int]string{
			http.StatusUnauthorized:        "UnrecognizedClientException",
			http.StatusForbidden:           "SignatureDoesNotMatch",
			http.StatusNotFound:            "UnknownOperationException",
			http.StatusTooManyRequests:     "ThrottlingException",
			http.StatusInternalServerError: "InternalServiceFault",
		}
		answering(status, refusal(codes[status], "The request is refused.\n\n"+message))(w, r)
	},
}

func TestVerdicts(t *testing.T)      { metricstest.Run(t, backend) }
func TestLeavesNothing(t *testing.T) { metricstest.Leaks(t, backend) }

func TestQueryAnswers(t *testing.T) {
	const prefix, noValues = "error requesting cloudwatch: ", "invalid response: no values found"
	forbidden := result()
	forbidden["StatusCode"] = cbor.String("Forbidden")
	cases := map[string]struct {
		reason string
		answer http.HandlerFunc
		want   float64
		is     metricstest.Verdict
		text   string
	}{
		"Zero": {
			reason: "0 is a value.",
			answer: answering(200, data(result(cbor.Float64(0)))), want: 0, is: metricstest.Value,
		},
		"NoValues": {
			reason: "A result without values has none.",
			answer: answering(200, data(result())), is: metricstest.NoData, text: noValues,
		},
		"ResultForbidden": {
			reason: "A result that may not be seen is not an empty one.",
			answer: answering(200, data(forbidden)), is: metricstest.ProviderError, text: prefix + "Forbidden",
		},
		"Nothing": {
			reason: "An empty body is no answer.",
			answer: func(http.ResponseWriter, *http.Request) {}, is: metricstest.ProviderError, text: prefix + "unreadable answer",
		},
		"Malformed": {
			reason: "CloudWatch refuses an expression that it cannot parse.",
			answer: answering(400, refusal("ValidationError", "Error in expression 'e1': Missing operand")), is: metricstest.BadQuery,
			text: prefix + "ValidationError: Error in expression 'e1': Missing operand",
		},
		"Throttled": {
			reason: "Throttling comes with the status of a bad request, but is none.",
			answer: answering(400, refusal("Throttling", "Rate exceeded")), is: metricstest.ProviderError,
			text: prefix + "Throttling: Rate exceeded",
		},
		"Expired": {
			reason: "So does a token that is too old.",
			answer: answering(400, refusal("ExpiredToken", "The security token is expired")), is: metricstest.ProviderError,
			text: prefix + "ExpiredToken: The security token is expired",
		},
		"Gateway": {
			reason: "A page of a proxy is not CloudWatch's.",
			answer: func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, "<html>internal page", http.StatusBadGateway)
			},
			is: metricstest.ProviderError, text: prefix + "unreadable answer: Status 502 Bad Gateway",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tc.answer)
			defer server.Close()
			got, err := provider(t, server.URL).Query(t.Context(), errorRate)
			if is := metricstest.VerdictOn(err); is != tc.is || got != tc.want {
				t.Fatalf("%s\nQuery(...): want %v, %s, got %v, %v", tc.reason, tc.want, tc.is, got, err)
			}
			if err != nil && err.Error() != tc.text {
				t.Errorf("%s\nQuery(...): want text %q\ngot %q", tc.reason, tc.text, err)
			}
		})
	}
}

func TestBadQueriesAreNotSent(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a bad query was sent") }))
	defer server.Close()
	p := provider(t, server.URL)
	for reason, query := range map[string]string{
		"A query is JSON.":                    `SELECT AVG(CPU)`,
		"A query is a list.":                  `{"Id": "e1"}`,
		"null is no list.":                    `null`,
		"The SDK itself wants an Id of each.": `[{"Expression": "m1"}]`,
	} {
		if _, err := p.Query(t.Context(), query); metricstest.VerdictOn(err) != metricstest.BadQuery {
			t.Errorf("%s\nQuery(%s): got %v", reason, query, err)
		}
	}
}

// sent is what of a request matters.
type sent struct {
	Path, Region string
	From, To     float64
	Datapoints   cbor.Value
	Queries      cbor.Value
}

func receive(t *testing.T, r *http.Request) sent {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	document, err := cbor.Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	input := document.(cbor.Map)
	at := func(key string) float64 { return float64(input[key].(*cbor.Tag).Value.(cbor.Float64)) }
	scope := strings.Split(r.Header.Get("Authorization"), "/")
	return sent{r.URL.Path, scope[2], at("StartTime"), at("EndTime"), input["MaxDatapoints"], input["MetricDataQueries"]}
}

func TestRequest(t *testing.T) {
	want := sent{
		Path:       "/service/GraniteServiceVersion20100801/operation/GetMetricData",
		Region:     "eu-west-1",
		From:       float64(noon.Add(-10 * time.Minute).Unix()),
		To:         float64(noon.Unix()),
		Datapoints: cbor.Uint(20),
		Queries: cbor.List{
			cbor.Map{"Id": cbor.String("e1"), "Expression": cbor.String("m1 / m2"), "Label": cbor.String("ErrorRate")},
			cbor.Map{"Id": cbor.String("m1"), "ReturnData": cbor.Bool(false), "MetricStat": cbor.Map{
				"Metric": cbor.Map{
					"Namespace": cbor.String("MyKubernetesCluster"), "MetricName": cbor.String("ErrorCount"),
					"Dimensions": cbor.List{cbor.Map{"Name": cbor.String("appName"), "Value": cbor.String("podinfo")}},
				},
				"Period": cbor.Uint(60), "Stat": cbor.String("Sum"), "Unit": cbor.String("Count"),
			}},
		},
	}
	var got sent
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = receive(t, r)
		backend.Answers.Value(w, r)
	}))
	defer server.Close()
	p := provider(t, server.URL)
	if _, err := p.Query(t.Context(), errorRate); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("A query is over ten intervals, in the names of the API: -want +got\n%s", diff)
	}
	if _, err := p.(*Provider).Over(30*time.Second).Query(t.Context(), errorRate); err != nil {
		t.Fatal(err)
	}
	if want.From = float64(noon.Add(-5 * time.Minute).Unix()); got.From != want.From {
		t.Errorf("A metric may have an interval of its own: want start %v, got %v", want.From, got.From)
	}
}

func TestOnline(t *testing.T) {
	cases := map[string]struct {
		reason, want string
		answer       http.HandlerFunc
	}{
		"Refused":  {reason: "That a request without queries is refused is an answer.", answer: answering(400, refusal("ValidationError", "no queries"))},
		"Answered": {reason: "So is an answer.", answer: answering(200, data())},
		"Forbidden": {
			reason: "Who may not ask is told so.", answer: answering(403, refusal("AccessDenied", "not authorized")),
			want: "unexpected status code: AccessDenied: not authorized",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tc.answer)
			defer server.Close()
			got := ""
			if err := provider(t, server.URL).Online(t.Context()); err != nil {
				got = err.Error()
			}
			if got != tc.want {
				t.Errorf("%s\nOnline(): want %q, got %q", tc.reason, tc.want, got)
			}
		})
	}
}

func TestNoCredentials(t *testing.T) {
	isolate(t)
	p, err := create(settings("eu-west-1", "token", "of something else"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Query(t.Context(), errorRate)
	if metricstest.VerdictOn(err) != metricstest.ProviderError || !strings.Contains(err.Error(), "no EC2 IMDS role found") {
		t.Errorf("Without credentials nobody was asked, and the SDK says where it looked: got %v", err)
	}
	if err := p.Online(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "unexpected error: ") {
		t.Errorf("Without credentials nobody can be asked: got %v", err)
	}
}

// TestRolesAreNotQueries has the token service refuse the role of a service account.
func TestRolesAreNotQueries(t *testing.T) {
	isolate(t)
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>`+
			`<Code>ValidationError</Code><Message>Request ARN is invalid</Message></Error><RequestId>1-2-3</RequestId></ErrorResponse>`)
	}))
	defer tokens.Close()
	t.Setenv("AWS_ENDPOINT_URL_STS", tokens.URL)
	t.Setenv("AWS_ROLE_ARN", "nonsense")
	t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", os.DevNull)
	p, err := create(settings("eu-west-1"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Query(t.Context(), errorRate)
	const want = "error requesting cloudwatch: ValidationError: Request ARN is invalid"
	if metricstest.VerdictOn(err) != metricstest.ProviderError || err.Error() != want {
		t.Errorf("A role that is wrong is not the query's fault: want %q, got %v", want, err)
	}
	if err := p.Online(t.Context()); err == nil {
		t.Error("Who gets no credentials is offline, whatever the token service says.")
	}
}

func TestNewRefuses(t *testing.T) {
	cases := map[string]struct {
		reason, want string
		cfg          metrics.Config
	}{
		"NoRegion": {"There is no default.", "region not specified", settings("")},
		"NoSecret": {"Both halves are needed.", "cloudwatch credentials does not contain aws_secret_access_key", settings("eu-west-1", keyAccess, "x")},
		"NoAccess": {"Both halves are needed.", "cloudwatch credentials does not contain aws_access_key_id", settings("eu-west-1", keySecret, "x")},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := create(tc.cfg); err == nil || err.Error() != tc.want {
				t.Errorf("%s\nNew(...): want %q, got %v", tc.reason, tc.want, err)
			}
		})
	}
}
