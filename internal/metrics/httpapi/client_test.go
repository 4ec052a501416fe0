package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/metrics"
)

// client returns the client of a server, which change may alter.
func client(t *testing.T, address string, change func(*metrics.Config), credentials ...Credential) *Client {
	t.Helper()
	cfg := metrics.Config{Provider: v1beta1.MetricTemplateProvider{Type: "some", Address: address}}
	if change != nil {
		change(&cfg)
	}
	base, err := ParseAddress(cfg, "http", "https")
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(cfg, base, credentials...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// serving returns the address of a server with one answer.
func serving(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return server.URL
}

func answering(t *testing.T, status int, body string) string {
	t.Helper()
	return serving(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // a client that hung up is the client's test
	})
}

func TestAnswers(t *testing.T) {
	cases := map[string]struct {
		reason, body, want string
		status             int
		badQuery           bool
	}{
		"Success":       {reason: "A success is decoded.", status: 200, body: `{"value": 3}`},
		"Created":       {reason: "There are other successes.", status: 203, body: `{"value": 3}`},
		"Malformed":     {reason: "Who cannot parse a query says so.", status: 400, body: "parse error\n at 1:3", badQuery: true, want: "error response: parse error at 1:3"},
		"Unexecutable":  {reason: "So does who cannot run it.", status: 422, body: "no", badQuery: true, want: "error response: no"},
		"Unauthorized":  {reason: "Who may not ask learns nothing.", status: 401, body: "who?", want: "error response: who?"},
		"NotFound":      {reason: "A wrong address is not the query's fault.", status: 404, body: "404 page not found", want: "error response: 404 page not found"},
		"TooMany":       {reason: "The status is told where there is no body.", status: 429, want: "error response: Status 429 Too Many Requests"},
		"Broken":        {reason: "An outage is one.", status: 500, body: " \n", want: "error response: Status 500 Internal Server Error"},
		"NotModified":   {reason: "An answer that refers to another is none.", status: 304, want: "error response: Status 304 Not Modified: redirect to another host is not followed"},
		"LogInPage":     {reason: "A page of somebody else's is not shown.", status: 200, body: "<html>secret</html>", want: "error unmarshaling result: invalid character '<' looking for beginning of value"},
		"Nothing":       {reason: "Nothing is no document.", status: 200, want: "error unmarshaling result: unexpected end of JSON input"},
		"OtherShape":    {reason: "Nor is what has other types, and it is not quoted.", status: 200, body: `{"value": "secret"}`, want: "error unmarshaling result: not the shape of an answer"},
		"TwoDocuments":  {reason: "One answer is one document.", status: 200, body: `{} {}`, want: "error unmarshaling result: invalid character '{' after top-level value"},
		"TooMuchToRead": {reason: "A server must not fill the operator's memory.", status: 200, body: strings.Repeat(" ", maxBody) + "{}", want: "error unmarshaling result: unexpected end of JSON input"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got struct{ Value int }
			err := client(t, answering(t, tc.status, tc.body), nil).Get(t.Context(), "path", nil, &got)
			text := ""
			if err != nil {
				text = err.Error()
			}
			if text != tc.want || errors.Is(err, metrics.ErrQuery) != tc.badQuery {
				t.Errorf("%s\nGet(...): want %q, a bad query: %v; got %q", tc.reason, tc.want, tc.badQuery, text)
			}
			if err == nil && got.Value != 3 {
				t.Errorf("%s\nGet(...): want 3, got %d", tc.reason, got.Value)
			}
		})
	}
}

func TestRefusalIsFound(t *testing.T) {
	for _, status := range []int{400, 500} {
		err := client(t, answering(t, status, "no"), nil).Get(t.Context(), "", nil, nil)
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Status != status || refusal.Body != "no" {
			t.Errorf("Providers can look into a refusal: got %#v", err)
		}
	}
}

func TestNoAnswer(t *testing.T) {
	slow := serving(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	cutting := serving(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("{")) // the rest never comes
	})
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()

	cases := map[string]struct {
		reason, address, text string
		deadline              time.Duration
	}{
		"Slow":    {"The caller's deadline bounds a request.", slow, "request failed: context deadline exceeded", 20 * time.Millisecond},
		"Refused": {"The text names the server, but no port that changes with every attempt.", gone.URL, "request failed: dial tcp " + gone.Listener.Addr().String() + ": connect: connection refused", time.Minute},
		"CutOff":  {"Half an answer is none.", cutting, "error reading body: unexpected EOF", time.Minute},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), tc.deadline)
			defer cancel()
			err := client(t, tc.address, nil).Get(ctx, "", nil, nil)
			if err == nil || err.Error() != tc.text || errors.Is(err, metrics.ErrQuery) {
				t.Errorf("%s\nGet(...): want %q, got %v", tc.reason, tc.text, err)
			}
		})
	}
}

