package courier

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRedirectStaysAPost(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			var method, kind, token, body string
			mux := http.NewServeMux()
			mux.Handle("/old", http.RedirectHandler("/older", status))
			mux.Handle("/older", http.RedirectHandler("/new", status))
			mux.HandleFunc("/new", func(_ http.ResponseWriter, r *http.Request) {
				got, _ := io.ReadAll(r.Body)
				method, kind = r.Method, r.Header.Get("Content-Type")
				token, body = r.Header.Get("Authorization"), string(got)
			})
			receiver := httptest.NewServer(mux)
			defer receiver.Close()

			answer, err := impatient().Send(t.Context(), letter(receiver.URL+"/old"))
			if err != nil || !answer.OK() {
				t.Fatalf("got %+v, %v", answer, err)
			}
			want := []string{"POST", "application/json", "Bearer t0ken", `{"a":"b"}`}
			if diff := cmp.Diff(want, []string{method, kind, token, body}); diff != "" {
				t.Errorf("the same host gets the same request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRedirectElsewhereIsNotFollowed(t *testing.T) {
	reached := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer elsewhere.Close()
	receiver := httptest.NewServer(http.RedirectHandler(elsewhere.URL+"/steal?from=here", http.StatusTemporaryRedirect))
	defer receiver.Close()

	answer, err := impatient().Send(t.Context(), letter(receiver.URL))
	if err != nil || answer.Attempts != 1 || answer.Destination != elsewhere.URL {
		t.Errorf("the answer is where it leads, but not the whole of it; got %+v, %v", answer, err)
	}
	if reached {
		t.Error("another host got the letter, and the token with it")
	}
}

func TestLocationIsNoRedirect(t *testing.T) {
	for _, status := range []int{http.StatusCreated, http.StatusAccepted, http.StatusForbidden} {
		receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://elsewhere.invalid/run/1")
			w.WriteHeader(status)
		}))
		answer, err := impatient().Send(t.Context(), letter(receiver.URL))
		receiver.Close()
		if err != nil || answer.Status != status || answer.Destination != "" {
			t.Errorf("what was made may be told by its location, got %+v, %v", answer, err)
		}
	}
}

func TestRedirectLoopEnds(t *testing.T) {
	tried := 0
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tried++
		http.Redirect(w, r, "/again", http.StatusFound)
	}))
	defer receiver.Close()

	answer, err := impatient().Send(t.Context(), letter(receiver.URL))
	if err != nil || answer.Status != http.StatusFound {
		t.Errorf("a loop ends with the redirect as the answer, got %+v, %v", answer, err)
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
