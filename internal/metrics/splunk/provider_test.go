package splunk

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
	"github.com/signalfx/signalflow-client-go/v2/signalflow"
	"github.com/signalfx/signalflow-client-go/v2/signalflow/messages"
	"github.com/signalfx/signalfx-go/idtool"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/metricstest"
)

func config(address, token string) metrics.Config {
	cfg := metrics.Config{Provider: v1beta1.MetricTemplateProvider{Type: "splunk", Address: address}}
	if token != "" {
		cfg.Credentials = map[string][]byte{"sf_token_key": []byte(token)}
	}
	return cfg
}

// provider returns the provider for a server, at a fixed time.
func provider(t *testing.T, address string) *Provider {
	t.Helper()
	made, err := New(config(address, metricstest.Secret+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	p := made.(*Provider)
	t.Cleanup(p.CloseIdleConnections)
	p.now = func() time.Time { return time.Unix(1_700_000_000, 0) }
	return p
}

// request is a message of ours.
type request struct {
	Type, Channel, Program, Token string
	Start, Stop                   int64
	Immediate                     bool
}

// speaking serves a websocket and calls answer with each program that is to be run.
func speaking(answer func(conn *websocket.Conn, r request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		upgrader := websocket.Upgrader{}
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return // the test misses an answer
		}
		defer conn.Close() //nolint:errcheck // nobody to tell
		for {
			var asked request
			if conn.ReadJSON(&asked) != nil {
				return
			}
			if asked.Type == "authenticate" {
				say(conn, `{"type": "authenticated", "orgId": "o", "userId": "u"}`)
				continue
			}
			answer(conn, asked)
		}
	}
}

// say sends a text message.
func say(conn *websocket.Conn, message string) {
	_ = conn.WriteMessage(websocket.TextMessage, []byte(message)) // a client that hung up is the client's test
}

// sample is a value of one time series, as its bits; the kinds are SignalFlow's.
type sample struct {
	kind   byte
	series int64
	bits   uint64
}

const (
	long, double, integer, nothing = 1, 2, 3, 0
)

func float(series int64, value float64) sample {
	return sample{double, series, math.Float64bits(value)}
}

// data is a binary message with the values of one instant.
func data(channel string, samples ...sample) []byte {
	var b bytes.Buffer
	var name [16]byte
	copy(name[:], channel)
	for _, part := range []any{[4]byte{1, 5, 0, 0}, name, uint64(1_700_000_000_000), uint32(len(samples))} { //nolint:gosec // a handful
		_ = binary.Write(&b, binary.BigEndian, part) // never fails
	}
	for _, s := range samples {
		_ = binary.Write(&b, binary.BigEndian, s.kind)
		_ = binary.Write(&b, binary.BigEndian, s.series)
		_ = binary.Write(&b, binary.BigEndian, s.bits)
	}
	return b.Bytes()
}

// pack compresses what follows the header of a binary message.
func pack(message []byte) []byte {
	var b bytes.Buffer
	b.Write(message[:headerSize])
	b.Bytes()[flags] |= compressed
	packed := gzip.NewWriter(&b)
	_, _ = packed.Write(message[headerSize:])
	_ = packed.Close()
	return b.Bytes()
}

// computing answers a program with these instants, as the real server does.
func computing(instants ...[]sample) http.HandlerFunc {
	return speaking(func(conn *websocket.Conn, r request) {
		begin(conn, r)
		for _, samples := range instants {
			_ = conn.WriteMessage(websocket.BinaryMessage, data(r.Channel, samples...))
		}
		end(conn, r)
	})
}

func begin(conn *websocket.Conn, r request) {
	say(conn, `{"type": "control-message", "event": "STREAM_START", "channel": "`+r.Channel+`", "timestampMs": 1}`)
	say(conn, `{"type": "control-message", "event": "JOB_START", "channel": "`+r.Channel+`", "handle": "h", "timestampMs": 1}`)
	say(conn, `{"type": "message", "channel": "`+r.Channel+`", "logicalTimestampMs": 1, "message": {"messageCode": "JOB_RUNNING_RESOLUTION", "contents": {"resolutionMs": 1000}}}`)
	say(conn, `{"type": "metadata", "channel": "`+r.Channel+`", "tsId": "AAAAAAAAAAE", "properties": {"sf_metric": "requests", "app": "podinfo"}}`)
	say(conn, `{"event": "KEEP_ALIVE"}`)
}

func end(conn *websocket.Conn, r request) {
	say(conn, `{"type": "control-message", "event": "END_OF_CHANNEL", "channel": "`+r.Channel+`", "timestampMs": 1}`)
}

// fail says that a program is not run.
func fail(conn *websocket.Conn, r request, code int, message string) {
	text, _ := json.Marshal(message) // a string always is JSON
	say(conn, fmt.Sprintf(`{"type": "error", "channel": %q, "error": %d, "errorType": "ANALYTICS_PROGRAM_NAME_ERROR", "message": %s}`, r.Channel, code, text))
}

func backend() metricstest.Backend {
	return metricstest.Backend{
		New:   func(t *testing.T, address string) metrics.Provider { return provider(t, address) },
		Query: "data('requests').mean().publish()",
		Answers: metricstest.Answers{
			Value:         computing([]sample{float(1, 98)}, []sample{float(1, 99.5)}),
			SeveralSeries: computing([]sample{float(1, 1), float(2, 99.5)}),
			Empty:         computing(),
			Null:          computing([]sample{{kind: nothing, series: 1}}),
			NaN:           computing([]sample{float(1, math.NaN())}),
		},
		Refuse: func(w http.ResponseWriter, r *http.Request, status int, message string) {
			speaking(func(conn *websocket.Conn, asked request) {
				begin(conn, asked)
				fail(conn, asked, status, message+asked.Token)
			})(w, r)
		},
		// The contract has it that a program must not have several series.
		Differs: map[metricstest.Case]metricstest.Verdict{metricstest.SeveralSeries: metricstest.BadQuery},
	}
}

func TestVerdicts(t *testing.T) { metricstest.Run(t, backend()) }

func TestLeaks(t *testing.T) { metricstest.Leaks(t, backend()) }

// ask asks a server once.
func ask(t *testing.T, answer http.HandlerFunc) (float64, error) {
	t.Helper()
	server := httptest.NewServer(answer)
	defer server.Close()
	return provider(t, server.URL).Query(t.Context(), "program")
}

func TestAnswers(t *testing.T) {
	binaries := func(messages ...[]byte) http.HandlerFunc {
		return speaking(func(conn *websocket.Conn, r request) {
			for _, message := range messages {
				_ = conn.WriteMessage(websocket.BinaryMessage, message)
			}
			end(conn, r)
		})
	}
	saying := func(message string) http.HandlerFunc {
		return speaking(func(conn *websocket.Conn, _ request) { say(conn, message) })
	}
	failing := func(code int) http.HandlerFunc {
		return speaking(func(conn *websocket.Conn, r request) { fail(conn, r, code, "no "+metricstest.Secret) })
	}
	long64 := data("ch-1", sample{long, 1, 7})
	const garbage = "error unmarshaling result: not a SignalFlow message"
	cases := map[string]struct {
		reason  string
		answer  http.HandlerFunc
		want    float64
		verdict metricstest.Verdict
		text    string
	}{
		"Long":       {"A count is a value.", binaries(long64), 7, metricstest.Value, ""},
		"Int":        {"So is a short one.", binaries(data("ch-1", sample{integer, 1, 8 << 32})), 8, metricstest.Value, ""},
		"Packed":     {"A message may be compressed.", binaries(pack(long64)), 7, metricstest.Value, ""},
		"LastIsVoid": {"A time without a value does not hide the one before.", computing([]sample{float(1, 3)}, []sample{float(1, math.NaN())}), 3, metricstest.Value, ""},
		"Others":     {"What another program says is not ours.", binaries(data("ch-0", float(1, 5)), data("ch-1", float(2, 6))), 6, metricstest.Value, ""},
		"Nothing":    {"The contract's words.", computing(), 0, metricstest.NoData, "invalid response: no values found"},
		"Several":    {"The contract's words.", computing([]sample{float(1, 1), float(2, 1)}), 0, metricstest.BadQuery, "invalid response: query returned multiple values"},
		"Program":    {"The server says what is wrong with a program.", failing(400), 0, metricstest.BadQuery, "error response: no ***"},
		"Unknown":    {"An error without a code need not be the program's.", failing(0), 0, metricstest.ProviderError, "error response: no ***"},
		"Aborted":    {"A computation that ends before its time has no value.", saying(`{"type": "control-message", "event": "CHANNEL_ABORT", "channel": "ch-1"}`), 0, metricstest.ProviderError, "error response: the computation was aborted"},
		"Token":      {"A refused token belongs to no program.", saying(`{"type": "error", "error": 401, "message": "who are you?"}`), 0, metricstest.ProviderError, "error response: who are you?"},
		"HungUp":     {"The server may hang up.", speaking(func(conn *websocket.Conn, _ request) { _ = conn.Close() }), 0, metricstest.ProviderError, "request failed: the connection was closed"},
		"Handshake": {"Proxies refuse with a status.", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "no "+metricstest.Secret, http.StatusForbidden)
		}, 0, metricstest.ProviderError, "error response: no ***"},
		"OtherPage": {"A page is no websocket.", metricstest.Body("{}"), 0, metricstest.ProviderError, "request failed: the answer opens no websocket"},
		"Away": {"Nobody is sent to another host.", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere/", http.StatusFound)
		}, 0, metricstest.ProviderError, "error response: Status 302 Found: redirect to another host is not followed"},
		"NoJSON":     {"What is no message is not quoted.", saying("secret"), 0, metricstest.ProviderError, garbage},
		"OtherJSON":  {"Nor is one of other types.", saying(`{"type": "error", "error": "secret"}`), 0, metricstest.ProviderError, garbage},
		"NoName":     {"A channel without an end would crash the library.", binaries(bytes.Repeat([]byte{0x7e}, 40)), 0, metricstest.ProviderError, garbage},
		"Short":      {"So would a message that is too short.", binaries(long64[:30]), 0, metricstest.ProviderError, garbage},
		"Shorter":    {"Or has no header.", binaries(long64[:5]), 0, metricstest.ProviderError, garbage},
		"BadPacking": {"What cannot be unpacked is no message.", binaries(pack(long64)[:25]), 0, metricstest.ProviderError, garbage},
		"Bomb":       {"A small message may be large once unpacked.", binaries(pack(append(data("ch-0"), make([]byte, 2*maxMessage)...))), 0, metricstest.ProviderError, garbage},
		"Flood":      {"A large message is not read.", binaries(make([]byte, maxMessage+1)), 0, metricstest.ProviderError, "request failed: the connection was closed"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := ask(t, tc.answer)
			if got != tc.want || metricstest.VerdictOn(err) != tc.verdict || err != nil && err.Error() != tc.text {
				t.Errorf("%s\nQuery(...): want %v with %s, %q, got %v, %v", tc.reason, tc.want, tc.verdict, tc.text, got, err)
			}
		})
	}
}