func TestGetSends(t *testing.T) {
	var got *http.Request
	server := serving(t, func(_ http.ResponseWriter, r *http.Request) { got = r })
	headers := func(h map[string][]string) func(*metrics.Config) {
		return func(cfg *metrics.Config) { cfg.Provider.Headers = h }
	}
	type header = map[string][]string
	cases := map[string]struct {
		reason, address, path string
		arguments             url.Values
		change                func(*metrics.Config)
		credentials           []Credential
		wantURL               string
		want                  header
	}{
		"Plain": {
			reason: "A request is what it is for.", address: server, path: "render",
			arguments: url.Values{"q": {"a&b"}}, wantURL: "/render?q=a%26b",
		},
		"Base": {
			reason: "A path in the address stays in front, what is behind it is dropped.", address: server + "/a/b/?x=y#z",
			path: "c%2Fd/e", wantURL: "/a/b/c%2Fd/e",
		},
		"User": {
			reason: "A user in the address is basic authentication.", address: strings.Replace(server, "//", "//me:pw@", 1),
			wantURL: "/", want: header{"Authorization": {"Basic bWU6cHc="}},
		},
		"Credential": {
			reason: "The Secret counts, not the address.", address: strings.Replace(server, "//", "//me:pw@", 1),
			credentials: []Credential{Token("Authorization", "Bearer", "abc")},
			wantURL:     "/", want: header{"Authorization": {"Bearer abc"}},
		},
		"OwnHeaders": {
			reason: "A template may bring headers with several values, and a scheme that we do not know.", address: strings.Replace(server, "//", "//me:pw@", 1),
			change:  headers(header{"x-tenant": {"a", "b"}, "authorization": {"Custom x"}}),
			wantURL: "/", want: header{"X-Tenant": {"a", "b"}, "Authorization": {"Custom x"}},
		},
		"OverHeaders": {
			reason: "A Secret is newer than a header.", address: server, change: headers(header{"X-Key": {"old"}}),
			credentials: []Credential{Token("X-Key", "", "new")},
			wantURL:     "/", want: header{"X-Key": {"new"}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if err := client(t, tc.address, tc.change, tc.credentials...).Get(t.Context(), tc.path, tc.arguments, nil); err != nil {
				t.Fatal(err)
			}
			for _, usual := range []string{"Accept-Encoding", "User-Agent"} {
				got.Header.Del(usual)
			}
			if len(tc.want) == 0 {
				tc.want = header{}
			}
			if diff := cmp.Diff(tc.want, header(got.Header)); got.URL.String() != tc.wantURL || diff != "" {
				t.Errorf("%s\nrequest: want %s, got %s; headers: -want +got\n%s", tc.reason, tc.wantURL, got.URL, diff)
			}
		})
	}
}

func TestDo(t *testing.T) {
	server := serving(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/refused" {
			w.WriteHeader(http.StatusForbidden)
		}
		_, _ = io.Copy(w, r.Body)
		_, _ = io.WriteString(w, " from "+r.Header.Get("X-Key"))
	})
	c := client(t, server, nil, Token("X-Key", "", "me"))
	post := func(path string) (*http.Response, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server+path, strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Do(req)
		if len(req.Header) != 0 {
			t.Errorf("The request stays the caller's: %v", req.Header)
		}
		return resp, err
	}
	if _, err := post("/refused"); err == nil || err.Error() != "error response: hello from ***" {
		t.Errorf("A refusal is an error without credentials: got %v", err)
	}
	resp, err := post("/")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if string(body) != "hello from me" || err != nil {
		t.Errorf("A success has its body: got %q, %v", body, err)
	}
}

func TestRedirects(t *testing.T) {
	reached := false
	foreign := serving(t, func(http.ResponseWriter, *http.Request) { reached = true })
	home := serving(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/new", http.StatusMovedPermanently)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/away":
			w.Header().Set("Location", foreign)
			w.WriteHeader(http.StatusFound)
			_, _ = w.Write([]byte("secret"))
		}
	})
	for path, want := range map[string]string{
		"moved": "",
		"loop":  "request failed: stopped after 10 redirects",
		"away":  "error response: Status 302 Found: redirect to another host is not followed",
	} {
		got := ""
		if err := client(t, home, nil).Get(t.Context(), path, nil, nil); err != nil {
			got = err.Error()
		}
		if got != want || reached {
			t.Errorf("A redirect is followed on the same host, and not shown: want %q, got %q, reached %v", want, got, reached)
		}
	}
}

func TestStayOnHost(t *testing.T) {
	cases := map[string]struct {
		reason, from, to string
		want             error
	}{
		"SamePort":  {"Paths may change.", "http://h:9090/a", "http://h:9090/b", nil},
		"ToTLS":     {"A switch to TLS is the server's own.", "http://h/a", "https://h/a", nil},
		"FromTLS":   {"Credentials do not leave TLS.", "https://h/a", "http://h/a", http.ErrUseLastResponse},
		"OtherPort": {"Another port is another service.", "http://h:9090/a", "http://h:8080/a", http.ErrUseLastResponse},
		"OtherHost": {"Another host is another service.", "http://h/a", "http://i/a", http.ErrUseLastResponse},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			to, via := request(t, tc.to), []*http.Request{request(t, tc.from)}
			if got := StayOnHost(to, via); !errors.Is(got, tc.want) {
				t.Errorf("%s\nStayOnHost(...): want %v, got %v", tc.reason, tc.want, got)
			}
		})
	}
}

func request(t *testing.T, address string) *http.Request {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Request{URL: u}
}
