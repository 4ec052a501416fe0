package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"flagger.app/flagger/internal/testkit"
)

// Object is one object of a manifest.
type Object = unstructured.Unstructured

// Program returns the path of a program that the Makefile builds, and ends the test where it is missing.
func Program(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(testkit.Root(), "bin", name)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("bin/%s is missing: `make test` builds it", name)
	}
	return path
}

// Kustomize returns the objects of a folder, which is below config unless its path is absolute.
func Kustomize(t testing.TB, folder string) []*Object {
	t.Helper()
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(testkit.Root(), "config", folder)
	}
	return Decode(t, run(t, "kustomize", "build", folder))
}

// Helm returns the objects of a chart in a namespace, installed under its own name with arguments such as --set.
func Helm(t testing.TB, chart, namespace string, arguments ...string) []*Object {
	t.Helper()
	folder := filepath.Join(testkit.Root(), "charts", chart)
	all := append([]string{"template", chart, folder, "--namespace", namespace}, arguments...)
	return Decode(t, run(t, "helm", all...))
}

// run returns what a program says, which has to succeed.
func run(t testing.TB, program string, arguments ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), Program(t, program), arguments...)
	command.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		t.Fatalf("%s %s: %v: %s", program, strings.Join(arguments, " "), err, stderr.String())
	}
	return stdout.String()
}

// Decode returns the objects of a YAML text.
func Decode(t testing.TB, text string) []*Object {
	t.Helper()
	objects, err := decode(text)
	if err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	return objects
}

func decode(text string) ([]*Object, error) {
	var objects []*Object
	documents := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		object := &Object{}
		err := documents.Decode(&object.Object)
		switch {
		case errors.Is(err, io.EOF):
			return objects, nil
		case err != nil:
			return nil, fmt.Errorf("decode YAML: %w", err)
		case len(object.Object) == 0: // a comment alone
		case object.GetKind() == "" || object.GetName() == "":
			return nil, fmt.Errorf("an object without kind or name: %v", object.Object)
		default:
			objects = append(objects, object)
		}
	}
}

// One returns the one object of a kind and name, and ends the test where there is none.
func One(t testing.TB, objects []*Object, kind, name string) *Object {
	t.Helper()
	i := slices.IndexFunc(objects, func(o *Object) bool { return o.GetKind() == kind && o.GetName() == name })
	if i < 0 {
		t.Fatalf("there is no %s %s", kind, name)
	}
	return objects[i]
}
