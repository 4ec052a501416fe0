//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"flagger.app/flagger/test/lab"
)

// farewell is how long the operator may take to end, as in Kubernetes.
const farewell = 30 * time.Second

// logTail is how much of the operator's log an error shows.
const logTail = 10

// errOperator is the cause of everything that ends because the operator has.
var errOperator = errors.New("the operator ended")

// operator starts and stops the operator. Its methods are called from one goroutine.
type operator struct {
	binary    string
	arguments []string
	port      int
	log       string
	failed    func(error) // called if it ends without being asked to

	process *exec.Cmd
	asked   chan struct{} // closed when it is to end
	ended   chan struct{} // closed when it has
}

// newOperator prepares an operator that works on a lab and asks a metrics server.
func newOperator(s settings, binary string, state lab.State, metrics string, failed func(error)) (*operator, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	arguments := []string{
		"-kubeconfig", state.OperatorKubeconfig(), "-port", strconv.Itoa(port), "-log-level", "info",
		"-mesh-provider", "gatewayapi:v1", "-metrics-server", metrics,
	}
	if s.profiles != "" {
		arguments = append(arguments, "-enable-pprof")
	}
	return &operator{
		binary: binary, arguments: append(arguments, s.flags...), port: port, failed: failed,
		log: filepath.Join(string(state), "logs", "operator.log"),
	}, nil
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

// start starts the operator. It does not wait until it works.
func (o *operator) start() error {
	log, err := os.OpenFile(o.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("open the operator's log: %w", err)
	}
	defer func() { _ = log.Close() }() // the operator has its own copy
	process := exec.Command(o.binary, o.arguments...)
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
			o.failed(fmt.Errorf("%w (%s); the end of its log:\n%s", errOperator, process.ProcessState, o.tail()))
		}
	}()
	return nil
}

// stop ends the operator as Kubernetes does, by force if it takes too long, and returns when it is gone.
func (o *operator) stop() {
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

func (o *operator) pid() int { return o.process.Process.Pid }

func (o *operator) tail() string {
	content, err := os.ReadFile(o.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-logTail):], "\n")
}
