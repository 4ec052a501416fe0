package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/internal/testkit"
)

// process is a manager that runs as a program of its own.
type process struct {
	t       *testing.T
	command *exec.Cmd
	log     *bufio.Scanner
	stdout  bytes.Buffer
	// lines are all log lines read so far.
	lines []string
}

// patience is how long a manager may run that should have ended, so that a failing test fails with its log.
const patience = 2 * time.Minute

// launch starts a manager. The test ends it at the latest.
func launch(t *testing.T, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	p := &process{t: t, command: exec.CommandContext(ctx, os.Args[0], args...)}
	p.command.Env = append(os.Environ(), asManager+"=1")
	p.command.Stdout = &p.stdout
	stderr, err := p.command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.log = bufio.NewScanner(stderr)
	p.log.Buffer(nil, 1<<20)
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// next reads one log line; it returns false at the end of the log.
func (p *process) next() bool {
	if !p.log.Scan() {
		return false
	}
	p.lines = append(p.lines, p.log.Text())
	return true
}

// until reads the log up to the line whose message matches pattern and returns the message.
func (p *process) until(pattern string) string {
	p.t.Helper()
	wanted := regexp.MustCompile("^" + pattern + "$")
	for p.next() {
		if msg := message(p.lines[len(p.lines)-1]); wanted.MatchString(msg) {
			return msg
		}
	}
	p.t.Fatalf("the log ended without %q:\n%s", pattern, strings.Join(p.lines, "\n"))
	return ""
}

// untilAll reads the log until each of the beginnings has been seen, in any order.
func (p *process) untilAll(beginnings ...string) {
	p.t.Helper()
	for _, beginning := range beginnings {
		for !p.seen(beginning) {
			if !p.next() {
				p.t.Fatalf("the log ended without %q:\n%s", beginning, strings.Join(p.lines, "\n"))
			}
		}
	}
}

// seen reports whether a message that begins so has been read.
func (p *process) seen(beginning string) bool {
	return slices.ContainsFunc(p.lines, func(line string) bool { return strings.HasPrefix(message(line), beginning) })
}

// exit waits for the end of the process and returns its code.
func (p *process) exit() int {
	p.t.Helper()
	for p.next() {
	}
	var failed *exec.ExitError
	if err := p.command.Wait(); err != nil && !errors.As(err, &failed) {
		p.t.Fatal(err)
	}
	return p.command.ProcessState.ExitCode()
}

// signal tells the process to end.
func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.command.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// field returns one key of a JSON log line.
func field(line, key string) string {
	var fields map[string]any
	if err := json.Unmarshal([]byte(line), &fields); err != nil {
		return ""
	}
	value, found := fields[key]
	if !found {
		return ""
	}
	return fmt.Sprint(value)
}

func message(line string) string { return field(line, "msg") }

func TestProcessVersion(t *testing.T) {
	p := launch(t, "--version")
	if code := p.exit(); code != 0 {
		t.Errorf("got exit code %d", code)
	}
	if got, want := p.stdout.String(), "Flagger version dev revision  unknown\n"; got != want {
		t.Errorf("scripts parse this line: got %q, want %q", got, want)
	}
}

func TestProcessRefusesToStart(t *testing.T) {
	cases := map[string]struct {
		reason string
		args   []string
		code   int
		last   string // the beginning of the last message; empty where nothing is logged
	}{
		"Help":       {"Help was asked for and given.", []string{"-h"}, 0, ""},
		"Unknown":    {"A misspelt flag is a mistake of whoever starts the process.", []string{"-port", "0", "-nope"}, 2, ""},
		"Provider":   {"The known names are listed.", []string{"-mesh-provider=istoi"}, 1, `-mesh-provider: unknown provider "istoi", known are apisix, appmesh, `},
		"NoMetrics":  {"Without a metrics server no canary can be analysed.", []string{"-mesh-provider=kubernetes", "-metrics-server="}, 1, "Error building prometheus client: "},
		"Kubeconfig": {"A wrong path is told with the cause.", []string{"-mesh-provider=kubernetes", "-kubeconfig=/nowhere"}, 1, "Error building kubeconfig: "},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := launch(t, tc.args...)
			if code := p.exit(); code != tc.code {
				t.Errorf("%s\ngot exit code %d, want %d", tc.reason, code, tc.code)
			}
			last := p.lines[len(p.lines)-1]
			if !strings.HasPrefix(message(last), tc.last) || tc.last != "" && field(last, "level") != "fatal" {
				t.Errorf("%s\ngot %s, want %q", tc.reason, last, tc.last)
			}
		})
	}
}

