package hook

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/api/v1beta1"
)

// impatient returns a Caller that pauses for no time at all between attempts.
func impatient() *Caller {
	h := New(Options{Log: logr.Discard()})
	atOnce := func(time.Duration, time.Duration, int, *http.Response) time.Duration { return 0 }
	h.verified.Pause, h.trusting.Pause = atOnce, atOnce
	return h
}

// text returns the text of an error, or "" for none.
func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestCallPostsOnce(t *testing.T) {
	var got *http.Request
	var body []byte
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	}))
	defer receiver.Close()

	w := v1beta1.CanaryWebhook{Name: "gate", URL: receiver.URL + "/gate/check", Metadata: map[string]string{"a": "b"}}
	if err := impatient().Call(t.Context(), podinfo(), w, v1beta1.PhaseWaiting); err != nil {
		t.Fatal(err)
	}
	want := []string{"POST", "/gate/check", "application/json"}
	if diff := cmp.Diff(want, []string{got.Method, got.URL.Path, got.Header.Get("Content-Type")}); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	golden(t, "call.json", body)
}

func TestCallJudgesStatus(t *testing.T) {
	cases := map[string]struct {
		reason string
		status int
		body   string
		want   string // with URL for the receiver
		tried  int
	}{
		"OK":                  {"The usual yes.", 200, "ignored", "", 1},
		"Accepted":            {"Work that goes on is a yes.", 202, "", "", 1},
		"NonAuthoritative":    {"Every 2xx is a yes.", 203, "", "", 1},
		"NoContent":           {"A yes needs no words.", 204, "", "", 1},
		"NotModified":         {"A redirect to nowhere is no answer.", 304, "", "status 304 Not Modified", 1},
		"BadRequest":          {"The receiver's words are what the user needs.", 400, "bad metadata", "bad metadata", 1},
		"Forbidden":           {"A closed gate is a no at once.", 403, "Forbidden", "Forbidden", 1},
		"ForbiddenWithout":    {"An answer without words is named.", 403, "", "status 403 Forbidden", 1},
		"NotImplemented":      {"501 does not heal by waiting.", 501, "no such task", "no such task", 1},
		"TooManyRequests":     {"429 is worth another attempt.", 429, "slow down", "slow down", 3},
		"ServerError":         {"The words survive the retries: a load test reports with 500.", 500, "2 of 5 failed", "2 of 5 failed", 3},
		"ServerErrorWithout":  {"Without words the attempts are told.", 500, "", "POST URL giving up after 3 attempt(s)", 3},
		"UnavailableWithout":  {"The same for 503.", 503, "", "POST URL giving up after 3 attempt(s)", 3},
		"LongBody":            {"A page of HTML does not belong into an event.", 400, strings.Repeat("x", 5000), strings.Repeat("x", 512), 1},
		"CutCharacter":        {"A cut leaves no half of a character.", 400, strings.Repeat("x", 511) + "ü", strings.Repeat("x", 511), 1},
		"NotText":             {"Events take UTF-8 alone.", 400, "a\xffb", "ab", 1},
		"KeepsLinesAsWritten": {"Texts are matched upon, so nothing is trimmed.", 412, "no\n", "no\n", 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tried := 0
			receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				tried++
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			}))
			defer receiver.Close()

			w := v1beta1.CanaryWebhook{Name: "test", URL: receiver.URL, Retries: 2}
			err := impatient().Call(t.Context(), podinfo(), w, v1beta1.PhaseProgressing)

			if got := strings.ReplaceAll(text(err), receiver.URL, "URL"); got != tc.want {
				t.Errorf("%s\ngot error %q, want %q", tc.reason, got, tc.want)
			}
			if tried != tc.tried {
				t.Errorf("%s\ngot %d attempts, want %d", tc.reason, tried, tc.tried)
			}
		})
	}
}

