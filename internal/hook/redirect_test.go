package hook

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"flagger.app/flagger/api/v1beta1"
)

// countNew counts connections that were opened.
func countNew(n *atomic.Int64) func(net.Conn, http.ConnState) {
	return func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			n.Add(1)
		}
	}
}

func TestRedirectStaysAPost(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			var method, kind, body string
			mux := http.NewServeMux()
			mux.Handle("/old", http.RedirectHandler("/older", status))
			mux.Handle("/older", http.RedirectHandler("/new", status))
			mux.HandleFunc("/new", func(_ http.ResponseWriter, r *http.Request) {
				got, _ := io.ReadAll(r.Body)
				method, kind, body = r.Method, r.Header.Get("Content-Type"), string(got)
			})
			receiver := httptest.NewServer(mux)
			defer receiver.Close()

			w := v1beta1.CanaryWebhook{Name: "test", URL: receiver.URL + "/old"}
			if err := impatient().Call(t.Context(), podinfo(), w, v1beta1.PhaseProgressing); err != nil {
				t.Fatal(err)
			}
			if method != "POST" || kind != "application/json" || !strings.HasPrefix(body, `{"name":"podinfo"`) {
				t.Errorf("got %s of %q: %s", method, kind, body)
			}
		})
	}
}

func TestRedirectElsewhereIsRefused(t *testing.T) {
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

func TestRedirectLoopEnds(t *testing.T) {
	tried := 0
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tried++
		http.Redirect(w, r, "/again", http.StatusFound)
	}))
	defer receiver.Close()

	w := v1beta1.CanaryWebhook{Name: "test", URL: receiver.URL, Retries: 3}
	if err := impatient().Call(t.Context(), podinfo(), w, v1beta1.PhaseProgressing); err == nil {
		t.Error("a loop is no answer")
	}
	if tried != mostRedirects+1 {
		t.Errorf("got %d requests, want %d", tried, mostRedirects+1)
	}
}

func TestSameReceiver(t *testing.T) {
	cases := map[string]struct {
		reason string
		a, b   string
		want   bool
	}{
		"Path":          {"Another path is the same receiver.", "http://gate.test/a", "http://gate.test/b", true},
		"Case":          {"Host names know no case.", "http://gate.test/", "http://Gate.Test/", true},
		"ImpliedPort":   {"A port may be left out.", "http://gate.test/", "http://gate.test:80/", true},
		"Upgrade":       {"Moving to https is common and safe.", "http://gate.test/", "https://gate.test/", true},
		"Downgrade":     {"Leaving https would show the payload on the wire.", "https://gate.test/", "http://gate.test/", false},
		"Port":          {"Behind another port is another program.", "http://gate.test/", "http://gate.test:8080/", false},
		"UpgradedPort":  {"An upgrade is not a way to any port.", "http://gate.test/", "https://gate.test:6443/", false},
		"Host":          {"Another host is another receiver.", "http://gate.test/", "http://gate.test.evil/", false},
		"Subdomain":     {"A subdomain is another host.", "http://gate.test/", "http://a.gate.test/", false},
		"IPv6":          {"Addresses are hosts too.", "http://[::1]:80/", "http://[::1]/", true},
		"UnknownScheme": {"No other scheme is followed.", "http://gate.test/", "ftp://gate.test:80/", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a, _ := url.Parse(tc.a)
			b, _ := url.Parse(tc.b)
			if got := sameReceiver(a, b); got != tc.want {
				t.Errorf("%s\ngot %t, want %t", tc.reason, got, tc.want)
			}
		})
	}
}
