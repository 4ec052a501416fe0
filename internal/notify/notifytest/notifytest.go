// Package notifytest is the suite that every chat service passes: the same alerts are sent to a real receiver, and what
// arrives is compared with golden files. Only tests import it.
package notifytest

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/notify"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/testkit"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// cases are the alerts by the name of their golden file.
var cases = map[string]struct {
	cluster string
	alert   rollout.Alert
}{
	"info": {"prod <eu>", rollout.Alert{
		Severity: v1beta1.SeverityInfo, Message: "New revision detected, progressing canary analysis.", Detailed: true,
	}},
	"warn": {"", rollout.Alert{
		Severity: v1beta1.SeverityWarn, Message: "Canary is waiting for approval.",
	}},
	"error": {"prod <eu>", rollout.Alert{
		Severity: v1beta1.SeverityError, Message: `Promotion failed, primary not ready: 1 < 2 & "web" is at <nil>`,
	}},
}

// Run has alerts sent by service to path of a receiver, and compares the requests with testdata/<name>-<case>.golden. The
// flag -update rewrites these.
func Run(t *testing.T, service notify.Service, name, path string) {
	t.Helper()
	for kind, tc := range cases {
		t.Run(name+"-"+kind, func(t *testing.T) {
			got := send(t, service, path, tc.cluster, tc.alert)
			golden := filepath.Join("testdata", name+"-"+kind+".golden")
			if *update {
				if err := os.WriteFile(golden, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", golden, diff)
			}
		})
	}
}

// send returns the one request that an alert leads to.
func send(t *testing.T, service notify.Service, path, cluster string, alert rollout.Alert) []byte {
	t.Helper()
	arrived := make(chan []byte, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		arrived <- dump(r)
	}))
	defer receiver.Close()
	notifier := notify.New(notify.Options{
		Services: []notify.Service{service},
		Global: v1beta1.AlertProviderSpec{
			Type: service.Type, Address: receiver.URL + path, Channel: "releases", Username: "bot",
		},
		GlobalToken: "t0ken",
		ClusterName: cluster,
		Log:         logr.Discard(),
		Dropped:     func() { t.Error("the alert was dropped") },
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- notifier.Run(ctx) }()

	c := testkit.Canary(testkit.Steps(10, 50))
	c.Namespace = "shop"
	notifier.Alert(c, alert)
	got := <-arrived
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	return got
}

// dump writes a request down, its body indented.
func dump(r *http.Request) []byte {
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s %s\nContent-Type: %s\n", r.Method, r.URL.RequestURI(), r.Header.Get("Content-Type"))
	if token := r.Header.Get("Authorization"); token != "" {
		fmt.Fprintf(&text, "Authorization: %s\n", token)
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		text.WriteString("\n")
		err = json.Indent(&text, body, "", "  ")
	}
	if err != nil {
		fmt.Fprintf(&text, "%v in %s", err, body)
	}
	text.WriteString("\n")
	return text.Bytes()
}
