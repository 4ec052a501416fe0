package httpapi

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"flagger.app/flagger/internal/metrics"
)

// secret makes these pairs of key and value the Secret's.
func secret(pairs ...string) func(*metrics.Config) {
	return func(cfg *metrics.Config) {
		cfg.Credentials = map[string][]byte{}
		for i := 0; i < len(pairs); i += 2 {
			cfg.Credentials[pairs[i]] = []byte(pairs[i+1])
		}
	}
}

func TestParseAddress(t *testing.T) {
	cases := map[string]struct{ reason, address, want string }{
		"HTTP":     {"The usual address.", "http://h:9090/a", ""},
		"None":     {"There is no default.", "", "some address  is not a valid URL"},
		"NoScheme": {"A host alone is no URL.", "h:9090", "some address h:9090 is not a valid URL"},
		"NoHost":   {"A scheme alone neither.", "http://", "some address http:// is not a valid URL"},
		"BadPort":  {"Not even this.", "http://a:b", "some address http://a:b is not a valid URL"},
		"Scheme":   {"A provider speaks what it speaks, and a password must not reach an event.", "ws://me:pw@h", "some address ws://***@h is not a valid URL"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			cfg := metrics.Config{}
			cfg.Provider.Type, cfg.Provider.Address = "some", tc.address
			got := ""
			if _, err := ParseAddress(cfg, "http", "https"); err != nil {
				got = err.Error()
			}
			if got != tc.want {
				t.Errorf("%s\nParseAddress(%q): want %q, got %q", tc.reason, tc.address, tc.want, got)
			}
		})
	}
}

func TestSecretValue(t *testing.T) {
	cfg := metrics.Config{}
	secret("token", "abc \r\n", "empty", "")(&cfg)
	for key, want := range map[string]struct {
		value string
		ok    bool
	}{"token": {"abc ", true}, "empty": {"", true}, "missing": {"", false}} {
		if got, ok := SecretValue(cfg, key); got != want.value || ok != want.ok {
			t.Errorf("Only the newline of an editor goes: want %v, got %q, %v", want, got, ok)
		}
	}
}

func TestHeadersOfTheTemplateStay(t *testing.T) {
	cached := map[string][]string{"X-Tenant": {"a"}}
	server := answering(t, http.StatusOK, "")
	c := client(t, server, func(cfg *metrics.Config) { cfg.Provider.Headers = cached }, Token("X-Tenant", "", "b"))
	if err := c.Get(t.Context(), "", nil, nil); err != nil {
		t.Fatal(err)
	}
	if len(cached) != 1 || cached["X-Tenant"][0] != "a" {
		t.Errorf("Headers belong to the cached template, credentials must not pile up there: %v", cached)
	}
}

func TestRefusalShowsLittle(t *testing.T) {
	echo := serving(t, func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, r.Header.Get("Authorization")+" s3cret"+strings.Repeat(" é", 1000), http.StatusUnauthorized)
	})
	for name, credential := range map[string]Credential{
		"token":  Token("Authorization", "Api-Token", "s3cret"),
		"scheme": Token("Authorization", "", "s3cret"),
		"basic":  Basic("me", "s3cret"),
	} {
		err := client(t, echo, nil, credential).Get(t.Context(), "", nil, nil)
		text := err.Error()
		body := strings.TrimPrefix(text, "error response: ")
		if strings.Contains(text, "s3cret") || strings.Contains(text, "bWU6") || len(body) > maxShown || len(body) < maxShown-2 {
			t.Errorf("%s: a refusal shows %d bytes at most and no credentials: %d bytes, %q", name, maxShown, len(body), text)
		}
	}
}

func TestExcerpt(t *testing.T) {
	if got := Excerpt(" a\r\n\tb\xff "); got != "a b?" {
		t.Errorf("What is shown is one line of valid text, got %q", got)
	}
}

func TestShown(t *testing.T) {
	at := func(err error) error { return &url.Error{Op: "Get", URL: "http://h/?secret", Err: err} }
	cases := map[string]struct {
		reason string
		err    error
		want   string
	}{
		"NoHost":     {"The name is what the user can mend.", at(&net.DNSError{Name: "h", IsNotFound: true, Server: "10.0.0.1:53"}), "lookup h: no such host"},
		"NoAnswer":   {"The name server's port changes.", at(&net.DNSError{Name: "h", Err: "i/o timeout"}), "lookup h: no answer from the name server"},
		"Connection": {"Our port changes.", at(&net.OpError{Op: "read", Net: "tcp", Source: &net.TCPAddr{Port: 4711}, Addr: &net.TCPAddr{Port: 80}, Err: errors.New("reset")}), "read tcp :80: reset"},
		"Malformed":  {"The library quotes what it cannot read.", at(errors.New(`malformed HTTP response "secret"`)), "malformed HTTP response"},
		"Other":      {"Other words are the library's own.", at(io.ErrUnexpectedEOF), "unexpected EOF"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Shown(tc.err).Error(); got != tc.want {
				t.Errorf("%s\nShown(...): want %q, got %q", tc.reason, tc.want, got)
			}
		})
	}
}

func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are the point
	server.StartTLS()
	defer server.Close()
	authority := pemOf("CERTIFICATE", server.Certificate().Raw)
	key, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	own := []string{keyCertificate, authority, keyPrivateKey, pemOf("PRIVATE KEY", key)}

	cases := map[string]struct {
		reason string
		change func(*metrics.Config)
		ok     bool
	}{
		"Unknown":       {"An authority that nobody named is not trusted.", secret(own...), false},
		"Authority":     {"The Secret may name the authority.", secret(append(own, keyCA, authority)...), true},
		"NoCertificate": {"The server wants to know who asks.", secret(keyCA, authority), false},
		"Unverified":    {"A template may ask for no verification.", func(c *metrics.Config) { secret(own...)(c); c.Provider.InsecureSkipVerify = true }, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if err := client(t, server.URL, tc.change).Get(t.Context(), "", nil, nil); (err == nil) != tc.ok {
				t.Errorf("%s\nGet(...): want success: %v, got %v", tc.reason, tc.ok, err)
			}
		})
	}
}

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func TestNewRefuses(t *testing.T) {
	cases := map[string]struct {
		reason, want string
		change       func(*metrics.Config)
	}{
		"CAGarbage": {"A broken authority would trust nobody.", "some credentials hold no certificate in ca.crt", secret(keyCA, "s3cret")},
		"NoKey":     {"A certificate needs its key.", "some credentials does not contain a tls.key", secret(keyCertificate, "x")},
		"NoCert":    {"And a key its certificate.", "some credentials does not contain a tls.crt", secret(keyPrivateKey, "x")},
		"Garbage": {
			"The keys are named, their values are not.",
			"some credentials tls.crt and tls.key: tls: failed to find any PEM data in certificate input",
			secret(keyCertificate, "s3cret", keyPrivateKey, "s3cret"),
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			cfg := metrics.Config{}
			cfg.Provider.Type = "some"
			tc.change(&cfg)
			if _, err := New(cfg, &url.URL{Scheme: "http", Host: "h"}); err == nil || err.Error() != tc.want {
				t.Errorf("%s\nNew(...): want %q, got %v", tc.reason, tc.want, err)
			}
		})
	}
}