func TestCallRetriesUntilTheReceiverAgrees(t *testing.T) {
	tried := 0
	var bodies []string
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies = append(bodies, string(body))
		if tried++; tried < 3 {
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	defer receiver.Close()

	w := v1beta1.CanaryWebhook{Name: "test", URL: receiver.URL, Retries: 5}
	if err := impatient().Call(t.Context(), podinfo(), w, v1beta1.PhaseProgressing); err != nil {
		t.Fatal(err)
	}
	if len(bodies) != 3 || bodies[0] == "" || bodies[1] != bodies[0] || bodies[2] != bodies[0] {
		t.Errorf("every attempt must carry the same body, got %q", bodies)
	}
}

func TestCallCannotReach(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer silent.Close()
	breaking := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer breaking.Close()
	unverified := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer unverified.Close()

	cases := map[string]struct {
		reason string
		hook   v1beta1.CanaryWebhook
		want   string // a part of the text
	}{
		"Refused": {
			"Nobody listens, on any attempt.",
			v1beta1.CanaryWebhook{URL: closed.URL, Retries: 1},
			"POST " + closed.URL + " giving up after 2 attempt(s): ",
		},
		"TooSlow": {
			"A receiver that says nothing is not waited for.",
			v1beta1.CanaryWebhook{URL: silent.URL, Timeout: "20ms"},
			"giving up after 1 attempt(s): Post",
		},
		"Broken": {
			"A connection that breaks is told without our own, ever changing, port.",
			v1beta1.CanaryWebhook{URL: breaking.URL},
			"POST " + breaking.URL + " giving up after 1 attempt(s): ",
		},
		"UnknownCertificate": {
			"A certificate does not become valid by waiting.",
			v1beta1.CanaryWebhook{URL: unverified.URL, Retries: 3},
			"giving up after 1 attempt(s): Post \"" + unverified.URL + "\": tls: failed to verify certificate",
		},
		"Scheme": {
			"A scheme that nobody speaks is refused at once.",
			v1beta1.CanaryWebhook{URL: "ftp://localhost/", Retries: 3},
			"giving up after 1 attempt(s)",
		},
		"BadURL": {
			"A URL that cannot be read never gets as far as a request.",
			v1beta1.CanaryWebhook{URL: "http://[::1"},
			"build request",
		},
		"BadTimeout": {
			"The field that is wrong is shown.",
			v1beta1.CanaryWebhook{URL: silent.URL, Timeout: "5msfoo"},
			`timeout "5msfoo" is not a duration`,
		},
		"Password": {
			"A password in a URL stays out of events.",
			v1beta1.CanaryWebhook{URL: strings.Replace(closed.URL, "://", "://user:secret@", 1)},
			"user:xxxxx@",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := text(impatient().Call(t.Context(), podinfo(), tc.hook, v1beta1.PhaseProgressing))
			if !strings.Contains(got, tc.want) || strings.Contains(got, "secret") || strings.Contains(got, "->") {
				t.Errorf("%s\ngot %q, want it to contain %q", tc.reason, got, tc.want)
			}
		})
	}
}

func TestCallAcceptsAnyCertificateWhenAsked(t *testing.T) {
	receiver := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer receiver.Close()

	w := v1beta1.CanaryWebhook{Name: "test", URL: receiver.URL, DisableTLS: true}
	if err := impatient().Call(t.Context(), podinfo(), w, v1beta1.PhaseProgressing); err != nil {
		t.Error(err)
	}
}

// countNew counts connections that were opened.
func countNew(n *atomic.Int64) func(net.Conn, http.ConnState) {
	return func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			n.Add(1)
		}
	}
}

func TestCallKeepsItsConnection(t *testing.T) {
	var opened atomic.Int64
	receiver := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, strings.Repeat("x", 2000))
	}))
	receiver.Config.ConnState = countNew(&opened)
	receiver.Start()
	defer receiver.Close()

	h := impatient()
	for range 5 {
		w := v1beta1.CanaryWebhook{Name: "test", URL: receiver.URL, Retries: 1, Timeout: "5s"}
		_ = h.Call(t.Context(), podinfo(), w, v1beta1.PhaseProgressing)
	}
	if got := opened.Load(); got != 1 {
		t.Errorf("ten failed attempts one after the other opened %d connections, want 1", got)
	}
}

func TestCallIsNotSentElsewhere(t *testing.T) {
	reached := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached = true
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "internal data")
	}))
	defer elsewhere.Close()
	tried := 0
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tried++
		http.Redirect(w, r, elsewhere.URL+"/token?secret=1", http.StatusTemporaryRedirect)
	}))
	defer receiver.Close()

	w := v1beta1.CanaryWebhook{Name: "test", URL: receiver.URL, Retries: 3}
	err := impatient().Call(t.Context(), podinfo(), w, v1beta1.PhaseProgressing)

	want := "status 307 Temporary Redirect: redirect to " + elsewhere.URL + " not followed"
	if text(err) != want {
		t.Errorf("got %q, want %q", err, want)
	}
	if reached || tried != 1 {
		t.Errorf("the other host was reached: %t, after %d attempts; want it refused at the first", reached, tried)
	}
}

