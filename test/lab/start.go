//go:build linux

package lab

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// stopTimeout is how long the lab has to end by itself; it takes a fraction of a second.
const stopTimeout = 10 * time.Second

// errNotReady is returned where the first process ended before the lab could be used.
var errNotReady = errors.New("the lab did not come up")

// Lifetime says when a lab ends by itself.
type Lifetime string

const (
	WithStarter Lifetime = "with-starter" // with the process that started it, however that ends
	Detached    Lifetime = "detached"     // never
)

// usualScrape is how often Prometheus looks at the pods where Options do not say.
const usualScrape = time.Second

// Options say what lab to start. The folders are absolute.
type Options struct {
	Root     string // the repository's, with the binaries in bin
	State    State
	Lifetime Lifetime
	Progress io.Writer     // a line per step
	Scrape   time.Duration // between two looks of Prometheus at all pods, which cost 0.1 ms for each; a second where it is zero
	NoProxy  bool          // leaves Traefik out, which reads all routes whenever one changes
}

// Lab is a running lab as its starter sees it.
type Lab struct {
	State   State
	outside []string // shell assignments
	first   *exec.Cmd
	line    *os.File // closing it ends the lab
}

// outlet is a loopback listener outside that is handed in.
type outlet struct {
	variable string // names its URL
	scheme   string
	listener *net.TCPListener
}

// Start brings up a lab and returns when it can be used. When it returns an error, or ctx ends while it waits,
// nothing is left running.
func Start(ctx context.Context, o Options) (*Lab, error) {
	for _, name := range []string{"kubernetes", "kwok", "traefik", "prometheus"} {
		if _, err := os.Stat(filepath.Join(o.Root, "bin", name)); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("bin/%s is missing: `make lab-binaries` builds it", name)
		}
	}
	crds, err := findCRDs(ctx, o)
	if err != nil {
		return nil, err
	}
	lock, err := o.State.claim()
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.Close() }() // the first process has it too
	if err := o.State.clear(); err != nil {
		return nil, err
	}
	return start(ctx, o, lock, crds)
}

// start starts the first process and waits until it is ready.
func start(ctx context.Context, o Options, lock *os.File, crds []string) (*Lab, error) {
	outlets, err := listen()
	if err != nil {
		return nil, err
	}
	readyReader, ready, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	defer func() { _ = readyReader.Close() }()
	lifeline, line, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	inherited := []*os.File{ready, lock, lifeline} // in the order of the numbers in inside.go
	for _, out := range outlets {
		file, err := out.listener.File()
		if err != nil {
			return nil, fmt.Errorf("hand over a listener: %w", err)
		}
		inherited = append(inherited, file)
		_ = out.listener.Close() // the copy goes on listening
	}
	s := settings{
		Root: o.Root, State: o.State, CRDs: crds, Lifetime: o.Lifetime, Scrape: cmp.Or(o.Scrape, usualScrape), NoProxy: o.NoProxy,
		APIServerPort: outlets[0].listener.Addr().(*net.TCPAddr).Port,
	}
	first, err := startFirst(o, s, inherited)
	closeAll(append(inherited[2:], ready))
	if err != nil {
		_ = line.Close()
		return nil, err
	}
	lab := &Lab{State: o.State, first: first, line: line}
	if err := lab.awaitReady(ctx, readyReader); err != nil {
		return nil, err
	}
	return lab, lab.describe(outlets)
}

// listen makes the outlets in the order of the numbers in inside.go.
func listen() ([]outlet, error) {
	outlets := []outlet{
		{variable: "LAB_APISERVER_URL", scheme: "https"},
		{variable: "LAB_GATEWAY_URL", scheme: "http"},
		{variable: "LAB_PROMETHEUS_URL", scheme: "http"},
		{variable: "LAB_STANDIN_URL", scheme: "http"},
	}
	for i := range outlets {
		listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return nil, fmt.Errorf("listen on the loopback device: %w", err)
		}
		outlets[i].listener = listener
	}
	return outlets, nil
}

