package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"

	"flagger.app/flagger/internal/telemetry"
)

func TestEndpoints(t *testing.T) {
	cases := map[string]struct {
		reason string
		method string
		path   string
		synced bool
		status int
		body   string // its beginning
	}{
		"Alive":         {"Probes of existing manifests.", "GET", "/healthz", false, 200, "OK"},
		"AliveHead":     {"A probe may leave the body out.", "HEAD", "/healthz", false, 200, ""},
		"NotReady":      {"Nothing is known before the caches are.", "GET", "/readyz", false, 503, "caches"},
		"Ready":         {"Ready whether it leads or not.", "GET", "/readyz", true, 200, "OK"},
		"Metrics":       {"Prometheus reads text.", "GET", "/metrics", false, 200, "# HELP flagger_info"},
		"NothingElse":   {"The root has no page.", "GET", "/", false, 404, ""},
		"BelowHealthz":  {"Paths are exact.", "GET", "/healthz/x", false, 404, ""},
		"NoVars":        {"The command line, with its secrets, is nobody's business.", "GET", "/debug/vars", false, 404, ""},
		"NoProfiles":    {"Profiles are off unless asked for.", "GET", "/debug/pprof/", false, 404, ""},
		"NoRequests":    {"Nor is anything that a library registers.", "GET", "/debug/requests", false, 404, ""},
		"NothingPosted": {"There is nothing to write to.", "POST", "/metrics", false, 405, ""},
	}
	metrics := telemetry.New("1.44.0", "istio").Handler()
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			ready := &atomic.Bool{}
			ready.Store(tc.synced)
			answer := httptest.NewRecorder()
			endpoints(metrics, ready).ServeHTTP(answer, httptest.NewRequest(tc.method, tc.path, nil))
			body := answer.Body.String()
			if tc.path == "/metrics" && answer.Code == 200 {
				body = body[strings.Index(body, tc.body):]
			}
			if answer.Code != tc.status || !strings.HasPrefix(body, tc.body) {
				t.Errorf("%s\ngot %d %.40q, want %d %q", tc.reason, answer.Code, body, tc.status, tc.body)
			}
		})
	}
}

func TestProfilesWhenAskedFor(t *testing.T) {
	mux := endpoints(http.NotFoundHandler(), &atomic.Bool{})
	addProfiles(mux)
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/cmdline", "/debug/pprof/symbol"} {
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, httptest.NewRequest("GET", path, nil))
		if answer.Code != 200 {
			t.Errorf("%s: got %d", path, answer.Code)
		}
	}
}

func TestServerServesAndStops(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(endpoints(http.NotFoundHandler(), &atomic.Bool{}), listener, logr.Discard())
	limits := []time.Duration{server.Server.ReadTimeout, server.Server.WriteTimeout, server.Server.IdleTimeout, *server.ShutdownTimeout}
	for i, want := range []time.Duration{5 * time.Second, time.Minute, 15 * time.Second, 3 * time.Second} {
		if limits[i] != want {
			t.Errorf("limit %d: got %s, want %s", i, limits[i], want)
		}
	}
	if server.NeedLeaderElection() {
		t.Error("instances that wait for the leadership answer their probes too")
	}

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- server.Start(ctx) }()
	resp, err := http.Get("http://" + listener.Addr().String() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if string(body) != "OK" {
		t.Errorf("got %q", body)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("a server that is told to stop has not failed: %v", err)
	}
}

func TestServerComplaintsAreLogged(t *testing.T) {
	var lines bytes.Buffer
	log := funcr.New(func(_, args string) { lines.WriteString(args) }, funcr.Options{})
	newServer(nil, nil, log).Server.ErrorLog.Print("http: TLS handshake error")
	if got, want := lines.String(), `"level"=0 "msg"="http: TLS handshake error"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