func TestRequest(t *testing.T) {
	type sent struct{ Path, Program, Channel, Token string }
	var mu sync.Mutex
	var got []any
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		got = append(got, sent{Path: r.URL.String(), Token: r.Header.Get("X-SF-Token")})
		mu.Unlock()
		if r.Header.Get("Upgrade") == "" {
			metricstest.Body("{}")(w, r)
			return
		}
		speaking(func(conn *websocket.Conn, asked request) {
			mu.Lock()
			got = append(got, asked)
			mu.Unlock()
			_ = conn.WriteMessage(websocket.BinaryMessage, data(asked.Channel, float(1, 1)))
			end(conn, asked)
		})(w, r)
	}))
	defer server.Close()
	p := provider(t, server.URL+"/base")
	_, first := p.Query(t.Context(), "program")
	_, second := p.Over(30*time.Second).Query(t.Context(), "other")
	if err := p.Online(t.Context()); first != nil || second != nil || err != nil {
		t.Fatal(first, second, err)
	}
	const stop = 1_700_000_000_000
	want := []any{
		sent{Path: "/base/v2/signalflow/connect"},
		request{Type: "execute", Channel: "ch-1", Program: "program", Start: stop - 600_000, Stop: stop, Immediate: true},
		request{Type: "execute", Channel: "ch-2", Program: "other", Start: stop - 300_000, Stop: stop, Immediate: true},
		sent{Path: "/base/v2/metric?limit=1", Token: metricstest.Secret},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("A connection serves several programs about the last ten intervals: -want +got\n%s", diff)
	}
}

