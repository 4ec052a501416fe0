package loadtester

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/internal/loadtester/gate"
)

func TestEndpoints(t *testing.T) {
	podinfo := about()
	cases := map[string]struct {
		reason string
		path   string
		body   string
		want   says
	}{
		"Alive":         {"Probes of existing manifests.", "/healthz", "", says{200, "OK"}},
		"Approve":       {"Always yes, whatever is sent.", "/gate/approve", "{", says{200, "OK"}},
		"Halt":          {"Always no.", "/gate/halt", "{", says{403, "Forbidden"}},
		"Closed":        {"A gate is closed until somebody opens it.", "/gate/check", podinfo, says{403, "Forbidden"}},
		"Open":          {"Opening has no body.", "/gate/open", podinfo, says{202, ""}},
		"Close":         {"Nor has closing.", "/gate/close", podinfo, says{202, ""}},
		"NoRollback":    {"Nothing is rolled back by itself.", "/rollback/check", podinfo, says{403, "Forbidden"}},
		"RollbackOpen":  {"The same for rollbacks.", "/rollback/open", podinfo, says{202, ""}},
		"RollbackClose": {"The same for rollbacks.", "/rollback/close", podinfo, says{202, ""}},
		"GateNoJSON":    {"The reason is told.", "/gate/check", "{", says{400, "decode payload: unexpected end of JSON input"}},
		"GateNoCanary":  {"No canary is called so.", "/gate/open", `{"name":"a b","namespace":"c"}`, says{400, `open a b.c: "a b.c" is not the name and namespace of a canary: a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')`}},
		"TaskNoJSON":    {"The reason is told.", "/", "nonsense", says{400, "decode payload: invalid character 'o' in literal null (expecting 'u')"}},
		"NoMetadata":    {"There is nothing to do.", "/", podinfo, says{400, "metadata not found in payload"}},
		"Null":          {"JSON, but nothing.", "/", "null", says{400, "metadata not found in payload"}},
		"AnyPath":       {"Tasks have no path of their own.", "/load/test", podinfo, says{400, "metadata not found in payload"}},
		"UnknownType":   {"A type that does not exist is told.", "/", about("type", "k6"), says{400, "unknown task type k6"}},
		"NoCommand":     {"A load needs a command.", "/", about("type", "cmd"), says{400, "cmd not found in metadata"}},
		"BashNothing":   {"So does a test.", "/", about("type", "bash"), says{400, "cmd not found in metadata"}},
		"HelmNothing":   {"So does a program.", "/", about("type", "helm"), says{400, "cmd not found in metadata"}},
		"BadQuote":      {"What cannot be split is not run.", "/", about("type", "kubectl", "cmd", "get 'x"), says{400, "cmd has a quote that is not closed"}},
		"NotStrings":    {"Metadata are strings.", "/", `{"metadata":{"cmd":1}}`, says{400, "decode payload: json: cannot unmarshal number into Go struct field payload.metadata of type string"}},
		"TooLarge":      {"There is a limit.", "/", strings.Repeat(" ", payloadLimit+1), says{413, "payload is larger than 1048576 bytes"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tester, _ := start(t)
			if diff := cmp.Diff(tc.want, ask(tester, tc.path, tc.body)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestNothingOfTheDefaultMuxIsServed(t *testing.T) {
	tester, _ := start(t)
	for _, path := range []string{"/debug/pprof/", "/debug/vars"} {
		if got := ask(tester, path, ""); got.Status != 400 {
			t.Errorf("%s is a task like any other path, got %v", path, got)
		}
	}
}

func TestSwitchesAreKeptAndTold(t *testing.T) {
	tester, log := start(t)
	steps := []struct {
		path string
		want says
		line string
	}{
		{"/gate/check", says{403, "Forbidden"}, `"msg"="podinfo.test gate check: approved false" "canary"="podinfo.test"`},
		{"/gate/open", says{202, ""}, `"msg"="podinfo.test gate opened"`},
		{"/gate/check", says{200, "Approved"}, `"msg"="podinfo.test gate check: approved true"`},
		{"/rollback/check", says{403, "Forbidden"}, `"msg"="rollback.podinfo.test rollback check: approved false"`},
		{"/rollback/open", says{202, ""}, `"msg"="rollback.podinfo.test rollback opened"`},
		{"/rollback/check", says{200, "Approved"}, `"msg"="rollback.podinfo.test rollback check: approved true"`},
		{"/rollback/close", says{202, ""}, `"msg"="rollback.podinfo.test rollback closed"`},
		{"/gate/close", says{202, ""}, `"msg"="podinfo.test gate closed"`},
		{"/gate/check", says{403, "Forbidden"}, ""},
		{"/rollback/check", says{403, "Forbidden"}, ""},
	}
	for i, step := range steps {
		if got := ask(tester, step.path, about()); got != step.want {
			t.Errorf("step %d, %s: got %v, want %v", i, step.path, got, step.want)
		}
		if !log.has(step.line) {
			t.Errorf("step %d, %s: the log lacks %s", i, step.path, step.line)
		}
	}
}

// brokenStore is a store that cannot be reached.
type brokenStore struct{ err error }

func (s brokenStore) IsOpen(context.Context, gate.Key) (bool, error) { return true, s.err }
func (s brokenStore) Open(context.Context, gate.Key) error           { return s.err }
func (s brokenStore) Close(context.Context, gate.Key) error          { return s.err }

func TestSwitchesThatCannotBeReached(t *testing.T) {
	cases := map[string]struct {
		err    error
		status int
	}{
		"Outage": {errors.New("connection refused"), 500},
		"Full":   {gate.ErrFull, 507},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tester, log := start(t, func(o *Options) { o.Gates = brokenStore{tc.err} })
			for _, verb := range []string{"check", "open", "close"} {
				want := says{tc.status, verb + " podinfo.test: " + tc.err.Error()}
				if got := ask(tester, "/gate/"+verb, about()); got != want {
					t.Errorf("nobody passes a gate that cannot be seen: got %v, want %v", got, want)
				}
				if !log.has(want.Body) {
					t.Errorf("%s: the log does not say so", verb)
				}
			}
		})
	}
}

func TestNamespaces(t *testing.T) {
	in := func(namespace string) string {
		return `{"name":"podinfo","namespace":"` + namespace + `","metadata":{"type":"bash","cmd":"true"}}`
	}
	cases := map[string]struct {
		reason    string
		pattern   string
		path      string
		namespace string
		want      int
	}{
		"Match":       {"One that is served.", "prod", "/", "prod", 200},
		"Substring":   {"The pattern need not match all of it, as ever.", "prod", "/", "nonprod-x", 200},
		"Anchored":    {"Unless it says so.", "^prod$", "/", "nonprod-x", 403},
		"Other":       {"No task for others.", "prod", "/", "test", 403},
		"OthersGate":  {"No gate for others.", "prod", "/gate/open", "test", 403},
		"OwnRollback": {"Rollbacks are served.", "prod", "/rollback/open", "prod", 202},
		"Approve":     {"What is the same for all is.", "prod", "/gate/approve", "test", 200},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tester, _ := start(t, func(o *Options) { o.Namespaces = regexp.MustCompile(tc.pattern) })
			got := ask(tester, tc.path, in(tc.namespace))
			if got.Status != tc.want || got.Status == 403 && got.Body != "Forbidden" {
				t.Errorf("%s\ngot %v, want %d", tc.reason, got, tc.want)
			}
		})
	}
}

func TestToken(t *testing.T) {
	cases := map[string]struct {
		reason    string
		path      string
		authorize func(*http.Request)
		want      int
	}{
		"Bearer":      {"The usual way.", "/gate/approve", func(r *http.Request) { r.Header.Set("Authorization", "Bearer s3cret") }, 200},
		"Password":    {"A webhook's URL can carry it.", "/gate/approve", func(r *http.Request) { r.SetBasicAuth("", "s3cret") }, 200},
		"None":        {"Nobody approves without it.", "/gate/approve", func(*http.Request) {}, 401},
		"Wrong":       {"Nor with another.", "/gate/open", func(r *http.Request) { r.Header.Set("Authorization", "Bearer secret") }, 401},
		"WrongBasic":  {"The name is no password.", "/", func(r *http.Request) { r.SetBasicAuth("s3cret", "") }, 401},
		"NoTask":      {"Above all, nobody runs commands.", "/", func(*http.Request) {}, 401},
		"Healthz":     {"Probes have none.", "/healthz", func(*http.Request) {}, 200},
		"Metrics":     {"Nor has Prometheus.", "/metrics", func(*http.Request) {}, 200},
		"TaskAllowed": {"Who knows it is served.", "/", func(r *http.Request) { r.SetBasicAuth("flagger", "s3cret") }, 400},
	}
	tester, _ := start(t, func(o *Options) { o.Token = "s3cret" })
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			req := httptest.NewRequest(http.MethodPost, tc.path, strings.NewReader(about()))
			tc.authorize(req)
			recorder := httptest.NewRecorder()
			tester.ServeHTTP(recorder, req)
			if recorder.Code != tc.want {
				t.Errorf("%s\ngot %d %s, want %d", tc.reason, recorder.Code, recorder.Body, tc.want)
			}
		})
	}
}
