package courier

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// impatient pauses for no time at all between attempts.
func impatient() Client {
	return Client{
		Transport: NewTransport(VerifyCertificates),
		Pause:     func(time.Duration, time.Duration, int, *http.Response) time.Duration { return 0 },
	}
}

func letter(to string) Letter {
	return Letter{URL: to, Body: []byte(`{"a":"b"}`), Token: "t0ken", Timeout: 5 * time.Second, Retries: 2}
}

func TestSend(t *testing.T) {
	cases := map[string]struct {
		reason   string
		statuses []int // of each attempt, the last again and again
		want     int
		attempts int
	}{
		"OK":              {"The usual yes.", []int{200}, 200, 1},
		"NoContent":       {"A yes needs no words.", []int{204}, 204, 1},
		"Refused":         {"A no is a no.", []int{403}, 403, 1},
		"NotImplemented":  {"501 does not heal by waiting.", []int{501}, 501, 1},
		"TooManyRequests": {"Who is busy now may not be later.", []int{429, 200}, 200, 2},
		"Healed":          {"A receiver may come back.", []int{500, 503, 202}, 202, 3},
		"Down":            {"The last answer counts.", []int{502}, 502, 3},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var bodies []string
			receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				bodies = append(bodies, string(body))
				w.WriteHeader(tc.statuses[min(len(bodies), len(tc.statuses))-1])
			}))
			defer receiver.Close()

			answer, err := impatient().Send(t.Context(), letter(receiver.URL))
			if err != nil || answer.Status != tc.want || answer.Attempts != tc.attempts || answer.OK() != (tc.want < 300) {
				t.Errorf("%s\ngot %+v, %v; want status %d after %d attempts", tc.reason, answer, err, tc.want, tc.attempts)
			}
			for _, body := range bodies {
				if body != `{"a":"b"}` {
					t.Errorf("every attempt carries the whole body, got %q", body)
				}
			}
		})
	}
}

func TestSendReads(t *testing.T) {
	long := strings.Repeat("x", 511)
	cases := map[string]struct {
		reason  string
		body    string
		read    int // bytes
		excerpt string
	}{
		"Nothing":      {"There may be no words.", "", 0, ""},
		"Words":        {"Texts are matched upon, so nothing is trimmed.", "no\n", 3, "no\n"},
		"Page":         {"A page of HTML is read in part and shown in less.", strings.Repeat("x", 9000), 4096, long + "x"},
		"CutCharacter": {"A cut leaves no half of a character.", long + "ü", 513, long},
		"NotText":      {"Events and logs take UTF-8 alone.", "a\xffb", 3, "ab"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, tc.body)
			}))
			defer receiver.Close()

			answer, err := impatient().Send(t.Context(), letter(receiver.URL))
			if err != nil || answer.Unread != nil || len(answer.Body) != tc.read || answer.Excerpt() != tc.excerpt {
				t.Errorf("%s\ngot %d bytes, %q, %v", tc.reason, len(answer.Body), answer.Excerpt(), err)
			}
		})
	}
}

func TestSendSaysWhatIsUnread(t *testing.T) {
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "only this")
	}))
	defer receiver.Close()

	answer, err := impatient().Send(t.Context(), letter(receiver.URL))
	if err != nil || !answer.OK() || answer.Excerpt() != "only this" || answer.Unread == nil {
		t.Errorf("an answer that breaks off is one nevertheless, got %+v, %v", answer, err)
	}
}

func TestSendGoesByTheProxyOfTheLetter(t *testing.T) {
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.String())
	}))
	defer proxy.Close()
	direct := 0
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { direct++ }))
	defer receiver.Close()
	via, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}

	client := impatient()
	for _, l := range []Letter{{URL: "http://chat.invalid/hook", Proxy: via}, {URL: receiver.URL}, {URL: receiver.URL, Proxy: via}} {
		l.Timeout = 5 * time.Second
		if _, err := client.Send(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"POST http://chat.invalid/hook", "POST " + receiver.URL + "/"}
	if diff := cmp.Diff(want, asked); diff != "" || direct != 1 {
		t.Errorf("letters with a proxy go by it, those without do not, %d did (-want +got):\n%s", direct, diff)
	}
}

func TestTransportsDifferInCertificatesAlone(t *testing.T) {
	receiver := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer receiver.Close()

	client := impatient()
	if _, err := client.Send(t.Context(), letter(receiver.URL)); err == nil {
		t.Error("a certificate that nobody vouches for must not be accepted")
	}
	client.Transport = NewTransport(TrustAnyCertificate)
	if answer, err := client.Send(t.Context(), letter(receiver.URL)); err != nil || !answer.OK() {
		t.Errorf("got %+v, %v", answer, err)
	}
	for _, v := range []Verification{VerifyCertificates, TrustAnyCertificate} {
		transport := NewTransport(v).(keptTransport).next
		if transport.Proxy == nil || transport.DialContext == nil || transport.TLSHandshakeTimeout == 0 {
			t.Errorf("verification %d must keep proxy and time limits", v)
		}
	}
}

// attempts takes the time of every attempt and answers none, so that time can be simulated.
type attempts struct {
	start time.Time
	at    []time.Duration
}

func (a *attempts) RoundTrip(r *http.Request) (*http.Response, error) {
	a.at = append(a.at, time.Since(a.start))
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestSendTakesItsTime(t *testing.T) {
	const s = time.Second
	cases := map[string]struct {
		reason  string
		timeout time.Duration
		retries int
		want    []time.Duration
		total   time.Duration
	}{
		"Once":     {"Each attempt has its limit.", 5 * s, 0, []time.Duration{0}, 5 * s},
		"Negative": {"There is always a first attempt.", 5 * s, -3, []time.Duration{0}, 5 * s},
		"Doubling": {"Each pause is twice the one before.", 5 * s, 2, []time.Duration{0, 6 * s, 13 * s}, 18 * s},
		"Endless":  {"An hour is enough.", 50 * 60 * s, 9, []time.Duration{0, 50*60*s + s}, LongestSend + slack},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				told := &attempts{start: time.Now()}
				l := Letter{URL: "http://gate.test/", Timeout: tc.timeout, Retries: tc.retries}
				if _, err := (Client{Transport: told, Pause: Pause}).Send(t.Context(), l); err == nil {
					t.Error("silence is no answer")
				}
				if diff := cmp.Diff(tc.want, told.at); diff != "" || time.Since(told.start) != tc.total {
					t.Errorf("%s\ntook %s, attempts (-want +got):\n%s", tc.reason, time.Since(told.start), diff)
				}
			})
		})
	}
}

func TestErrorsAreBrief(t *testing.T) {
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		connection, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = connection.Write([]byte(strings.Repeat("\x17", 100_000)))
		_ = connection.Close()
	}))
	defer receiver.Close()
	_, err := impatient().Send(t.Context(), letter(receiver.URL))
	if err == nil || len(err.Error()) > excerptLimit+len(receiver.URL)+10 {
		t.Errorf("a receiver that speaks no HTTP is quoted no further than one that does, got %.100s... of %d bytes", err, len(err.Error()))
	}
}
