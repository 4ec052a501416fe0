//go:build linux

package rbac

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/test/config/manifest"
	"flagger.app/flagger/test/story"
)

// release is the name of the chart's release, and of its Deployment.
const release = "flagger"

// operator is the installed operator.
type operator struct {
	account string // as the audit log names it
	log     string // a file
	process *exec.Cmd
}

// install installs the chart with values in a new namespace, and starts what its Deployment says.
func install(t *testing.T, cfg *rest.Config, c client.Client, values ...string) *operator {
	t.Helper()
	namespace := testkit.NewNamespace(t, c)
	arguments := []string{
		"install", release, filepath.Join(testkit.Root(), "charts", "flagger"), "--namespace", namespace,
		"--skip-crds", "--kubeconfig", testkit.Kubeconfig(t, cfg),
	}
	for _, value := range values {
		arguments = append(arguments, "--set", value)
	}
	helm(t, arguments...)
	t.Cleanup(func() {
		helm(t, "uninstall", release, "--namespace", namespace, "--kubeconfig", testkit.Kubeconfig(t, cfg))
	})

	container, err := story.ReadContainer(t.Context(), c, cfg, types.NamespacedName{Namespace: namespace, Name: release})
	must(t, err)
	command, err := container.Command(manifest.Program(t, "flagger"), t.TempDir(), "-port=127.0.0.1:0")
	must(t, err)
	o := &operator{account: container.Account, log: filepath.Join(t.TempDir(), "log")}
	o.start(t, command)
	return o
}

// start starts the process, which ends with the test.
func (o *operator) start(t *testing.T, command []string) {
	t.Helper()
	log, err := os.Create(o.log)
	must(t, err)
	defer func() { _ = log.Close() }() // the process has its own copy
	o.process = exec.Command(command[0], command[1:]...)
	o.process.Stdout, o.process.Stderr = log, log
	must(t, o.process.Start())
	t.Cleanup(func() {
		_ = o.process.Process.Kill() // most often it has ended
		_ = o.process.Wait()
		if t.Failed() {
			t.Logf("the end of the operator's log:\n%s", o.tail())
		}
	})
}

// stop ends the process as Kubernetes does.
func (o *operator) stop(t *testing.T) {
	t.Helper()
	must(t, o.process.Process.Signal(syscall.SIGTERM))
	if err := o.process.Wait(); err != nil {
		t.Errorf("the operator was told to end and did not end well: %v", err)
	}
}

// tail is the end of the log.
func (o *operator) tail() string {
	const most = 40
	content, err := os.ReadFile(o.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-most):], "\n")
}

// helm runs the real Helm, with its files in a folder of the test.
func helm(t *testing.T, arguments ...string) {
	t.Helper()
	command := exec.Command(manifest.Program(t, "helm"), arguments...)
	command.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	var complaint bytes.Buffer
	command.Stderr = &complaint
	if err := command.Run(); err != nil {
		t.Fatal(fmt.Errorf("helm %s: %w: %s", arguments[0], err, &complaint))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
