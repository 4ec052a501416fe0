package loadtester

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// programs puts a program in the path that prints its name and arguments, one in a line, under each of the names.
func programs(t *testing.T, names ...string) {
	t.Helper()
	folder := t.TempDir()
	for _, name := range names {
		script := "#!/bin/bash\nprintf '%s\\n' \"${0##*/}\" \"$@\"\n[ \"$1\" != fail ]\n"
		if err := os.WriteFile(filepath.Join(folder, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
}

func TestTasksThatTheCallerWaitsFor(t *testing.T) {
	programs(t, "helm", "kubectl")
	cases := map[string]struct {
		reason   string
		metadata []string
		want     says
	}{
		"Success":   {"The status is the answer.", []string{"type", "bash", "cmd", "echo hi"}, says{200, ""}},
		"Output":    {"The output if asked for.", []string{"type", "bash", "cmd", "echo hi; echo ho >&2", "returnCmdOutput", "true"}, says{200, "hi\nho\n"}},
		"NotABool":  {"Anything else than yes is no.", []string{"type", "bash", "cmd", "echo hi", "returnCmdOutput", "yes"}, says{200, ""}},
		"Empty":     {"An empty command is one.", []string{"type", "bash", "cmd", ""}, says{200, ""}},
		"Failure":   {"The text that users know.", []string{"type", "bash", "cmd", "false"}, says{500, "command false failed: : exit status 1"}},
		"Explained": {"What was printed is in it.", []string{"type", "bash", "cmd", "echo no; exit 3"}, says{500, "command echo no; exit 3 failed: no\n: exit status 3"}},
		"Bash":      {"It is bash indeed.", []string{"type", "bash", "cmd", "[[ abc =~ ^a ]] && echo ${BASH_VERSION:+bash}", "returnCmdOutput", "1"}, says{200, "bash\n"}},
		"Helm":      {"Words may be quoted.", []string{"type", "helm", "cmd", `test podinfo --set 'a=b c'`, "returnCmdOutput", "true"}, says{200, "helm\ntest\npodinfo\n--set\na=b c\n"}},
		"HelmV3":    {"There is one helm.", []string{"type", "helmv3", "cmd", "fail", "returnCmdOutput", "true"}, says{500, "command fail failed: helm\nfail\n: exit status 1"}},
		"Kubectl":   {"The documented example.", []string{"type", "kubectl", "cmd", `run x --overrides='{ "spec": {} }'`, "returnCmdOutput", "true"}, says{200, "kubectl\nrun\nx\n--overrides={ \"spec\": {} }\n"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tester, log := start(t)
			if diff := cmp.Diff(tc.want, ask(tester, "/", about(tc.metadata...))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			end := map[int]string{200: "command finished ", 500: "command failed "}[tc.want.Status]
			if !log.has(`"msg"="`+end) || !log.has(`"canary"="podinfo.test"`) {
				t.Errorf("the log does not say %q", end)
			}
		})
	}
}

func TestProgramsThatAreMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	tester, _ := start(t)
	want := says{500, `command test podinfo failed: : exec: "helm": executable file not found in $PATH`}
	if got := ask(tester, "/", about("type", "helmv3", "cmd", "test podinfo")); got != want {
		t.Errorf("got %v", got)
	}
}

func TestTaskTakesTooLong(t *testing.T) {
	tester, _ := start(t, func(o *Options) { o.TaskLimit = time.Second })
	want := says{500, "command sleep 1000 failed: : signal: killed"}
	if got := ask(tester, "/", about("type", "bash", "cmd", "sleep 1000")); got != want {
		t.Errorf("got %v", got)
	}
	if got := scrape(tester); !strings.Contains(got, `flagger_loadtester_tasks_total{outcome="timed_out",type="bash"} 1`) {
		t.Errorf("it is counted:\n%s", got)
	}
}

func TestCallerGoesAway(t *testing.T) {
	tester, log := start(t)
	server := httptest.NewServer(tester)
	defer server.Close()
	told := newFIFO(t)
	ctx, hangUp := context.WithCancel(t.Context())
	body := about("type", "bash", "cmd", "sleep 1000 & echo $$ $! >"+told.path+"; wait")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan error)
	go func() {
		resp, err := server.Client().Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		gone <- err
	}()
	ids := told.read()
	hangUp()
	if err := <-gone; err == nil {
		t.Error("the caller got an answer")
	}
	tester.Wait()
	if left := alive(t, ids); left != nil {
		t.Errorf("the next tick starts the test again; of the first %v are left", left)
	}
	if !log.has(`"msg"="command stopped `) {
		t.Error("the log does not say so")
	}
}

func TestBackgroundTasksRunOnceAtATime(t *testing.T) {
	tester, log := start(t)
	one, two := newFIFO(t), newFIFO(t)
	command := func(f fifo) string { return about("cmd", "echo begun >"+f.path+"; read _ <"+f.path) }
	accepted := says{202, ""}

	for _, f := range []fifo{one, two} {
		if got := ask(tester, "/", command(f)); got != accepted {
			t.Errorf("got %v", got)
		}
		if got := f.read(); got != "begun\n" {
			t.Errorf("different commands run beside each other: got %q", got)
		}
	}
	if got := ask(tester, "/", command(one)); got != accepted {
		t.Errorf("the caller need not know that it is running: got %v", got)
	}
	if !log.has(`is already running" "canary"="podinfo.test"`) {
		t.Error("the log does not say so")
	}
	metrics := scrape(tester)
	for _, want := range []string{
		`flagger_loadtester_tasks_running{type="cmd"} 2`, `flagger_loadtester_tasks_total{outcome="skipped",type="cmd"} 1`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}

	one.write()
	two.write()
	tester.runner.all.Wait()
	if got := ask(tester, "/", command(one)); got != accepted {
		t.Errorf("got %v", got)
	}
	if got := one.read(); got != "begun\n" {
		t.Errorf("what has finished may run again: got %q", got)
	}
	one.write()
	tester.runner.all.Wait()
	if got := scrape(tester); !strings.Contains(got, `flagger_loadtester_tasks_total{outcome="succeeded",type="cmd"} 3`) ||
		!strings.Contains(got, `flagger_loadtester_tasks_running{type="cmd"} 0`) ||
		!strings.Contains(got, `flagger_loadtester_task_duration_seconds_count{type="cmd"} 3`) {
		t.Errorf("got metrics\n%s", got)
	}
}

func TestTheSameCommandForAnotherCanary(t *testing.T) {
	tester, _ := start(t)
	f := newFIFO(t)
	for _, canary := range []string{`"name":"a","namespace":"b"`, `"name":"a","namespace":"bc"`} {
		body := `{` + canary + `,"metadata":{"cmd":"echo begun >` + f.path + `; sleep 1000"}}`
		if got := ask(tester, "/", body); got != (says{202, ""}) {
			t.Errorf("got %v", got)
		}
		if got := f.read(); got != "begun\n" {
			t.Errorf("it is another task: got %q", got)
		}
	}
}

func TestBackgroundTasksAreTold(t *testing.T) {
	cases := map[string]struct {
		reason   string
		metadata []string
		want     string
		not      string
	}{
		"Begun":   {"Each start is told.", []string{"cmd", "true"}, `"msg"="task starting true" "canary"="podinfo.test"`, ""},
		"Quiet":   {"Of a load that went well the output is left out.", []string{"cmd", "echo h''i"}, `"msg"="command finished echo h''i"`, `"hi\n`},
		"Output":  {"Unless asked for.", []string{"type", "cmd", "cmd", "echo h''i", "logCmdOutput", "true"}, `"output"="hi\n"`, ""},
		"Failure": {"Of one that failed it is told.", []string{"type", "", "cmd", "echo n''o; exit 3"}, `"msg"="command failed echo n''o; exit 3 exit status 3 no\n"`, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tester, log := start(t)
			if got := ask(tester, "/", about(tc.metadata...)); got != (says{202, ""}) {
				t.Errorf("got %v", got)
			}
			tester.Wait()
			if !log.has(tc.want) || tc.not != "" && log.has(tc.not) {
				t.Errorf("%s\ngot %s", tc.reason, strings.Join(log.lines, "\n"))
			}
		})
	}
}

func TestTooManyTasks(t *testing.T) {
	tester, _ := start(t, func(o *Options) { o.MostTasks = 1 })
	f := newFIFO(t)
	if got := ask(tester, "/", about("cmd", "read _ <"+f.path)); got.Status != 202 {
		t.Fatalf("got %v", got)
	}
	busy := says{503, "too many tasks are running"}
	for _, kind := range []string{"cmd", "bash"} {
		if got := ask(tester, "/", about("type", kind, "cmd", "true")); got != busy {
			t.Errorf("%s: got %v", kind, got)
		}
	}
	f.write()
	tester.runner.all.Wait()
	if got := ask(tester, "/", about("type", "bash", "cmd", "true")); got.Status != 200 {
		t.Errorf("there is room again: got %v", got)
	}
}

func TestTasksEndWithTheProcess(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	tester, _ := startWithin(ctx)
	told := newFIFO(t)
	if got := ask(tester, "/", about("cmd", "sleep 1000 & echo $$ $! >"+told.path+"; wait")); got.Status != 202 {
		t.Fatalf("got %v", got)
	}
	ids := told.read()
	stop()
	tester.Wait()
	if left := alive(t, ids); left != nil {
		t.Errorf("still running: %v", left)
	}
	stopping := says{503, "the load tester is shutting down"}
	for _, kind := range []string{"cmd", "bash"} {
		if got := ask(tester, "/", about("type", kind, "cmd", "true")); got != stopping {
			t.Errorf("%s: got %v", kind, got)
		}
	}
}
