//go:build e2e && linux

package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/test/lab"
	"flagger.app/flagger/test/lab/load"
	"flagger.app/flagger/test/story"
)

// The ports by which the containers of the lab keep apart; the charts give both the same.
const (
	operatorPort   = "127.0.0.1:8082"
	loadTesterPort = "127.0.0.1:8083"
)

// TestInstall begins with a cluster that has a gateway and a Prometheus. The charts and the sample are installed as the
// documentation says, the gateway's name, the addresses and a hook filled in; the containers are what the Deployments say, with
// the rights of their accounts. One change of the image is all that is done then.
func TestInstall(t *testing.T) {
	t.Parallel()
	user := newUser(t)
	user.helm("install", "flagger", "flagger-system", "leaderElection.enabled=true", "meshProvider=gatewayapi:v1",
		"metricsServer=http://127.0.0.1:9090", "slack.url=http://127.0.0.1:1/unreachable")
	user.helm("install", "loadtester", "test", "gates.enabled=true")
	operatorLog := user.run("flagger-system", "flagger", "flagger", "-port="+operatorPort)
	user.run("test", "flagger-loadtester", "loadtester", "-port="+loadTesterPort)

	app := story.App{Namespace: "test"}
	journal, err := user.stage.Follow(user.ctx, app)
	user.must(err)
	user.kubectl("apply", "-f", user.sample())
	user.await(journal, "initialized", story.Heard("Initialization done!"))
	user.sendRequests("podinfo.example.com")
	user.kubectl("set", "image", "--namespace=test", "deployment/podinfo", "podinfo=ghcr.io/stefanprodan/podinfo:6.9.1")
	user.await(journal, "succeeded", story.Run(v1beta1.PhaseSucceeded))

	log, err := os.ReadFile(operatorLog)
	user.must(err)
	if strings.Contains(string(log), "forbidden") {
		t.Errorf("the chart gives the operator too few rights; its log:\n%s", log)
	}
}

// user has a cluster of their own, with nothing of ours in it.
type user struct {
	*testing.T
	ctx   context.Context
	stage *story.Stage
}

func newUser(t *testing.T) *user {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	empty, err := story.OpenEmpty(ctx, story.Options{
		Root: testkit.Root(), State: lab.State(t.TempDir()), Lifetime: lab.WithStarter, Progress: os.Stdout, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := empty.Close(); err != nil {
			t.Error(err)
		}
	})
	return &user{T: t, ctx: ctx, stage: empty}
}

func (u *user) must(err error) {
	u.Helper()
	if err != nil {
		u.Fatal(err)
	}
}

// helm runs a verb for the chart of that name, whose release has the name that the documentation gives it.
func (u *user) helm(verb, chart, namespace string, values ...string) {
	u.Helper()
	release := map[string]string{"flagger": "flagger", "loadtester": "flagger-loadtester"}[chart]
	arguments := []string{
		verb, release, filepath.Join(testkit.Root(), "charts", chart), "--namespace", namespace, "--create-namespace",
		"--kubeconfig", u.stage.State.Kubeconfig(),
	}
	for _, value := range values {
		arguments = append(arguments, "--set", value)
	}
	u.program(filepath.Join(testkit.Root(), "bin", "helm"), arguments...)
}

// kubectl runs the real one.
func (u *user) kubectl(arguments ...string) {
	u.Helper()
	arguments = append([]string{"kubectl", "--kubeconfig", u.stage.State.Kubeconfig()}, arguments...)
	u.program(filepath.Join(testkit.Root(), "bin", "kubernetes"), arguments...)
}

func (u *user) program(name string, arguments ...string) {
	u.Helper()
	command := exec.CommandContext(u.ctx, name, arguments...)
	command.Env = []string{"HOME=" + u.TempDir(), "PATH=" + os.Getenv("PATH")}
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Run(); err != nil {
		u.Fatalf("%s %s: %v: %s", filepath.Base(name), strings.Join(arguments, " "), err, &output)
	}
}

// run starts the container of a Deployment, out of our binary of that name, and returns its log.
func (u *user) run(namespace, deployment, binary string, further ...string) string {
	u.Helper()
	log := filepath.Join(string(u.stage.State), "logs", deployment+".log")
	key := types.NamespacedName{Namespace: namespace, Name: deployment}
	u.must(u.stage.Run(u.ctx, key, filepath.Join(testkit.Root(), "bin", binary), log, further...))
	u.Cleanup(func() {
		if content, err := os.ReadFile(log); u.Failed() && err == nil {
			u.Logf("the log of %s:\n%s", deployment, content)
		}
	})
	return log
}

// sample is the file of the sample, with what users have to fill in.
func (u *user) sample() string {
	u.Helper()
	content, err := os.ReadFile(filepath.Join(testkit.Root(), "config", "samples", "podinfo.yaml"))
	u.must(err)
	filled := strings.NewReplacer(
		"namespace: gateway-system", "namespace: "+lab.GatewayNamespace,
		"  analysis:\n", "  analysis:\n    webhooks:\n      - {name: gate, type: confirm-rollout, url: http://"+loadTesterPort+"/gate/approve}\n",
	).Replace(string(content))
	file := filepath.Join(u.TempDir(), "podinfo.yaml")
	u.must(os.WriteFile(file, []byte(filled), 0o600))
	return file
}

// sendRequests sends requests to a host until the story ends: without any there is nothing to measure.
func (u *user) sendRequests(host string) {
	u.Helper()
	const rate = 50 // per second
	ctx, stop := context.WithCancel(u.ctx)
	ended := make(chan struct{})
	u.Cleanup(func() {
		stop()
		<-ended
	})
	go func() {
		defer close(ended)
		if _, err := load.New(load.Options{URL: u.stage.Gateway, Host: host, Rate: rate}).Run(ctx); err != nil {
			u.Errorf("send requests: %v", err)
		}
	}()
}

func (u *user) await(journal *story.Journal, what string, wanted func(story.Moment) bool) {
	u.Helper()
	if _, err := journal.Await(u.ctx, 0, wanted); err != nil {
		u.Fatalf("wait until the canary is %s: %v; what happened:\n%s", what, err, story.Narrate(journal.Since(0), time.Now()))
	}
}