// script answers each attempt in turn, the last answer again and again; it needs no network, so that time can be
// simulated.
type script struct {
	answers []func(*http.Request) (*http.Response, error)
	calls   []time.Duration // since the start
	start   time.Time
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.calls = append(s.calls, time.Since(s.start))
	answer := s.answers[min(len(s.calls), len(s.answers))-1]
	return answer(r)
}

func answer(status int, header ...string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		resp := &http.Response{StatusCode: status, Header: http.Header{}, Body: http.NoBody, Request: r}
		if len(header) == 2 {
			resp.Header.Set(header[0], header[1])
		}
		return resp, nil
	}
}

func silence(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestCallTakesItsTime(t *testing.T) {
	const s = time.Second
	type answers = []func(*http.Request) (*http.Response, error)
	cases := map[string]struct {
		reason  string
		hook    v1beta1.CanaryWebhook
		answers answers
		calls   []time.Duration
		total   time.Duration
	}{
		"Doubling": {
			"Each pause is twice the one before, up to 30 s.",
			v1beta1.CanaryWebhook{Retries: 7},
			answers{answer(500)},
			[]time.Duration{0, 1 * s, 3 * s, 7 * s, 15 * s, 31 * s, 61 * s, 91 * s},
			91 * s,
		},
		"RetryAfter": {
			"A receiver may say when it wants to be asked again.",
			v1beta1.CanaryWebhook{Retries: 1},
			answers{answer(503, "Retry-After", "7"), answer(200)},
			[]time.Duration{0, 7 * s},
			7 * s,
		},
		"RetryAfterADay": {
			"A receiver cannot hold the rollout for a day.",
			v1beta1.CanaryWebhook{Retries: 1},
			answers{answer(429, "Retry-After", "86400"), answer(200)},
			[]time.Duration{0, 30 * s},
			30 * s,
		},
		"DefaultTimeout": {
			"Without a time limit of its own an attempt has 10 s.",
			v1beta1.CanaryWebhook{Retries: 1},
			answers{silence},
			[]time.Duration{0, 11 * s},
			21 * s,
		},
		"OwnTimeout": {
			"The limit is each attempt's.",
			v1beta1.CanaryWebhook{Retries: 2, Timeout: "1m"},
			answers{silence},
			[]time.Duration{0, 61 * s, 123 * s},
			183 * s,
		},
		"ShortText": {
			"A text too short for a number with a unit means the default.",
			v1beta1.CanaryWebhook{Timeout: "5"},
			answers{silence},
			[]time.Duration{0},
			10 * s,
		},
		"Zero": {
			"No limit at all is not on offer.",
			v1beta1.CanaryWebhook{Timeout: "0s"},
			answers{silence},
			[]time.Duration{0},
			10 * s,
		},
		"Endless": {
			"However long the hook asks for, a call ends after an hour.",
			v1beta1.CanaryWebhook{Timeout: "50m", Retries: 9},
			answers{silence},
			[]time.Duration{0, 50*60*s + s},
			60*60*s + s,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := New(Options{Log: logr.Discard()})
				told := &script{answers: tc.answers, start: time.Now()}
				h.verified.Transport = told
				tc.hook.URL = "http://gate.test/"

				_ = h.Call(t.Context(), podinfo(), tc.hook, v1beta1.PhaseProgressing)

				if diff := cmp.Diff(tc.calls, told.calls); diff != "" {
					t.Errorf("%s\nattempts (-want +got):\n%s", tc.reason, diff)
				}
				if got := time.Since(told.start); got != tc.total {
					t.Errorf("%s\ntook %s, want %s", tc.reason, got, tc.total)
				}
			})
		})
	}
}

func TestCallEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Options{Log: logr.Discard()})
		told := &script{answers: []func(*http.Request) (*http.Response, error){answer(500)}, start: time.Now()}
		h.verified.Transport = told
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()

		w := v1beta1.CanaryWebhook{URL: "http://gate.test/", Retries: 9}
		err := h.Call(ctx, podinfo(), w, v1beta1.PhaseProgressing)

		want := "POST http://gate.test/ giving up after 2 attempt(s): context deadline exceeded"
		if text(err) != want || time.Since(told.start) != 1500*time.Millisecond {
			t.Errorf("got %q after %s, want %q after 1.5s", err, time.Since(told.start), want)
		}
	})
}
