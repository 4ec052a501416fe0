package stackdriver

import (
	"context"
	"encoding/binary"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	monitoring "cloud.google.com/go/monitoring/apiv3/v2"
	"cloud.google.com/go/monitoring/apiv3/v2/monitoringpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/metricstest"
)

// provider returns the provider of a project whose API is at address, without TLS and credentials.
func provider(t *testing.T, address string) metrics.Provider {
	t.Helper()
	open := func(ctx context.Context) (*session, error) {
		local := []option.ClientOption{
			option.WithEndpoint(strings.TrimPrefix(address, "http://")),
			option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
		}
		client, err := monitoring.NewQueryClient(ctx, append(settings(), local...)...)
		return &session{client: client, project: "shop"}, err
	}
	p := &Provider{connection: &connection{open: open}}
	t.Cleanup(p.CloseIdleConnections)
	return p
}

// answering sends a message as gRPC does.
func answering(message proto.Message) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		body, err := proto.Marshal(message)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		frame := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(body))) //nolint:gosec // it is short
		_, _ = w.Write(append(frame, body...))
		w.Header().Set("Grpc-Status", "0")
	}
}

// refusing sends an error as gRPC does.
func refusing(code codes.Code, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Grpc-Status", strconv.Itoa(int(code)))
		w.Header().Set("Grpc-Message", url.PathEscape(message))
	}
}

// data is an answer with these series.
func data(series ...*monitoringpb.TimeSeriesData) *answer {
	return &answer{TimeSeriesData: series}
}

// series is one with a point for each value.
func series(values ...*monitoringpb.TypedValue) *monitoringpb.TimeSeriesData {
	s := &monitoringpb.TimeSeriesData{}
	for _, value := range values {
		s.PointData = append(s.PointData, &monitoringpb.TimeSeriesData_PointData{Values: []*monitoringpb.TypedValue{value}})
	}
	return s
}

func double(value float64) *monitoringpb.TypedValue {
	return &monitoringpb.TypedValue{Value: &monitoringpb.TypedValue_DoubleValue{DoubleValue: value}}
}

func integer(value int64) *monitoringpb.TypedValue {
	return &monitoringpb.TypedValue{Value: &monitoringpb.TypedValue_Int64Value{Int64Value: value}}
}

var backend = metricstest.Backend{
	New:   provider,
	Query: "fetch k8s_container::istio.io/service/server/request_count | within 5m",
	Answers: metricstest.Answers{
		Value:         answering(data(series(double(99.5), double(1)))),
		SeveralSeries: answering(data(series(double(99.5)), series(double(1)))),
		Empty:         answering(data()),
		Null:          answering(data(series(&monitoringpb.TypedValue{}))),
		NaN:           answering(data(series(double(math.NaN())))),
	},
	Refuse: func(w http.ResponseWriter, r *http.Request, status int, message string) {
		statuses := map[int]codes.Code{
			http.StatusUnauthorized:        codes.Unauthenticated,
			http.StatusForbidden:           codes.PermissionDenied,
			http.StatusNotFound:            codes.NotFound,
			http.StatusTooManyRequests:     codes.ResourceExhausted,
			http.StatusInternalServerError: codes.Internal,
		}
		refusing(statuses[status], message)(w, r)
	},
}

func TestVerdicts(t *testing.T)      { metricstest.Run(t, backend) }
func TestLeavesNothing(t *testing.T) { metricstest.Leaks(t, backend) }

// serve starts a server for gRPC without TLS.
func serve(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewUnstartedServer(answer)
	server.Config.Protocols = &http.Protocols{}
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

func TestQueryAnswers(t *testing.T) {
	const prefix = "error requesting stackdriver: rpc error: code = "
	incomplete := data()
	incomplete.PartialErrors = append(incomplete.PartialErrors, nil)
	text := &monitoringpb.TypedValue{Value: &monitoringpb.TypedValue_StringValue{StringValue: "v2"}}
	cases := map[string]struct {
		reason string
		answer http.HandlerFunc
		want   float64
		is     metricstest.Verdict
		text   string
	}{
		"Integer": {
			reason: "A count is a number.",
			answer: answering(data(series(integer(7)))), want: 7, is: metricstest.Value,
		},
		"Zero": {
			reason: "0 is a value.",
			answer: answering(data(series(double(0)))), want: 0, is: metricstest.Value,
		},
		"NoPoints": {
			reason: "A series without points has no value.",
			answer: answering(data(series())), is: metricstest.NoData, text: "invalid response: no values found",
		},
		"Text": {
			reason: "A text is no number.",
			answer: answering(data(series(text))), is: metricstest.BadQuery, text: "query returned something else than a number",
		},
		"Incomplete": {
			reason: "Series that could not be read are not absent.",
			answer: answering(incomplete), is: metricstest.ProviderError, text: "error requesting stackdriver: the answer is incomplete",
		},
		"Malformed": {
			reason: "Cloud Monitoring says in several lines what it cannot parse.",
			answer: refusing(codes.InvalidArgument, "Field query had an invalid value:\n1:1: Unknown table"), is: metricstest.BadQuery,
			text: prefix + "InvalidArgument desc = Field query had an invalid value: 1:1: Unknown table",
		},
		"Forbidden": {
			reason: "Who may not ask is told so.",
			answer: refusing(codes.PermissionDenied, "Permission monitoring.timeSeries.list denied"), is: metricstest.ProviderError,
			text: prefix + "PermissionDenied desc = Permission monitoring.timeSeries.list denied",
		},
		"Gateway": {
			reason: "What a proxy says is not shown.",
			answer: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "internal page", http.StatusBadGateway) },
			is:     metricstest.ProviderError,
			text:   prefix + `Unavailable desc = unexpected HTTP status code received from server: 502 (Bad Gateway); transport: received unexpected content-type "text/plain; charset=utf-8"`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := provider(t, serve(t, tc.answer)).Query(t.Context(), "fetch x")
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
	got := &request{}
	path := ""
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		frame, err := io.ReadAll(r.Body)
		if err == nil {
			err = proto.Unmarshal(frame[5:], got)
		}
		if err != nil {
			t.Errorf("read request: %v", err)
		}
		path = r.URL.Path
		backend.Answers.Value(w, r)
	})
	if _, err := provider(t, address).Query(t.Context(), "fetch x | within 5m"); err != nil {
		t.Fatal(err)
	}
	want := &request{Name: "projects/shop", Query: "fetch x | within 5m"}
	if !proto.Equal(want, got) || path != "/google.monitoring.v3.QueryService/QueryTimeSeries" {
		t.Errorf("A query goes to the project as it is: want %v, got %s %v", want, path, got)
	}
}

func TestOnline(t *testing.T) {
	cases := map[string]struct {
		reason, want string
		answer       http.HandlerFunc
	}{
		"Refused":   {reason: "That an empty query is refused is an answer.", answer: refusing(codes.InvalidArgument, "empty")},
		"Answered":  {reason: "So is an answer.", answer: answering(data())},
		"Forbidden": {reason: "Who may not ask is told so.", answer: refusing(codes.PermissionDenied, "no"), want: "unexpected status code: PermissionDenied"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := ""
			if err := provider(t, serve(t, tc.answer)).Online(t.Context()); err != nil {
				got = err.Error()
			}
			if got != tc.want {
				t.Errorf("%s\nOnline(): want %q, got %q", tc.reason, tc.want, got)
			}
		})
	}
}