// startFirst runs this program again as the first process of its own namespaces.
func startFirst(o Options, s settings, inherited []*os.File) (*exec.Cmd, error) {
	encoded, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode the lab's settings: %w", err)
	}
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	first := exec.Command(program, insideVerb, string(encoded))
	first.Stdout, first.Stderr = o.Progress, o.Progress
	first.ExtraFiles = inherited
	first.SysProcAttr = ownNamespaces()
	if err := first.Start(); err != nil {
		return nil, refusal(err)
	}
	return first, nil
}

// awaitReady returns when the first process says so, and ends it if ctx ends before.
func (l *Lab) awaitReady(ctx context.Context, ready *os.File) error {
	interrupted := context.AfterFunc(ctx, func() { _ = l.first.Process.Kill() })
	defer interrupted()
	said, err := io.ReadAll(ready)
	if err == nil && string(said) == "ready\n" {
		return nil
	}
	_ = l.line.Close()
	_ = l.first.Wait() // it has told its error itself
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", errNotReady, context.Cause(ctx))
	}
	return errNotReady
}

// describe writes the outside addresses to the state folder.
func (l *Lab) describe(outlets []outlet) error {
	l.outside = []string{"export KUBECONFIG=" + l.State.Kubeconfig(), "export LAB_STATE=" + string(l.State)}
	for _, out := range outlets {
		l.outside = append(l.outside, fmt.Sprintf("export %s=%s://%s", out.variable, out.scheme, out.listener.Addr()))
	}
	content := strings.Join(l.outside, "\n") + "\n"
	if err := os.WriteFile(l.State.Environment(), []byte(content), 0o644); err != nil {
		return errors.Join(fmt.Errorf("write the outside addresses: %w", err), l.Stop())
	}
	return nil
}

// Outside returns shell assignments that let processes outside use the lab.
func (l *Lab) Outside() []string { return l.outside }

// Stop ends the lab that this process started and returns when none of its processes is left.
func (l *Lab) Stop() error {
	_ = l.line.Close()
	if err := Stop(l.State); err != nil && !errors.Is(err, ErrNotRunning) {
		return err
	}
	var exit *exec.ExitError
	if err := l.first.Wait(); err != nil && !errors.As(err, &exit) {
		return fmt.Errorf("wait for the lab: %w", err)
	}
	return nil
}

// Stop ends the lab of a state folder and returns when none of its processes is left: the first process of a
// process namespace is gone only after all the others are. Where there is no lab the error is ErrNotRunning.
func Stop(state State) error {
	asked, err := state.ask(request{Verb: verbStop})
	if err != nil {
		return err
	}
	defer func() { _ = asked.connection.Close() }()
	handle, err := unix.PidfdOpen(asked.supervisor, 0)
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("watch the lab's first process: %w", err)
	}
	defer func() { _ = unix.Close(handle) }()
	if ended(handle, stopTimeout) {
		return nil
	}
	if err := unix.PidfdSendSignal(handle, unix.SIGKILL, nil, 0); err != nil {
		return fmt.Errorf("kill the lab's first process: %w", err)
	}
	if !ended(handle, stopTimeout) {
		return fmt.Errorf("the lab's first process %d does not end", asked.supervisor)
	}
	return nil
}

// ended waits for a process to end, at most for timeout.
func ended(handle int, timeout time.Duration) bool {
	watched := []unix.PollFd{{Fd: int32(handle), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(watched, int(timeout.Milliseconds()))
		if !errors.Is(err, unix.EINTR) {
			return n == 1
		}
	}
}

// Exec runs a command inside the lab of a state folder, with this process's standard files, folder and
// environment plus the lab's own, and returns its exit code. Signals that arrive on signals are the command's.
func Exec(state State, command []string, signals <-chan os.Signal) (int, error) {
	directory, err := os.Getwd()
	if err != nil {
		return 0, fmt.Errorf("find the working folder: %w", err)
	}
	r := request{Verb: verbExec, Arguments: command, Environment: os.Environ(), Directory: directory}
	asked, err := state.ask(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = asked.connection.Close() }()
	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			select {
			case <-done:
				return
			case received := <-signals:
				if number, ok := received.(syscall.Signal); ok {
					_ = asked.send(interruption{Signal: number}) // the lab may have ended
				}
			}
		}
	}()
	return asked.answer()
}