func TestServerOfTheLibrary(t *testing.T) {
	backend := signalflow.NewRunningFakeBackend()
	defer backend.Stop()
	backend.AccessToken = metricstest.Secret
	const series = idtool.ID(7)
	backend.AddProgramTSIDs("program", []idtool.ID{series})
	backend.AddTSIDMetadata(series, &messages.MetadataProperties{ResolutionMS: 1})
	backend.SetTSIDFloatData(series, metricstest.Measured)
	// The server computes as many instants as lie in the window, one each millisecond.
	p := provider(t, backend.URL()).Over(time.Millisecond)
	if got, err := p.Query(t.Context(), "program"); got != metricstest.Measured || err != nil {
		t.Errorf("The library's server is answered as its client would: got %v, %v", got, err)
	}
}

func TestTokenIsSent(t *testing.T) {
	tokens := make(chan string, 1)
	_, err := ask(t, func(w http.ResponseWriter, r *http.Request) {
		upgrader := websocket.Upgrader{}
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return // no token arrives
		}
		var first request
		_ = conn.ReadJSON(&first) // an empty token is what the test sees
		tokens <- first.Token
		_ = conn.Close()
	})
	if got := <-tokens; got != metricstest.Secret || err == nil {
		t.Errorf("The first message says who asks: got %q, %v", got, err)
	}
}

