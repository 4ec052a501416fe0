package loadtester

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// writeKey writes a file for an API key and returns its path.
func writeKey(t *testing.T, folder, name, content string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// process is the metadata of a concord process, with changes: a key with the value - is left out.
func process(server, key string, changes ...string) string {
	m := map[string]string{
		"type": "concord", "server": server, "org": "o", "project": "p", "repo": "r", "entrypoint": "e",
		"apiKeyPath": key, "endpoint": "http://podinfo-canary.test",
	}
	for i := 0; i < len(changes); i += 2 {
		m[changes[i]] = changes[i+1]
	}
	var metadata []string
	for key, value := range m {
		if value != "-" {
			metadata = append(metadata, key, value)
		}
	}
	return about(metadata...)
}

func TestConcordMetadata(t *testing.T) {
	key := writeKey(t, t.TempDir(), "key", "k")
	const wholeSeconds = " must be a whole number of seconds from 1 to 86400"
	cases := map[string]struct {
		reason string
		key    string
		value  string
		want   string
	}{
		"NoServer":     {"Seven are needed.", "server", "-", "`server` is required with type concord"},
		"NoOrg":        {"Seven are needed.", "org", "-", "`org` is required with type concord"},
		"NoProject":    {"Seven are needed.", "project", "-", "`project` is required with type concord"},
		"NoRepo":       {"Seven are needed.", "repo", "-", "`repo` is required with type concord"},
		"NoEntrypoint": {"Seven are needed.", "entrypoint", "-", "`entrypoint` is required with type concord"},
		"NoKey":        {"Seven are needed.", "apiKeyPath", "-", "`apiKeyPath` is required with type concord"},
		"NoEndpoint":   {"Seven are needed.", "endpoint", "-", "`endpoint` is required with type concord"},
		"NoFile":       {"The key is in a file.", "apiKeyPath", "/no/such/file", "`apiKeyPath` file doesn't exist /no/such/file"},
		"Endpoint":     {"There is one endpoint.", "arguments.endpoint", "x", "You cannot override Endpoint through arguments. You must override Endpoint directly"},
		"BadURL":       {"No address.", "server", "concord", "invalid url: concord: it must begin with http:// or https:// and a host"},
		"Interval":     {"Seconds without a unit.", "pollInterval", "5s", "`pollInterval`" + wholeSeconds},
		"Zero":         {"No interval brings the process down.", "pollInterval", "0", "`pollInterval`" + wholeSeconds},
		"Huge":         {"Nor does a huge one.", "pollTimeout", "9223372036854775807", "`pollTimeout`" + wholeSeconds},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tester, _ := start(t)
			got := ask(tester, "/", process("http://127.0.0.1:1", key, tc.key, tc.value))
			if diff := cmp.Diff(says{500, tc.want}, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestConcordKeyFiles(t *testing.T) {
	folder, elsewhere := t.TempDir(), t.TempDir()
	inside := writeKey(t, folder, "key", "s3cret\n")
	outside := writeKey(t, elsewhere, "key", "other")
	empty := writeKey(t, folder, "empty", "")
	large := writeKey(t, folder, "large", strings.Repeat("x", keyLimit+1))
	pipe := filepath.Join(folder, "pipe")
	within, without := filepath.Join(folder, "within"), filepath.Join(folder, "without")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.Symlink("key", within), os.Symlink(outside, without)); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		reason       string
		folder, path string
		want         string // the key; empty for an error
	}{
		"Anywhere":     {"Without a folder any file will do.", "", outside, "other"},
		"Inside":       {"The header has no room for a new line.", folder, inside, "s3cret"},
		"Relative":     {"A path may begin at the folder.", folder, "key", "s3cret"},
		"Mounted":      {"Kubernetes mounts secrets with links.", folder, within, "s3cret"},
		"Outside":      {"Other files are nobody's business.", folder, outside, ""},
		"Parent":       {"However they are called.", folder, folder + "/../" + filepath.Base(elsewhere) + "/key", ""},
		"LinkOutside":  {"Or linked.", folder, without, ""},
		"Missing":      {"A file must be there.", folder, filepath.Join(folder, "missing"), ""},
		"MissingAll":   {"The folder too.", filepath.Join(folder, "missing"), "key", ""},
		"Folder":       {"A folder is no key.", "", folder, ""},
		"Pipe":         {"Nobody waits for a pipe.", "", pipe, ""},
		"Empty":        {"Nothing is no key.", "", empty, ""},
		"Large":        {"Nor is a book.", "", large, ""},
		"SystemSecret": {"Nor what the system tells of this process.", "", "/proc/self/environ", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := readKey(tc.folder, tc.path)
			if got != tc.want || (err == nil) != (tc.want != "") {
				t.Errorf("%s\ngot %q, %v", tc.reason, got, err)
			}
		})
	}
}

const (
	processStart  = "POST /base/api/v1/process"
	processStatus = "GET /base/api/v1/process/4a2"
)

func TestConcord(t *testing.T) {
	begun := []string{`{"instanceId":"4a2","ok":true}`}
	cases := map[string]struct {
		reason  string
		answers map[string][]string
		want    string // the error
		looks   int
	}{
		"Finished":   {"A process is watched until it ends.", map[string][]string{processStart: begun, processStatus: {`{"status":"ENQUEUED"}`, `{"status":"RUNNING"}`, `{"status":"FINISHED"}`}}, "", 3},
		"Failed":     {"The text that users know.", map[string][]string{processStart: begun, processStatus: {`{"status":"RUNNING"}`, `{"status":"FAILED"}`}}, "concord instanceID: 4a2 failed", 2},
		"Cancelled":  {"Nobody waits for one that was cancelled.", map[string][]string{processStart: begun, processStatus: {`{"status":"CANCELLED"}`}}, "concord instanceID: 4a2 failed: CANCELLED", 1},
		"TimedOut":   {"Nor for one that Concord has given up.", map[string][]string{processStart: begun, processStatus: {`{"status":"TIMED_OUT"}`}}, "concord instanceID: 4a2 failed: TIMED_OUT", 1},
		"Refused":    {"The server's words are told.", map[string][]string{processStart: {"500 no such project"}}, "start concord process: status 500 Internal Server Error: no such project", 0},
		"NoInstance": {"What has no number cannot be watched.", map[string][]string{processStart: {"{}"}}, "start concord process: the answer has no instanceId", 0},
		"Outage":     {"Nor can what is not answered.", map[string][]string{processStart: begun, processStatus: {"500 x"}}, "read status of concord instanceID: 4a2: status 500 Internal Server Error: x", 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := serve(t, tc.answers, func(req *http.Request) string { return " " + req.Header.Get("Authorization") })
			base, err := parseServer(s.URL + "/base")
			if err != nil {
				t.Fatal(err)
			}
			c := concord{s.Client(), base, "s3cret", nil, time.Millisecond, time.Hour}
			got := ""
			if _, err := c.run(t.Context()); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			asked := []string{processStart + " s3cret"}
			for range tc.looks {
				asked = append(asked, processStatus+" s3cret")
			}
			if diff := cmp.Diff(asked, s.asked); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestConcordTakesTooLong(t *testing.T) {
	s := serve(t, map[string][]string{
		"POST /api/v1/process": {`{"instanceId":"1"}`}, "GET /api/v1/process/1": {`{"status":"RUNNING"}`},
	}, func(*http.Request) string { return "" })
	tester, log := start(t)
	key := writeKey(t, t.TempDir(), "key", "k")
	got := ask(tester, "/", process(s.URL, key, "pollTimeout", "1", "pollInterval", "3600"))
	if want := (says{500, "concord process timed out, after 1 seconds"}); got != want {
		t.Errorf("the time-out is one of the whole process: got %v", got)
	}
	if !log.has(`"msg"="command failed concord process o/p/r concord process timed out, after 1 seconds `) {
		t.Errorf("got %s", strings.Join(log.lines, "\n"))
	}
}

func TestConcordIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, map[string][]string{
		"POST /api/v1/process": {`{"instanceId":"1"}`}, "GET /api/v1/process/1": {`{"status":"RUNNING"}`},
	}, func(req *http.Request) string {
		if req.Method == http.MethodGet {
			cancel()
		}
		return ""
	})
	base, err := parseServer(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	_, err = concord{s.Client(), base, "k", nil, time.Hour, time.Hour}.run(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("it is not the process that took too long: got %v", err)
	}
}

func TestConcordForm(t *testing.T) {
	var form string
	s := serve(t, map[string][]string{
		"POST /api/v1/process": {`{"instanceId":"1"}`}, "GET /api/v1/process/1": {`{"status":"FINISHED"}`},
	}, func(req *http.Request) string {
		if req.Method == http.MethodGet {
			return ""
		}
		parts, err := req.MultipartReader()
		if err != nil {
			t.Error(err)
			return ""
		}
		for part, err := parts.NextPart(); err == nil; part, err = parts.NextPart() {
			value, _ := io.ReadAll(part)
			form += part.FormName() + "=" + string(value) + "\n"
		}
		return ""
	})
	tester, _ := start(t)
	key := writeKey(t, t.TempDir(), "key", "k")
	body := process(s.URL, key, "arguments.b", "2", "arguments.a", "1 é", "argument", "no", "returnCmdOutput", "true")
	if got := ask(tester, "/", body); got != (says{200, ""}) {
		t.Errorf("got %v", got)
	}
	want := "org=o\nproject=p\nrepo=r\nentryPoint=e\narguments.endpoint=http://podinfo-canary.test\narguments.a=1 é\narguments.b=2\n"
	if diff := cmp.Diff(want, form); diff != "" {
		t.Errorf("the form (-want +got):\n%s", diff)
	}
}
