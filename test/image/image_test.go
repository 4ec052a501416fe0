package image

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"flagger.app/flagger/internal/testkit"
)

func TestBaseImages(t *testing.T) {
	want := map[string][]string{
		operator:   {"golang:1.26.11", "gcr.io/distroless/static:nonroot"},
		loadTester: {"golang:1.26.11", "alpine:3.22"},
	}
	for dockerfile, bases := range want {
		t.Run(dockerfile, func(t *testing.T) {
			var got, own []string
			for _, s := range stages(t, dockerfile) {
				if !slices.Contains(own, s.base) {
					got = append(got, s.base)
				}
				own = append(own, s.name)
			}
			if diff := cmp.Diff(bases, got); diff != "" {
				t.Errorf("A base image is chosen by hand, with its version (-want +got):\n%s", diff)
			}
			if toolchain := "\ntoolchain go" + strings.TrimPrefix(got[0], "golang:") + "\n"; !strings.Contains(read(t, "go.mod"), toolchain) {
				t.Errorf("%s is not of the Go that go.mod asks for", got[0])
			}
		})
	}
}

func TestNobodysUser(t *testing.T) {
	want := map[string]string{operator: "65532:65532", loadTester: "100:101"}
	for dockerfile, user := range want {
		t.Run(dockerfile, func(t *testing.T) {
			if got := last(t, dockerfile).one(t, "USER"); !slices.Equal(got, []string{user}) {
				t.Errorf("Kubernetes takes no name for a user that is not root: got %v, want %s", got, user)
			}
		})
	}
}

func TestPodsRunAsTheImagesUser(t *testing.T) {
	var values struct {
		SecurityContext struct{ Context corev1.SecurityContext }
	}
	if err := yaml.Unmarshal([]byte(read(t, "charts/loadtester/values.yaml")), &values); err != nil {
		t.Fatal(err)
	}
	var base appsv1.Deployment
	if err := yaml.Unmarshal([]byte(read(t, "config/tester/deployment.yaml")), &base); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]*corev1.SecurityContext{
		"Chart": &values.SecurityContext.Context,
		"Base":  base.Spec.Template.Spec.Containers[0].SecurityContext,
	} {
		t.Run(name, func(t *testing.T) {
			if user := fmt.Sprintf("%d:%d", ptr.Deref(got.RunAsUser, 0), ptr.Deref(got.RunAsGroup, 0)); user != "100:101" {
				t.Errorf("The home of another user is not the image's: got %s, want 100:101", user)
			}
		})
	}
}

func TestEntryPoint(t *testing.T) {
	want := map[string]string{operator: `["/usr/local/bin/flagger"]`, loadTester: `["./loadtester"]`}
	for dockerfile, entry := range want {
		t.Run(dockerfile, func(t *testing.T) {
			image := last(t, dockerfile)
			if got := strings.Join(image.one(t, "ENTRYPOINT"), " "); got != entry {
				t.Errorf("A program that a shell starts gets no signals: got %s, want %s", got, entry)
			}
			program := strings.Trim(entry, `["]`)
			if !path.IsAbs(program) {
				program = path.Join(image.one(t, "WORKDIR")[0], program)
			}
			if !slices.ContainsFunc(image.all("COPY"), func(i instruction) bool { return slices.Contains(i.words, program) }) {
				t.Errorf("nothing is copied to %s", program)
			}
		})
	}
}

func TestCopiesExist(t *testing.T) {
	for _, dockerfile := range []string{operator, loadTester} {
		t.Run(dockerfile, func(t *testing.T) {
			ignored := ignores(t, dockerfile)
			for _, s := range stages(t, dockerfile) {
				for _, i := range s.all("COPY") {
					if i.from != "" {
						continue
					}
					for _, source := range i.words[:len(i.words)-1] {
						if _, err := os.Stat(filepath.Join(testkit.Root(), source)); err != nil {
							t.Error(err)
						}
						if ignored(source) {
							t.Errorf("%s is not given to the builder", source)
						}
					}
				}
			}
		})
	}
}

// ignores returns what tells whether the builder is given a file. A list that begins with * names what is.
func ignores(t *testing.T, dockerfile string) func(string) bool {
	t.Helper()
	list := ".dockerignore"
	if dockerfile == loadTester {
		list = dockerfile + list
	}
	lines := strings.Fields(read(t, list))
	return func(file string) bool {
		ignored := false
		for _, line := range lines {
			pattern, kept := strings.CutPrefix(line, "!")
			if pattern == "*" || file == pattern || strings.HasPrefix(file, pattern+"/") {
				ignored = !kept
			}
		}
		return ignored
	}
}

var installed = regexp.MustCompile(`apk add --no-cache ([a-z -]+)`)

// TestTools looks for every program that the tasks of users may call.
func TestTools(t *testing.T) {
	var got []string
	for _, s := range stages(t, loadTester) {
		for _, run := range s.all("RUN") {
			if packages := installed.FindStringSubmatch(strings.Join(run.words, " ")); packages != nil {
				got = append(got, strings.Fields(packages[1])...)
			}
			for _, word := range run.words {
				if tool, found := strings.CutPrefix(word, "/tools/"); found {
					got = append(got, tool)
				}
			}
		}
	}
	slices.Sort(got)
	want := []string{
		"bash", "bats", "ca-certificates", "curl", "ghz", "git", "grpc_health_probe", "helm", "hey", "jq", "kubectl", "libgcc", "wrk",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what tasks of users call is in the image (-want +got):\n%s", diff)
	}
}

var setVersion = regexp.MustCompile(`=(v[0-9][0-9.]+)$`)

// TestToolsArePinned: each program in Go comes from a module whose go.mod names it, and tells the version that it is of.
func TestToolsArePinned(t *testing.T) {
	for _, s := range stages(t, loadTester) {
		for _, run := range s.all("RUN") {
			folder := slices.Index(run.words, "-C") + 1
			if folder == 0 {
				continue
			}
			source := run.words[len(run.words)-1]
			t.Run(path.Base(source), func(t *testing.T) {
				version := required(t, run.words[folder], source)
				for _, word := range run.words {
					said := setVersion.FindStringSubmatch(strings.Trim(word, `"`))
					if said != nil && said[1] != version {
						t.Errorf("it says that it is %s and is %s", said[1], version)
					}
				}
			})
		}
	}
}

// required returns the version of the module that a package is of.
func required(t *testing.T, folder, source string) string {
	t.Helper()
	for line := range strings.Lines(read(t, filepath.Join(folder, "go.mod"))) {
		words := strings.Fields(line)
		if len(words) > 1 && strings.HasPrefix(words[1], "v") && strings.HasPrefix(source+"/", words[0]+"/") {
			return words[1]
		}
	}
	t.Fatalf("%s/go.mod requires no module of %s", folder, source)
	return ""
}

func TestNothingIsDownloaded(t *testing.T) {
	for _, dockerfile := range []string{operator, loadTester} {
		for _, s := range stages(t, dockerfile) {
			if len(s.all("ADD")) > 0 {
				t.Errorf("%s: what is not built or packaged has no checksum that anybody checks", dockerfile)
			}
			for _, run := range s.all("RUN") {
				if text := strings.Join(run.words, " "); strings.Contains(text, "http") {
					t.Errorf("%s: %s", dockerfile, text)
				}
			}
		}
	}
}

// last is the stage that becomes the image.
func last(t *testing.T, dockerfile string) stage {
	t.Helper()
	all := stages(t, dockerfile)
	return all[len(all)-1]
}
