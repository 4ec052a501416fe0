package prometheus

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"flagger.app/flagger/internal/metrics"
)

// one is the answer to a probe.
var one = vector(`{"metric":{},"value":[1,"1"]}`)

// secret makes a Secret with these pairs of key and value the provider's.
func secret(pairs ...string) func(*metrics.Config) {
	return func(cfg *metrics.Config) {
		cfg.Provider.SecretRef = &corev1.LocalObjectReference{Name: "prom"}
		cfg.Credentials = map[string][]byte{}
		for i := 0; i < len(pairs); i += 2 {
			cfg.Credentials[pairs[i]] = []byte(pairs[i+1])
		}
	}
}

func headers(h map[string][]string) func(*metrics.Config) {
	return func(cfg *metrics.Config) { cfg.Provider.Headers = h }
}

func TestRequest(t *testing.T) {
	type sent struct {
		Method, Path, Query, Authorization string
		Tenants                            []string
	}
	plain := sent{Method: "GET", Path: "/api/v1/query", Query: `sum(up{a="b&c"})`}
	with := func(change func(*sent)) sent {
		s := plain
		change(&s)
		return s
	}
	const meS3cret = "Basic bWU6czNjcmV0"

	cases := map[string]struct {
		reason  string
		user    string
		suffix  string
		changes []func(*metrics.Config)
		want    sent
	}{
		"Plain": {
			reason: "A query is one GET with nothing but the query.",
			want:   plain,
		},
		"BasePath": {
			reason: "A path in the address stays in front, what is behind it is dropped.",
			suffix: "/a/b/?x=y#z",
			want:   with(func(s *sent) { s.Path = "/a/b/api/v1/query" }),
		},
		"UserInAddress": {
			reason: "User and password of the address are basic authentication.",
			user:   "me:s3cret@",
			want:   with(func(s *sent) { s.Authorization = meS3cret }),
		},
		"Token": {
			reason:  "A token comes before user and password, and its newline is the editor's.",
			changes: []func(*metrics.Config){secret("token", "abc\n", "username", "me", "password", "s3cret")},
			want:    with(func(s *sent) { s.Authorization = "Bearer abc" }),
		},
		"Basic": {
			reason:  "The Secret counts, not the address.",
			user:    "you:other@",
			changes: []func(*metrics.Config){secret("username", "me", "password", "s3cret")},
			want:    with(func(s *sent) { s.Authorization = meS3cret }),
		},
		"Headers": {
			reason:  "A header may have several values.",
			changes: []func(*metrics.Config){headers(map[string][]string{"X-Scope-OrgID": {"a", "b"}})},
			want:    with(func(s *sent) { s.Tenants = []string{"a", "b"} }),
		},
		"OwnAuthorization": {
			reason:  "A template may bring a scheme that we do not know.",
			user:    "me:s3cret@",
			changes: []func(*metrics.Config){headers(map[string][]string{"authorization": {"Custom x"}})},
			want:    with(func(s *sent) { s.Authorization = "Custom x" }),
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got sent
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = sent{
					Method: r.Method, Path: r.URL.Path, Query: r.URL.Query().Get("query"),
					Authorization: r.Header.Get("Authorization"), Tenants: r.Header.Values("X-Scope-Orgid"),
				}
				_, _ = w.Write([]byte(one))
			}))
			defer server.Close()
			address := strings.Replace(server.URL, "http://", "http://"+tc.user, 1) + tc.suffix
			if _, err := provider(t, address, tc.changes...).Query(t.Context(), ` sum(up{a="b&c"}) `); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nrequest: -want +got\n%s", tc.reason, diff)
			}
		})
	}
}