// answering is a Prometheus that knows the answer to vector(1) and nothing else.
func answering(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1"]}]}}`)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestProcessWorksAndStops(t *testing.T) {
	cfg := testkit.StartAPIServer(t, filepath.Join("config", "crd", "bases"))
	p := launch(t, "-mesh-provider=kubernetes", "-kubeconfig", testkit.Kubeconfig(t, cfg), "-port=127.0.0.1:0",
		"-metrics-server", answering(t), "-slack-url=https://hooks.slack.com/services/s3cret")

	p.until(`Starting flagger version dev revision unknown mesh provider kubernetes`)
	p.until(`Connected to Kubernetes API v1\..*`)
	p.until(`Starting HTTP server on port 127\.0\.0\.1:0`)
	p.until(`Notifications enabled for https://hooks\.slack\.com`)
	p.until(`Waiting for canary informer cache to sync`)
	p.until(`Waiting for metric template informer cache to sync`)
	p.until(`Waiting for alert provider informer cache to sync`)
	p.until(`starting server`)
	address := field(p.lines[len(p.lines)-1], "addr")
	p.untilAll("Started operator workers", "Caches are in sync", "Connected to metrics server http://")

	for path, want := range map[string]string{
		"/healthz": "OK", "/readyz": "OK", "/metrics": `flagger_info{mesh_provider="kubernetes",version="dev"} 1`,
	} {
		if body := get(t, "http://"+address+path); !strings.Contains(body, want) {
			t.Errorf("%s: got %.80q, want %q", path, body, want)
		}
	}

	p.signal(syscall.SIGTERM)
	p.until(`Shutting down operator workers`)
	p.until(`HTTP server stopped`)
	if code := p.exit(); code != 0 {
		t.Errorf("being told to stop is no failure, got exit code %d", code)
	}
	for _, line := range p.lines {
		if !strings.HasPrefix(line, `{"level":"`) || field(line, "ts") == "" || field(line, "caller") == "" {
			t.Errorf("every line is ours, those of libraries included; got %s", line)
		}
		if field(line, "level") == "error" {
			t.Errorf("an ordinary start and stop has no errors, got %s", line)
		}
	}
	if strings.Contains(strings.Join(p.lines, "\n"), "s3cret") {
		t.Error("a secret of the command line is in the log")
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestProcessLeads(t *testing.T) {
	cfg := testkit.StartAPIServer(t, filepath.Join("config", "crd", "bases"))
	c, err := client.New(cfg, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	namespace := testkit.NewNamespace(t, c)
	args := []string{
		"-mesh-provider=kubernetes", "-kubeconfig", testkit.Kubeconfig(t, cfg), "-port=127.0.0.1:0", "-metrics-server", answering(t),
		"-enable-leader-election", "-namespace", namespace,
	}

	first := launch(t, args...)
	id := strings.Fields(first.until(`Starting leader election id: \S+_[0-9a-f-]{36} configmap: flagger-leader-election namespace: ` + namespace))[4]
	first.until("Watching namespace " + namespace)
	first.untilAll("Acting as elected leader", "Started operator workers")

	second := launch(t, args...)
	second.until("Another instance has been elected as leader: " + id)
	second.signal(syscall.SIGINT)
	if code := second.exit(); code != 0 {
		t.Errorf("an instance that waits may stop like any other, got exit code %d", code)
	}

	lease := &coordinationv1.Lease{}
	key := client.ObjectKey{Namespace: namespace, Name: "flagger-leader-election"}
	if err := c.Get(t.Context(), key, lease); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{id, int32(leaseDuration.Seconds())}, []any{*lease.Spec.HolderIdentity, *lease.Spec.LeaseDurationSeconds}); diff != "" {
		t.Errorf("lease (-want +got):\n%s", diff)
	}
	first.signal(syscall.SIGTERM)
	if code := first.exit(); code != 0 {
		t.Errorf("got exit code %d", code)
	}
	if err := c.Get(t.Context(), key, lease); err != nil {
		t.Fatal(err)
	}
	if holder := lease.Spec.HolderIdentity; holder != nil && *holder != "" {
		t.Errorf("the lease is still held by %q: the next leader would wait for a minute", *holder)
	}
	events := &corev1.EventList{}
	if err := c.List(t.Context(), events, client.InNamespace(namespace)); err != nil || len(events.Items) != 0 {
		t.Errorf("got %d events, %v: the election itself is no event", len(events.Items), err)
	}
}