func TestClosedConnectionIsReplaced(t *testing.T) {
	var connections atomic.Int32
	once := func(w http.ResponseWriter, r *http.Request) {
		connections.Add(1)
		speaking(func(conn *websocket.Conn, asked request) {
			_ = conn.WriteMessage(websocket.BinaryMessage, data(asked.Channel, float(1, 1)))
			end(conn, asked)
			_ = conn.Close()
		})(w, r)
	}
	server := httptest.NewServer(http.HandlerFunc(once))
	defer server.Close()
	p := provider(t, server.URL)
	for range 3 {
		if got, err := p.Query(t.Context(), "program"); got != 1 || err != nil {
			t.Fatalf("A connection that ended while it was kept is no outage: %v, %v", got, err)
		}
	}
	if got := connections.Load(); got != 3 {
		t.Errorf("Each query found its connection closed, but there were %d", got)
	}
}

func TestAddresses(t *testing.T) {
	cases := map[string]struct{ reason, address, api, stream string }{
		"API":     {"The stream is beside the API.", "https://api.us1.signalfx.com", "https://api.us1.signalfx.com", "wss://stream.us1.signalfx.com"},
		"Stream":  {"The API is beside the stream.", "wss://stream.us1.signalfx.com", "https://api.us1.signalfx.com", "wss://stream.us1.signalfx.com"},
		"Private": {"Private links have a prefix.", "https://private-api.us1.signalfx.com", "https://private-api.us1.signalfx.com", "wss://private-stream.us1.signalfx.com"},
		"Within":  {"A word that merely holds another stays.", "https://rapid.streams.example.com/api", "https://rapid.streams.example.com/api", "wss://rapid.streams.example.com/api"},
		"Local":   {"Any other server is both.", "http://127.0.0.1:8080", "http://127.0.0.1:8080", "ws://127.0.0.1:8080"},
		"User":    {"A user is for HTTP alone.", "http://me:pw@proxy", "http://me:pw@proxy", "ws://proxy"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			address, err := url.Parse(tc.address)
			if err != nil {
				t.Fatal(err)
			}
			if api, stream := apiOf(address).String(), streamOf(address).String(); api != tc.api || stream != tc.stream {
				t.Errorf("%s\nwant %s and %s, got %s and %s", tc.reason, tc.api, tc.stream, api, stream)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	broken := config("http://h", "t")
	broken.Credentials["ca.crt"] = []byte("x")
	cases := map[string]struct {
		reason, want string
		cfg          metrics.Config
	}{
		"NoAddress": {"There is no default.", "splunk endpoint is not set", config("", "t")},
		"NoURL":     {"A host alone is no URL.", "splunk address api.us1.signalfx.com is not a valid URL", config("api.us1.signalfx.com", "t")},
		"NoToken":   {"Nobody may ask without a token.", "splunk credentials does not contain sf_token_key", config("http://h", "")},
		"Authority": {"A broken authority would trust nobody.", "splunk credentials hold no certificate in ca.crt", broken},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := New(tc.cfg); err == nil || err.Error() != tc.want {
				t.Errorf("%s\nNew(...): want %q, got %v", tc.reason, tc.want, err)
			}
		})
	}
}
