package loadtester

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// echo answers every request of a task with the same text.
type echo string

func (e echo) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(string(e))), Request: req}, nil
}

// statuses are all that a request may be answered with.
var statuses = []int{200, 202, 301, 307, 400, 403, 413, 500, 503}

// FuzzRequest sends any body to any path. Programs are not run and servers not called: their answer is part of the input.
func FuzzRequest(f *testing.F) {
	ngrinder := []string{"type", "ngrinder", "server", "http://n", "clone", "1", "username", "u", "passwd", "cA=="}
	f.Add("/", []byte(about("cmd", "hey -z 1m http://podinfo-canary.test/")), []byte("ok"))
	f.Add("/", []byte(about("type", "bash", "cmd", "curl -s x | grep y", "returnCmdOutput", "true")), []byte("!exit status 1"))
	f.Add("/", []byte(about("type", "kubectl", "cmd", `run x --overrides='{ "a": "b\"" }' a\ b`)), []byte(""))
	f.Add("/", []byte(about(append(ngrinder, "pollInterval", "10s")...)), []byte(`{"id":4,"status":[{"status_id":"FINISHED"}]}`))
	f.Add("/", []byte(about(append(ngrinder, "pollInterval", "-1ns")...)), []byte(`{"id":4,"success":false}`))
	f.Add("/", []byte(process("http://c", "/etc/hostname", "pollInterval", "1")), []byte(`{"instanceId":"../%","status":"RUNNING"}`))
	f.Add("/", []byte(about("type", "k6")), []byte(""))
	f.Add("/gate/open", []byte(about()), []byte(""))
	f.Add("/rollback/check", []byte(`{"name":null}`), []byte(""))
	f.Add("//gate/../healthz", []byte{0xff}, []byte(""))

	f.Fuzz(func(t *testing.T, path string, body, reply []byte) {
		if _, err := url.ParseRequestURI(path); err != nil || !strings.HasPrefix(path, "/") || strings.ContainsAny(path, " \r\n") {
			t.Skip("no server sees such a path")
		}
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		tester, _ := startWithin(ctx, func(o *Options) { o.TaskLimit = time.Millisecond })
		tester.client.Transport = echo(reply)
		tester.execute = func(ctx context.Context, _ string, _ ...string) (string, error) {
			if text, failed := strings.CutPrefix(string(reply), "!"); failed {
				return text, errors.New(text)
			}
			return string(reply), ctx.Err()
		}

		recorder := httptest.NewRecorder()
		tester.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, path, strings.NewReader(string(body))))
		cancel()
		tester.Wait()

		if !slices.Contains(statuses, recorder.Code) {
			t.Errorf("status %d", recorder.Code)
		}
		if utf8.Valid(reply) && !utf8.Valid(recorder.Body.Bytes()) {
			t.Errorf("the answer is no text: %q", recorder.Body)
		}
		if tester.runner.running != 0 || len(tester.runner.background) != 0 {
			t.Errorf("%d tasks are left, %d in the background", tester.runner.running, len(tester.runner.background))
		}
	})
}

func FuzzWords(f *testing.F) {
	f.Add(`test podinfo --set 'a=b c' --x="" a\ b it's`)
	f.Fuzz(func(t *testing.T, line string) {
		if !utf8.ValidString(line) {
			t.Skip("no JSON holds such a string")
		}
		got, err := words(line)
		if err != nil {
			return
		}
		if len(got) > 0 && len(strings.Join(got, " ")) > 2*len(line) {
			t.Errorf("%q grew to %q", line, got)
		}
		if !strings.ContainsAny(line, `'"\`) && !slices.Equal(got, strings.Fields(line)) {
			t.Errorf("without quotes nothing changes: got %q, want %q", got, strings.Fields(line))
		}
	})
}
