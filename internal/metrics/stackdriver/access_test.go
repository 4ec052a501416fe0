package stackdriver

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/metricstest"
)

// config returns the settings with these pairs of key and value as the Secret.
func config(pairs ...string) metrics.Config {
	cfg := metrics.Config{Credentials: map[string][]byte{}}
	cfg.Provider.Type = "stackdriver"
	cfg.Provider.SecretRef = &corev1.LocalObjectReference{Name: "google"}
	for i := 0; i < len(pairs); i += 2 {
		cfg.Credentials[pairs[i]] = []byte(pairs[i+1])
	}
	return cfg
}

// accountKey is the JSON key of a service account of the project.
func accountKey(t *testing.T, project string) string {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := json.Marshal(map[string]string{
		"type":           "service_account",
		"project_id":     project,
		"private_key_id": "1",
		"private_key":    string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"client_email":   "flagger@shop.iam.gserviceaccount.com",
		"token_uri":      "https://oauth2.googleapis.com/token",
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(key)
}

func TestNewRefuses(t *testing.T) {
	const noKey = "stackdriver credentials hold no key of a service account in serviceAccountKey"
	cases := map[string]struct {
		reason, want string
		cfg          metrics.Config
	}{
		"NoProject":    {"A Secret names the project.", "stackdriver credentials does not contain a project id", config(keyAccount, "{}")},
		"EmptyProject": {"An empty name is none.", "stackdriver credentials does not contain a project id", config(keyProject, "\n")},
		"Garbage":      {"A key is not quoted.", noKey, config(keyProject, "shop", keyAccount, metricstest.Secret)},
		"ExternalAccount": {
			"A key that names addresses to call would choose whom the operator calls.", noKey,
			config(keyProject, "shop", keyAccount, `{"type":"external_account","token_url":"http://169.254.169.254"}`),
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := New(tc.cfg); err == nil || err.Error() != tc.want {
				t.Errorf("%s\nNew(...): want %q, got %v", tc.reason, tc.want, err)
			}
		})
	}
}

func TestProjects(t *testing.T) {
	file := filepath.Join(t.TempDir(), "default.json")
	if err := os.WriteFile(file, []byte(accountKey(t, "default")), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
	cases := map[string]struct {
		reason, want string
		cfg          metrics.Config
	}{
		"NoSecret":    {"Without a Secret the default credentials say whose project it is.", "default", metrics.Config{}},
		"ProjectOnly": {"The default credentials may ask about another project.", "shop", config(keyProject, "shop\n")},
		"Account":     {"A service account may belong to another project.", "shop", config(keyProject, "shop", keyAccount, accountKey(t, "tools"))},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := New(tc.cfg)
			if err != nil {
				t.Fatal(err)
			}
			connection := p.(*Provider).connection
			s, err := connection.acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer connection.drop()
			defer connection.release()
			if s.project != tc.want {
				t.Errorf("%s\nwant project %q, got %q", tc.reason, tc.want, s.project)
			}
		})
	}
}

func TestNoDefaultCredentials(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "absent.json"))
	p, err := New(metrics.Config{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Query(t.Context(), "fetch x")
	if metricstest.VerdictOn(err) != metricstest.ProviderError || !strings.Contains(err.Error(), "absent.json") {
		t.Errorf("Without credentials nobody was asked: got %v", err)
	}
	if p.Online(t.Context()) == nil {
		t.Error("Without credentials nobody can be asked.")
	}
}

// TestDropLeavesQueriesAlone drops the provider, as the pool does when a Secret changes, while it asks.
func TestDropLeavesQueriesAlone(t *testing.T) {
	asked, dropped := make(chan struct{}), make(chan struct{})
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-dropped
		backend.Answers.Value(w, r)
	})
	p := provider(t, address).(*Provider)
	answers := make(chan error)
	ask := func() { _, err := p.Query(t.Context(), "fetch x"); answers <- err }
	go ask()
	<-asked
	p.CloseIdleConnections()
	close(dropped)
	if err := <-answers; err != nil {
		t.Errorf("A query under way ends undisturbed: %v", err)
	}
	if p.connection.session != nil {
		t.Error("The last query closes what was dropped.")
	}
	go ask()
	<-asked
	if err := <-answers; err != nil {
		t.Errorf("Who still has the provider may go on asking: %v", err)
	}
}
