//go:build linux

package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// farewell is how long the operator may take to end, as in Kubernetes.
const farewell = 30 * time.Second

// logTail is how much of the operator's log an error shows.
const logTail = 10

// errOperator is the cause of everything that ends because the operator has.
var errOperator = errors.New("the operator ended")

// Program says what to run. All but the flags are required.
type Program struct {
	Binary     string
	Kubeconfig string
	Metrics    string // the metrics server's URL
	Log        string // the file to append its log to
	Flags      []string
	Failed     func(error) // called if it ends without being asked to
}

// Operator starts and stops an operator. Its methods are called from one goroutine, but for IsReady and Profile.
type Operator struct {
	Program

	port    int
	process *exec.Cmd
	asked   chan struct{} // closed when it is to end
	ended   chan struct{} // closed when it has
}

// NewOperator prepares an operator of the provider gatewayapi:v1. It does not start it.
func NewOperator(p Program) (*Operator, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	return &Operator{Program: p, port: port}, nil
}

// freePort finds a port that nobody listens on; the flag -port takes no listener.
func freePort() (int, error) {
	listener, err := net.ListenTCP("tcp", nil)
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// Start starts the operator. It does not wait until it works.
func (o *Operator) Start() error {
	log, err := os.OpenFile(o.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("open the operator's log: %w", err)
	}
	defer func() { _ = log.Close() }() // the operator has its own copy
	process := exec.Command(o.Binary, o.arguments()...)
	process.Stdout, process.Stderr = log, log
	process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := process.Start(); err != nil {
		return fmt.Errorf("start the operator: %w", err)
	}
	asked, ended := make(chan struct{}), make(chan struct{})
	o.process, o.asked, o.ended = process, asked, ended
	go func() {
		_ = process.Wait() // the process's state says it all
		close(ended)
		select {
		case <-asked:
		default:
			o.Failed(fmt.Errorf("%w (%s); the end of its log:\n%s", errOperator, process.ProcessState, o.tail()))
		}
	}()
	return nil
}

func (o *Operator) arguments() []string {
	return append([]string{
		"-kubeconfig", o.Kubeconfig, "-port", strconv.Itoa(o.port), "-log-level", "info",
		"-mesh-provider", "gatewayapi:v1", "-metrics-server", o.Metrics,
	}, o.Flags...)
}

// Stop ends the operator as Kubernetes does, by force if it takes too long, and returns when it is gone.
func (o *Operator) Stop() {
	if o.process == nil {
		return
	}
	process := o.process.Process
	close(o.asked)
	_ = process.Signal(syscall.SIGTERM) // it may have ended
	insist := time.AfterFunc(farewell, func() { _ = process.Kill() })
	<-o.ended
	insist.Stop()
	o.process = nil
}

// PID is the process id of an operator that was started.
func (o *Operator) PID() int { return o.process.Process.Pid }

func (o *Operator) tail() string {
	content, err := os.ReadFile(o.Log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-logTail):], "\n")
}

// IsReady tells whether the operator says that it is.
func (o *Operator) IsReady(ctx context.Context) bool {
	_, err := o.get(ctx, "/readyz")
	return err == nil
}

// Profile returns one of the operator's profiles, such as heap?gc=1, of an operator with the flag -enable-pprof.
func (o *Operator) Profile(ctx context.Context, name string) ([]byte, error) {
	profile, err := o.get(ctx, "/debug/pprof/"+name)
	if err != nil {
		return nil, fmt.Errorf("ask for the profile %s: %w", name, err)
	}
	return profile, nil
}

// get returns what the operator's server has at a path.
func (o *Operator) get(ctx context.Context, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d%s", o.port, path), nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", answer.StatusCode)
	}
	return io.ReadAll(answer.Body)
}
