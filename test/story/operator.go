//go:build linux

package story

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"flagger.app/flagger/test/lab"
)

// tailLines is how much of the operator's log an error shows.
const tailLines = 10

// Operator is the operator's process inside the lab. Its methods are called from one goroutine.
type Operator struct {
	state     lab.State
	binary    string
	arguments []string
	process   *process
}

// process is one life of the operator.
type process struct {
	signals chan os.Signal
	ended   chan struct{} // closed once code and err are set
	code    int
	err     error
}

// Shell scripts that run the program in their arguments, after the name of a log where there is one.
const (
	// withPrometheus gives it the metrics server's address inside the lab.
	withPrometheus = `exec "$@" -metrics-server "$LAB_PROMETHEUS_URL"`
	// logged appends its output to the log.
	logged = `log=$1; shift; exec "$@" >>"$log" 2>&1 </dev/null`
	// detached also gives it a session of its own. The pipe holds the shell until it has left the shell's process
	// group, which ends with the shell.
	detached = `log=$1; shift; { setsid /bin/sh -c 'log=$1; shift; echo; exec "$@" >>"$log" 2>&1' sh "$log" "$@" </dev/null & } | head -n 1 >/dev/null`
)

// Log is the file that the operator writes its log to.
func (o *Operator) Log() string { return filepath.Join(string(o.state), "logs", "manager.log") }

func (o *Operator) command(flags []string) []string {
	command := []string{
		"/bin/sh", "-c", withPrometheus, "sh",
		o.binary, "-kubeconfig", o.state.OperatorKubeconfig(), "-port", "127.0.0.1:0",
	}
	return slices.Concat(command, o.arguments, flags)
}

// Start starts the operator, with flags beside those of the stage. It does not wait until it works.
func (o *Operator) Start(flags ...string) error {
	if _, err := os.Stat(o.binary); err != nil {
		return fmt.Errorf("find the operator (`make bin/flagger` builds it): %w", err)
	}
	o.process = begin(o.state, o.Log(), o.command(flags)...)
	return nil
}

// Kill ends the operator as a crash does (SIGKILL) and returns when it is gone.
func (o *Operator) Kill() { o.end(syscall.SIGKILL) }

// Stop ends the operator as Kubernetes does (SIGTERM) and returns when it is gone.
func (o *Operator) Stop() { o.end(syscall.SIGTERM) }

func (o *Operator) end(how os.Signal) {
	o.process.signals <- how
	<-o.process.ended
}

// Ended returns a channel that is closed when the present process ends.
func (o *Operator) Ended() <-chan struct{} { return o.process.ended }

// Failure tells how a process that has ended did, with the end of its log.
func (o *Operator) Failure() error {
	content, err := os.ReadFile(o.Log())
	if err != nil {
		return errors.Join(o.process.err, fmt.Errorf("read the operator's log: %w", err))
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	end := strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
	return errors.Join(o.process.err, fmt.Errorf("exit code %d; the end of %s:\n%s", o.process.code, o.Log(), end))
}

// Leave hands the operator over to the lab: a new process takes the present one's place and lives as long as the lab.
func (o *Operator) Leave() error {
	o.Stop()
	return LeaveRunning(o.state, o.Log(), o.command(nil)...)
}

// LeaveRunning starts a program inside the lab that lives as long as the lab, with its output in a log.
func LeaveRunning(state lab.State, log string, command ...string) error {
	code, err := lab.Exec(state, append([]string{"/bin/sh", "-c", detached, "sh", log}, command...), nil)
	if err == nil && code != 0 {
		err = fmt.Errorf("exit status %d", code)
	}
	if err != nil {
		return fmt.Errorf("leave %s running: %w", filepath.Base(command[0]), err)
	}
	return nil
}
