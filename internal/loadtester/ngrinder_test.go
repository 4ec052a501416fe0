package loadtester

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNGrinderMetadata(t *testing.T) {
	good := map[string]string{"type": "ngrinder", "server": "http://127.0.0.1:1", "clone": "7", "username": "u", "passwd": "cA=="}
	const required = "server, clone, username and passwd are required metadata"
	cases := map[string]struct {
		reason string
		key    string
		value  string
		want   says
	}{
		"Good":        {"Nobody waits for the test.", "", "", says{202, ""}},
		"NoServer":    {"All four are needed.", "server", "-", says{400, required}},
		"NoClone":     {"All four are needed.", "clone", "-", says{400, required}},
		"NoUser":      {"All four are needed.", "username", "-", says{400, required}},
		"NoPassword":  {"All four are needed.", "passwd", "-", says{400, required}},
		"BadURL":      {"No address.", "server", "http://a b", says{400, `invalid url: http://a b: parse "http://a b": invalid character " " in host name`}},
		"NoScheme":    {"It could not be called.", "server", "ngrinder:8080", says{400, "invalid url: ngrinder:8080: it must begin with http:// or https:// and a host"}},
		"BadClone":    {"Tests have numbers.", "clone", "x", says{400, `metadata clone must be integer: strconv.ParseInt: parsing "x": invalid syntax`}},
		"BadPassword": {"Passwords are encoded.", "passwd", "%", says{400, "metadata password is invalid: illegal base64 data at input byte 0"}},
		"BadInterval": {"Intervals have units.", "pollInterval", "5", says{400, `metadata pollInterval is invalid: time: missing unit in duration "5"`}},
		"Huge":        {"No interval brings the process down.", "pollInterval", "2540400h", says{202, ""}},
		"Negative":    {"Not even one of the past.", "pollInterval", "-10s", says{202, ""}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var metadata []string
			for key, value := range good {
				if key != tc.key {
					metadata = append(metadata, key, value)
				}
			}
			if tc.value != "" && tc.value != "-" {
				metadata = append(metadata, tc.key, tc.value)
			}
			tester, _ := start(t)
			if diff := cmp.Diff(tc.want, ask(tester, "/", about(metadata...))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestNGrinderInterval(t *testing.T) {
	cases := map[string]time.Duration{"": time.Second, "5s": 5 * time.Second, "1ns": 100 * time.Millisecond, "-1h": 100 * time.Millisecond}
	for text, want := range cases {
		m := map[string]string{"server": "http://x", "clone": "7", "username": "u", "passwd": ""}
		if text != "" {
			m["pollInterval"] = text
		}
		tester, _ := start(t)
		got, err := prepareNGrinder(tester, payload{Metadata: m})
		if err != nil || got.(ngrinder).interval != want {
			t.Errorf("%q means what it says: got %+v, %v", text, got, err)
		}
	}
}

const (
	cloneAndStart = "POST /base/perftest/api/7/clone_and_start"
	testStatus    = "GET /base/perftest/api/42/status"
	testStop      = "PUT /base/perftest/api/42"
)

func status(id string) string { return `{"status":[{"status_id":"` + id + `"}]}` }

func TestNGrinder(t *testing.T) {
	begun := []string{`{"id":42,"status":{"name":"START"}}`}
	cases := map[string]struct {
		reason  string
		answers map[string][]string
		want    string // the error
		asked   []string
	}{
		"Finished": {
			"A test is watched until it ends.",
			map[string][]string{cloneAndStart: begun, testStatus: {status("PREPARE"), status("TESTING"), status("FINISHED")}},
			"", []string{cloneAndStart, testStatus, testStatus, testStatus},
		},
		"StoppedByError": {
			"A bad end is a failure.",
			map[string][]string{cloneAndStart: begun, testStatus: {status("STOP_BY_ERROR")}},
			"test failed: test 42 ended as STOP_BY_ERROR", []string{cloneAndStart, testStatus},
		},
		"Canceled": {
			"So is somebody's hand.",
			map[string][]string{cloneAndStart: begun, testStatus: {status("CANCELED")}},
			"test failed: test 42 ended as CANCELED", []string{cloneAndStart, testStatus},
		},
		"Unknown": {
			"And an end nobody knows.",
			map[string][]string{cloneAndStart: begun, testStatus: {status("UNKNOWN")}},
			"test failed: test 42 ended as UNKNOWN", []string{cloneAndStart, testStatus},
		},
		"NotStarted": {
			"The server may refuse in words.",
			map[string][]string{cloneAndStart: {`{"success":false,"message":"no such test"}`}},
			`start test: the server reports no success: {"success":false,"message":"no such test"}`, []string{cloneAndStart},
		},
		"NoNumber": {
			"A test without a number cannot be watched.",
			map[string][]string{cloneAndStart: {`{"success":true}`}},
			"start test: the answer has no id", []string{cloneAndStart},
		},
		"NoStatus": {
			"A test that cannot be watched is stopped.",
			map[string][]string{cloneAndStart: begun, testStatus: {`{"status":[]}`}, testStop: {`{"success":true}`}},
			"read status of test 42: the answer has none", []string{cloneAndStart, testStatus, testStop + "?action=stop"},
		},
		"NotStopped": {
			"If that fails too, both are told.",
			map[string][]string{cloneAndStart: begun, testStatus: {"500 x"}, testStop: {"500 y"}},
			"read status of test 42: status 500 Internal Server Error: x\nstop test 42: status 500 Internal Server Error: y",
			[]string{cloneAndStart, testStatus, testStop + "?action=stop"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := serve(t, tc.answers, func(req *http.Request) string {
				if user, password, _ := req.BasicAuth(); user != "u" || password != "p" {
					return " without credentials"
				}
				return ""
			})
			base, err := parseServer(s.URL + "/base/")
			if err != nil {
				t.Fatal(err)
			}
			n := ngrinder{s.Client(), base, 7, "u", "p", time.Millisecond}
			got := ""
			if _, err := n.run(t.Context()); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(tc.asked, s.asked); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestNGrinderIsStoppedInTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := serve(t, map[string][]string{
		"POST /perftest/api/7/clone_and_start": {`{"id":42}`},
		"GET /perftest/api/42/status":          {status("TESTING")},
		"PUT /perftest/api/42":                 {`{"success":true}`},
	}, func(req *http.Request) string {
		if req.Method == http.MethodGet {
			cancel() // the first look is the last
		}
		return ""
	})
	tester, log := startWithin(ctx)
	body := about("type", "ngrinder", "server", s.URL, "clone", "7", "username", "u", "passwd", "")
	if got := ask(tester, "/", body); got != (says{202, ""}) {
		t.Fatalf("got %v", got)
	}
	tester.Wait()
	if last := s.asked[len(s.asked)-1]; last != "PUT /perftest/api/42?action=stop" {
		t.Errorf("the load goes on after its end: the last request is %s", last)
	}
	if !log.has(`"msg"="command stopped ngrinder test 7"`) {
		t.Errorf("got %s", strings.Join(log.lines, "\n"))
	}
}
