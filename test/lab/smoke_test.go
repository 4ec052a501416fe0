//go:build linux && smoke

package lab_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flagger.app/flagger/test/lab/load"
)

// app is two Deployments behind one route that gives the second a fifth of the traffic.
const app = `
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: smoke}}
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: app-primary, namespace: smoke}
  spec:
    replicas: 2
    selector: {matchLabels: {app: app-primary}}
    template:
      metadata: {labels: {app: app-primary}}
      spec: {containers: [{name: app, image: "app:1.0.0"}]}
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: app, namespace: smoke}
  spec:
    replicas: 2
    selector: {matchLabels: {app: app}}
    template:
      metadata: {labels: {app: app}}
      spec: {containers: [{name: app, image: "app:1.0.1-err20"}]}
- apiVersion: v1
  kind: Service
  metadata: {name: app-primary, namespace: smoke}
  spec: {selector: {app: app-primary}, ports: [{port: 80, targetPort: 9898}]}
- apiVersion: v1
  kind: Service
  metadata: {name: app-canary, namespace: smoke}
  spec: {selector: {app: app}, ports: [{port: 80, targetPort: 9898}]}
- apiVersion: gateway.networking.k8s.io/v1
  kind: HTTPRoute
  metadata: {name: app, namespace: smoke}
  spec:
    parentRefs: [{name: gateway, namespace: lab}]
    hostnames: [app.example.com]
    rules:
    - backendRefs:
      - {name: app-primary, port: 80, weight: 80}
      - {name: app-canary, port: 80, weight: 20}
`

// smoke is a lab that the test brought up, used from outside.
type smoke struct {
	t       *testing.T
	program string
	state   string
	outside map[string]string
}

func (s *smoke) lab(stdin string, arguments ...string) string {
	s.t.Helper()
	command := exec.Command(s.program, append([]string{"--state", s.state}, arguments...)...)
	command.Stdin = strings.NewReader(stdin)
	var errors bytes.Buffer
	command.Stderr = &errors
	output, err := command.Output()
	if err != nil {
		s.t.Fatalf("lab %s: %v\n%s%s", strings.Join(arguments, " "), err, output, &errors)
	}
	return string(output)
}

func (s *smoke) kubectl(stdin string, arguments ...string) string {
	s.t.Helper()
	return s.lab(stdin, append([]string{"exec", "--", "kubectl"}, arguments...)...)
}

// bringUp brings up a lab that is taken down at the test's end, whatever happens.
func bringUp(t *testing.T) *smoke {
	t.Helper()
	program, err := filepath.Abs("../../bin/lab")
	if err != nil {
		t.Fatal(err)
	}
	state, err := os.MkdirTemp("", "lab-smoke-")
	if err != nil {
		t.Fatal(err)
	}
	s := &smoke{t: t, program: program, state: state, outside: map[string]string{}}
	t.Cleanup(func() {
		s.lab("", "down")
		if left := processesOf(t, state); len(left) > 0 {
			t.Errorf("processes of the lab are left: %v", left)
		}
		if err := os.RemoveAll(state); err != nil {
			t.Error(err)
		}
	})
	t.Log(s.lab("", "up"))
	content, err := os.ReadFile(filepath.Join(state, "env"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		name, value, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "export ")), "=")
		s.outside[name] = value
	}
	return s
}

// processesOf lists the processes that name the state folder or work in it.
func processesOf(t *testing.T, state string) []string {
	t.Helper()
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, folder := range folders {
		line, _ := os.ReadFile(filepath.Join(folder, "cmdline")) // it may have ended by now
		working, _ := os.Readlink(filepath.Join(folder, "cwd"))
		if bytes.Contains(line, []byte(state)) || working == state {
			found = append(found, fmt.Sprintf("%s %s", filepath.Base(folder), bytes.ReplaceAll(line, []byte{0}, []byte(" "))))
		}
	}
	return found
}

func (s *smoke) generator(rate int) *load.Generator {
	return load.New(load.Options{URL: s.outside["LAB_GATEWAY_URL"], Host: "app.example.com", Rate: rate})
}

// within tells whether got is that percentage of n, or one point more or less.
func within(got, n, percent int) bool {
	return got >= n*(percent-1)/100 && got <= n*(percent+1)/100
}

