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
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/internal/testkit"
)

// patience is how long a load tester may run that should have ended, so that a failing test fails with its log.
const patience = 2 * time.Minute

// process is a load tester that runs as a program of its own.
type process struct {
	t       *testing.T
	command *exec.Cmd
	log     *bufio.Scanner
	stdout  bytes.Buffer
	// lines are all log lines read so far.
	lines []string
}

// launch starts a load tester. The test ends it at the latest.
func launch(t *testing.T, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	p := &process{t: t, command: exec.CommandContext(ctx, os.Args[0], args...)}
	p.command.Env = append(os.Environ(), asTester+"=1")
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

// serving starts a load tester on a free port and returns its base URL.
func (p *process) serving() string {
	p.t.Helper()
	p.until("starting server")
	return "http://" + field(p.lines[len(p.lines)-1], "addr")
}

// until reads the log up to the line whose message matches pattern.
func (p *process) until(pattern string) {
	p.t.Helper()
	wanted := regexp.MustCompile("^" + pattern + "$")
	for p.log.Scan() {
		p.lines = append(p.lines, p.log.Text())
		if wanted.MatchString(field(p.log.Text(), "msg")) {
			return
		}
	}
	p.t.Fatalf("the log ended without %q:\n%s", pattern, strings.Join(p.lines, "\n"))
}

// exit waits for the end of the process and returns its code.
func (p *process) exit() int {
	p.t.Helper()
	for p.log.Scan() {
		p.lines = append(p.lines, p.log.Text())
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

// post sends a payload about podinfo, with metadata as JSON, and returns the answer.
func post(t *testing.T, url, metadata string) string {
	t.Helper()
	body := `{"name":"podinfo","namespace":"test","phase":"Progressing","metadata":` + metadata + `}`
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, text)
}

func TestProcessVersion(t *testing.T) {
	p := launch(t, "-version")
	if code := p.exit(); code != 0 || p.stdout.String() != "Flagger load tester version dev revision unknown\n" {
		t.Errorf("got %d, %q", code, p.stdout.String())
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
		"Unknown":    {"A misspelt flag is a mistake of whoever starts the process.", []string{"-nope"}, 2, ""},
		"Options":    {"A value that cannot be is told.", []string{"-namespace-regexp=("}, 1, "-namespace-regexp: error parsing regexp"},
		"Token":      {"Nobody is served without the token.", []string{"-token-file=/nowhere"}, 1, "-token-file: open /nowhere"},
		"Kubeconfig": {"A wrong path is told with the cause.", []string{"-gates-configmap=a/b", "-kubeconfig=/nowhere"}, 1, "Error building kubeconfig: "},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := launch(t, append([]string{"-port=127.0.0.1:0"}, tc.args...)...)
			if code := p.exit(); code != tc.code {
				t.Errorf("%s\ngot exit code %d, want %d", tc.reason, code, tc.code)
			}
			last := p.lines[len(p.lines)-1]
			if !strings.HasPrefix(field(last, "msg"), tc.last) || tc.last != "" && field(last, "level") != "fatal" {
				t.Errorf("%s\ngot %s, want %q", tc.reason, last, tc.last)
			}
		})
	}
}

func TestProcessWorksAndStops(t *testing.T) {
	p := launch(t, "-port=127.0.0.1:0")
	p.until(`Starting load tester vdev API on port 127\.0\.0\.1:0`)
	url := p.serving()
	for metadata, want := range map[string]string{
		`{"type":"bash","cmd":"echo hi","returnCmdOutput":"true"}`: "200 hi\n",
		`{"type":"bash","cmd":"false"}`:                            "500 command false failed: : exit status 1",
		`{"cmd":"sleep 1000"}`:                                     "202 ",
	} {
		if got := post(t, url, metadata); got != want {
			t.Errorf("%s: got %q, want %q", metadata, got, want)
		}
	}
	p.signal(syscall.SIGTERM)
	p.until("shutting down the task runner")
	if code := p.exit(); code != 0 {
		t.Errorf("being told to stop is no failure, got exit code %d", code)
	}
	log := strings.Join(p.lines, "\n")
	for _, want := range []string{`"msg":"HTTP server stopped"`, `"msg":"command stopped sleep 1000","canary":"podinfo.test"`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s:\n%s", want, log)
		}
	}
	for _, line := range p.lines {
		if !strings.HasPrefix(line, `{"level":"`) || field(line, "ts") == "" || field(line, "caller") == "" {
			t.Errorf("every line is ours; got %s", line)
		}
	}
}

func TestProcessesShareTheirGates(t *testing.T) {
	cfg := testkit.StartAPIServer(t)
	c, err := client.New(cfg, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	namespace := testkit.NewNamespace(t, c)
	args := []string{"-port=127.0.0.1:0", "-kubeconfig", testkit.Kubeconfig(t, cfg), "-gates-configmap=" + namespace + "/gates"}
	first, second := launch(t, args...), launch(t, args...)
	one, two := first.serving(), second.serving()
	steps := []struct{ url, want string }{
		{one + "/gate/check", "403 Forbidden"},
		{one + "/gate/open", "202 "},
		{two + "/gate/check", "200 Approved"},
		{two + "/gate/close", "202 "},
		{one + "/gate/check", "403 Forbidden"},
		{two + "/rollback/open", "202 "},
		{one + "/rollback/check", "200 Approved"},
	}
	for i, step := range steps {
		if got := post(t, step.url, "null"); got != step.want {
			t.Errorf("step %d, %s: got %q, want %q", i, step.url, got, step.want)
		}
	}
	for _, p := range []*process{first, second} {
		p.signal(syscall.SIGINT)
		if code := p.exit(); code != 0 {
			t.Errorf("got exit code %d", code)
		}
	}
}