func TestQueryLeavesTheTemplateAlone(t *testing.T) {
	cached := map[string][]string{"X-Tenant": {"a"}}
	p := provider(t, answering(t, 200, one), headers(cached), secret("token", "abc"))
	for range 3 {
		if err := p.Online(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(map[string][]string{"X-Tenant": {"a"}}, cached); diff != "" {
		t.Errorf("Headers belong to the cached template, credentials must not pile up there: -want +got\n%s", diff)
	}
}

func TestNewRefuses(t *testing.T) {
	cases := map[string]struct {
		reason, address, want string
		change                func(*metrics.Config)
	}{
		"NoAddress":  {reason: "There is no default.", address: "", want: "prometheus address  is not a valid URL"},
		"NoScheme":   {reason: "A host alone is no URL.", address: "prom:9090", want: "prometheus address prom:9090 is not a valid URL"},
		"BadPort":    {reason: "Not even this.", address: "http://a:b", want: "prometheus address http://a:b is not a valid URL"},
		"Password":   {reason: "A password must not reach an event.", address: "ftp://me:s3cret@h", want: "prometheus address ftp://***@h is not a valid URL"},
		"EmptyKeys":  {reason: "A Secret that holds nothing is a mistake.", address: "http://h", change: secret(), want: "prometheus credentials does not contain a username"},
		"NoUsername": {reason: "Both halves are needed.", address: "http://h", change: secret("password", "x"), want: "prometheus credentials does not contain a username"},
		"NoPassword": {reason: "Both halves are needed.", address: "http://h", change: secret("username", "x"), want: "prometheus credentials does not contain a password"},
		"CAGarbage":  {reason: "A broken authority would trust nobody.", address: "http://h", change: secret("ca.crt", "s3cret"), want: "prometheus credentials hold no certificate in ca.crt"},
		"NoKey":      {reason: "A certificate needs its key.", address: "http://h", change: secret("tls.crt", "x"), want: "prometheus credentials does not contain a tls.key"},
		"PairGarbage": {
			reason: "The keys are named, their values are not.", address: "http://h",
			change: secret("tls.crt", "s3cret", "tls.key", "s3cret"),
			want:   "prometheus credentials tls.crt and tls.key: tls: failed to find any PEM data in certificate input",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			cfg := metrics.Config{}
			cfg.Provider.Type, cfg.Provider.Address = "prometheus", tc.address
			if tc.change != nil {
				tc.change(&cfg)
			}
			if _, err := New(cfg); err == nil || err.Error() != tc.want {
				t.Errorf("%s\nNew(...): want %q, got %v", tc.reason, tc.want, err)
			}
		})
	}
}

func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(one))
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are the point
	server.StartTLS()
	defer server.Close()
	authority := pemOf("CERTIFICATE", server.Certificate().Raw)
	key, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	own := []string{"tls.crt", authority, "tls.key", pemOf("PRIVATE KEY", key)}

	cases := map[string]struct {
		reason string
		change func(*metrics.Config)
		fault  string
	}{
		"Unknown":        {reason: "An authority that nobody named is not trusted.", change: secret(own...), fault: theirs},
		"Authority":      {reason: "The Secret may name the authority.", change: secret(append(own, "ca.crt", authority)...), fault: none},
		"NoCertificate":  {reason: "The server wants to know who asks.", change: secret("ca.crt", authority), fault: theirs},
		"Unverified":     {reason: "A template may ask for no verification.", change: func(c *metrics.Config) { secret(own...)(c); c.Provider.InsecureSkipVerify = true }, fault: none},
		"TokenAndClient": {reason: "TLS and a token go together.", change: secret(append(own, "ca.crt", authority, "token", "t")...), fault: none},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if err := provider(t, server.URL, tc.change).Online(t.Context()); faultOf(err) != tc.fault {
				t.Errorf("%s\nOnline(): want %s, got %v", tc.reason, tc.fault, err)
			}
		})
	}
}

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func TestRedirects(t *testing.T) {
	reached := false
	foreign := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached = true
		_, _ = w.Write([]byte(one))
	}))
	defer foreign.Close()
	home := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/moved"):
			http.Redirect(w, r, "/new/api/v1/query?"+r.URL.RawQuery, http.StatusMovedPermanently)
		case strings.HasPrefix(r.URL.Path, "/new"):
			_, _ = w.Write([]byte(one))
		default:
			w.Header().Set("Location", foreign.URL)
			w.WriteHeader(http.StatusFound)
			_, _ = w.Write([]byte("secret"))
		}
	}))
	defer home.Close()

	if err := provider(t, home.URL+"/moved").Online(t.Context()); err != nil {
		t.Errorf("A redirect on the same host is followed: %v", err)
	}
	err := provider(t, home.URL+"/away").Online(t.Context())
	const want = "running query failed: error response: Status 302 Found: redirect to another host is not followed"
	if reached || err == nil || err.Error() != want {
		t.Errorf("A redirect to another host is not followed, nor its body shown: reached %v, %v", reached, err)
	}
}

func TestRefusalShowsLittle(t *testing.T) {
	const shown = 512 // bytes
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, r.Header.Get("Authorization")+strings.Repeat(" é", 1000), http.StatusUnauthorized)
	}))
	defer echo.Close()
	for name, change := range map[string]func(*metrics.Config){
		"token": secret("token", "s3cret"),
		"basic": secret("username", "me", "password", "s3cret"),
	} {
		err := provider(t, echo.URL, change).Online(t.Context())
		text := err.Error()
		_, body, _ := strings.Cut(text, "Unauthorized: ")
		if strings.Contains(text, "s3cret") || strings.Contains(text, "bWU6") || len(body) > shown || len(body) < shown-2 {
			t.Errorf("%s: a refusal shows %d bytes at most and no credentials: %d bytes, %q", name, shown, len(body), text)
		}
	}
}

func TestBodyIsBounded(t *testing.T) {
	flood := answering(t, http.StatusOK, strings.Repeat(" ", maxBody)+one)
	err := provider(t, flood).Online(t.Context())
	const want = "running query failed: error unmarshaling result: unexpected end of JSON input"
	if err == nil || err.Error() != want {
		t.Errorf("A server must not fill the operator's memory: want %q, got %v", want, err)
	}
}
