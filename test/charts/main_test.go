package charts

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	ctrl "sigs.k8s.io/controller-runtime"

	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/test/config/manifest"
)

var update = flag.Bool("update", false, "rewrite the goldens")

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	os.Exit(testkit.Main(m))
}

// release is a chart with values, as a user installs it.
type release struct {
	chart, name, namespace string
	values                 []string // as --set takes them
}

// arguments are those of helm's verb for this release.
func (r release) arguments(verb string) []string {
	arguments := []string{verb, r.name, folder(r.chart), "--namespace", r.namespace}
	for _, value := range r.values {
		arguments = append(arguments, "--set", value)
	}
	return arguments
}

// folder is where the chart of that name is.
func folder(chart string) string { return filepath.Join(testkit.Root(), "charts", chart) }

// helm runs the real Helm, which has its files in a folder of this test, and returns what it said.
func helm(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), manifest.Program(t, "helm"), arguments...)
	command.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("helm %s: %w: %s", arguments[0], err, stderr.String())
	}
	return stdout.String(), nil
}

// render returns the objects of a release that must render.
func render(t *testing.T, r release) []*unstructured.Unstructured {
	t.Helper()
	text, err := helm(t, r.arguments("template")...)
	if err != nil {
		t.Fatal(err)
	}
	return manifest.Decode(t, text)
}

// ofKind returns those of the objects that have one of the kinds.
func ofKind(objects []*unstructured.Unstructured, kinds ...string) []*unstructured.Unstructured {
	return slices.DeleteFunc(slices.Clone(objects), func(o *unstructured.Unstructured) bool {
		return !slices.Contains(kinds, o.GetKind())
	})
}

// container returns the first container of a Deployment.
func container(t *testing.T, deployment *unstructured.Unstructured) map[string]any {
	t.Helper()
	containers, _, err := unstructured.NestedSlice(deployment.Object, "spec", "template", "spec", "containers")
	if err != nil || len(containers) == 0 {
		t.Fatalf("%s has no containers: %v", deployment.GetName(), err)
	}
	return containers[0].(map[string]any)
}

// command returns what the first container of a Deployment is called with.
func command(t *testing.T, deployment *unstructured.Unstructured) []string {
	t.Helper()
	arguments, _, err := unstructured.NestedStringSlice(container(t, deployment), "args")
	if err != nil {
		t.Fatal(err)
	}
	return arguments
}

// golden compares got with testdata/name, or writes it there with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (-update writes it)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs from the golden (-want +got):\n%s", name, diff)
	}
}