// TestSmoke tells one story, in the order in which a user of the lab would meet it.
func TestSmoke(t *testing.T) {
	s := bringUp(t)
	if len(processesOf(t, s.state)) == 0 {
		t.Fatal("no process of the lab is seen, so none could be seen to be left")
	}
	s.kubectl(app, "apply", "-f", "-")
	s.kubectl("", "-n", "smoke", "rollout", "status", "deployment/app-primary", "deployment/app", "--timeout=60s")
	accepted := `jsonpath={.status.parents[0].conditions[?(@.type=="Accepted")].status}=True`
	s.kubectl("", "-n", "smoke", "wait", "httproute/app", "--for="+accepted, "--timeout=60s")
	s.firstAnswer()

	t.Run("the route splits traffic 80/20", func(t *testing.T) {
		counts, err := s.generator(1).Send(t.Context(), 200)
		if err != nil {
			t.Fatal(err)
		}
		if !within(counts.Of("1.0.1-err20"), 200, 20) || !within(counts.Of("1.0.0"), 200, 80) || counts.Platform != 0 {
			t.Errorf("200 requests: %+v; want 160 and 40, none failed by the platform", counts)
		}
		if counts.App == 0 {
			t.Error("the bad image failed no request")
		}
	})
	t.Run("no request is lost while pods are replaced under 500 requests a second", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		generator := s.generator(500)
		ended := make(chan load.Counts)
		go func() {
			counts, err := generator.Run(ctx)
			if err != nil {
				t.Error(err)
			}
			ended <- counts
		}()
		old := strings.Fields(s.kubectl("", "-n", "smoke", "get", "pods", "-o", "name"))
		s.kubectl("", "-n", "smoke", "rollout", "restart", "deployment/app-primary", "deployment/app")
		s.kubectl("", "-n", "smoke", "rollout", "status", "deployment/app-primary", "--timeout=60s")
		s.kubectl("", "-n", "smoke", "rollout", "status", "deployment/app", "--timeout=60s")
		s.kubectl("", append([]string{"-n", "smoke", "wait", "--for=delete", "--timeout=60s"}, old...)...)
		cancel()
		counts := <-ended
		t.Logf("%+v", counts)
		if counts.Platform != 0 {
			t.Errorf("%d requests failed without the app's doing: %v, %v", counts.Platform, counts.Broken, counts.Versions)
		}
	})
	t.Run("Prometheus has the pods' series under the labels of a Kubernetes scrape", func(t *testing.T) {
		query := `sum(http_request_duration_seconds_count{kubernetes_namespace="smoke",kubernetes_pod_name=~"app-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"})`
		if got := s.query(query); len(got) != 1 {
			t.Errorf("%s has %d results, want one", query, len(got))
		}
	})
	t.Run("only the operator is audited", func(t *testing.T) {
		s.lab("", "exec", "--", "sh", "-c", `kubectl --kubeconfig "$LAB_OPERATOR_KUBECONFIG" -n smoke get deployment app`)
		log, err := os.ReadFile(filepath.Join(s.state, "audit.log"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(log, []byte(`"name":"app"`)) || bytes.Contains(log, []byte(`"lab-admin"`)) {
			t.Errorf("audit log:\n%s", log)
		}
	})
}

// firstAnswer waits until the gateway serves the route: its status tells that it was taken, not that it is in force.
func (s *smoke) firstAnswer() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		counts, err := s.generator(1).Send(ctx, 1)
		if err != nil {
			s.t.Fatal(err)
		}
		if counts.Platform == 0 && counts.Done == 1 {
			return
		}
		select {
		case <-ctx.Done():
			s.t.Fatalf("the gateway does not serve the route: %+v", counts)
		case <-tick.C:
		}
	}
}

func (s *smoke) query(query string) []any {
	s.t.Helper()
	answer, err := http.Get(s.outside["LAB_PROMETHEUS_URL"] + "/api/v1/query?query=" + url.QueryEscape(query))
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	var result struct{ Data struct{ Result []any } }
	if err := json.Unmarshal(body, &result); err != nil {
		s.t.Fatalf("%v:\n%s", err, body)
	}
	return result.Data.Result
}
