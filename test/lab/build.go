//go:build linux

package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// silence is how long a build says nothing at most.
const silence = 5 * time.Second

// kubernetesVersion must be that of test/lab/kubernetes/go.mod; clients refuse a server that names none.
const kubernetesVersion = "v1.36.3"

// program is a binary that is built in a nested module of its own, so that its dependencies are not the operator's.
type program struct {
	name      string // of the binary, and of the module's folder
	source    string // the package that is built
	arguments []string
}

var programs = []program{
	{name: "kubernetes", source: ".", arguments: []string{"-ldflags", "-s -w" +
		" -X k8s.io/component-base/version.gitVersion=" + kubernetesVersion +
		" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36"}},
	{name: "kwok", source: "sigs.k8s.io/kwok/cmd/kwok"},
	{name: "traefik", source: "github.com/traefik/traefik/v3/cmd/traefik", arguments: []string{"-ldflags", "-s -w"}},
	{name: "prometheus", source: "github.com/prometheus/prometheus/cmd/prometheus", arguments: []string{
		"-ldflags", "-s -w", "-tags", "netgo,remove_all_sd,enable_kubernetes_sd"}},
	{name: "influxdb", source: "github.com/influxdata/influxdb/cmd/influxd", arguments: []string{"-ldflags", "-s -w"}},
	{name: "hey", source: "github.com/rakyll/hey", arguments: []string{"-ldflags", "-s -w"}},
	// Charts say which Kubernetes they need, and without a cluster helm compares that with what is set here.
	{name: "helm", source: "helm.sh/helm/v3/cmd/helm", arguments: []string{"-ldflags", "-s -w" +
		" -X helm.sh/helm/v3/internal/version.version=v3.22" +
		" -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=36" +
		" -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=36"}},
}

// Build builds the named binaries, or all, into the repository's bin, skipping those that are newer than their
// module's files. A cold build of all takes about a quarter of an hour on two cores, so it tells every few seconds
// how far it is.
func Build(ctx context.Context, root string, names []string, progress io.Writer, now func() time.Time) error {
	for _, name := range names {
		if !known(name) {
			return fmt.Errorf("the lab has no binary %q", name)
		}
	}
	for _, p := range programs {
		if len(names) > 0 && !slices.Contains(names, p.name) {
			continue
		}
		if err := p.build(ctx, root, progress, now); err != nil {
			return fmt.Errorf("build %s: %w", p.name, err)
		}
	}
	return nil
}

func known(name string) bool {
	return slices.ContainsFunc(programs, func(p program) bool { return p.name == name })
}

// fresh tells whether the binary is newer than what it is made of.
func (p program) fresh(root string) (bool, error) {
	binary, err := os.Stat(filepath.Join(root, "bin", p.name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at the binary: %w", err)
	}
	for _, file := range []string{"go.mod", "go.sum", "main.go"} {
		source, err := os.Stat(filepath.Join(p.module(root), file))
		if errors.Is(err, fs.ErrNotExist) {
			continue // only one of the modules has a main.go
		}
		if err != nil {
			return false, fmt.Errorf("look at the module: %w", err)
		}
		if source.ModTime().After(binary.ModTime()) {
			return false, nil
		}
	}
	return true, nil
}

func (p program) module(root string) string { return filepath.Join(root, "test", "lab", p.name) }

func (p program) build(ctx context.Context, root string, progress io.Writer, now func() time.Time) error {
	fresh, err := p.fresh(root)
	if err != nil {
		return err
	}
	if fresh {
		say(progress, "bin/%s is up to date", p.name)
		return nil
	}
	binary := filepath.Join(root, "bin", p.name)
	if err := os.MkdirAll(filepath.Dir(binary), 0o755); err != nil {
		return fmt.Errorf("make bin: %w", err)
	}
	// The binary takes its place when it is whole: a build that is interrupted leaves none that looks up to date.
	unfinished := binary + ".unfinished"
	arguments := append([]string{"build", "-v", "-o", unfinished}, p.arguments...)
	command := exec.CommandContext(ctx, "go", append(arguments, p.source)...)
	command.Dir = p.module(root)
	pipe, err := command.StderrPipe()
	if err != nil {
		return fmt.Errorf("listen to the build: %w", err)
	}
	started := now()
	say(progress, "building bin/%s (once; later builds find it cached)", p.name)
	if err := command.Start(); err != nil {
		return fmt.Errorf("start go: %w", err)
	}
	var seen output
	stop := tell(progress, func() string {
		return fmt.Sprintf("building bin/%s: %s, %.0f s", p.name, seen.count(), now().Sub(started).Seconds())
	})
	seen.read(pipe)
	err = command.Wait()
	stop()
	if err != nil {
		return fmt.Errorf("%w:\n%s", err, seen.tail())
	}
	if err := os.Rename(unfinished, binary); err != nil {
		return fmt.Errorf("put the binary in its place: %w", err)
	}
	say(progress, "bin/%s built in %.0f s", p.name, now().Sub(started).Seconds())
	return nil
}

func say(progress io.Writer, format string, arguments ...any) {
	_, _ = fmt.Fprintf(progress, "lab: "+format+"\n", arguments...) // nobody reads: nothing is lost
}

// tell says line every few seconds until stop is called.
func tell(progress io.Writer, line func() string) (stop func()) {
	done, quiet := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(quiet)
		tick := time.NewTicker(silence)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				say(progress, "%s", line())
			}
		}
	}()
	return func() { close(done); <-quiet }
}

// output is what `go build -v` writes: a line for each package it compiles and each module it downloads.
type output struct {
	mutex      sync.Mutex
	lines      []string
	downloaded int
}

func (o *output) read(from io.Reader) {
	scanner := bufio.NewScanner(from)
	for scanner.Scan() {
		o.mutex.Lock()
		o.lines = append(o.lines, scanner.Text())
		if strings.HasPrefix(scanner.Text(), "go: downloading ") {
			o.downloaded++
		}
		o.mutex.Unlock()
	}
	_, _ = io.Copy(io.Discard, from) // after a line too long to scan, so that go can go on
}

func (o *output) count() string {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return fmt.Sprintf("%d modules downloaded, %d packages compiled", o.downloaded, len(o.lines)-o.downloaded)
}

func (o *output) tail() string {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return strings.Join(o.lines[max(0, len(o.lines)-tailLines):], "\n")
}
