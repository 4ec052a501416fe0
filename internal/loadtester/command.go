package loadtester

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

const (
	// termGrace is how long the processes of a task that is no longer wanted may tidy up.
	termGrace = 2 * time.Second
	// drainLimit is how long the output of killed processes is waited for, should one that left the group hold it.
	drainLimit = 2 * time.Second
)

// execute runs a program until it and everybody who holds its output have ended, or until ctx has, and returns what
// was printed, bounded. The error is that of the program, or the cause of ctx's end if the program had none.
//
// The program leads a process group. At a deadline of ctx all of the group are killed; when ctx is cancelled they are
// asked to end first.
func execute(ctx context.Context, name string, args ...string) (string, error) {
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return "", fmt.Errorf("open pipe: %w", err)
	}
	defer func() { _ = r.Close() }()
	command := exec.Command(name, args...)
	command.Stdout, command.Stderr = w, w
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = command.Start()
	_ = w.Close() // the program has its own copy
	if err != nil {
		return "", err
	}

	processes := group(command.Process.Pid)
	ended, cutShort := make(chan struct{}), make(chan bool)
	go func() {
		select {
		case <-ended:
			cutShort <- false
		case <-ctx.Done():
			processes.end(ctx, ended, r)
			cutShort <- true
		}
	}()
	var out output
	_, _ = io.Copy(&out, r) // fails only when it is closed under us
	err = command.Wait()    // not before: a leader that was not waited for keeps the group's number from being used again
	close(ended)
	if !<-cutShort {
		go processes.reap() // whoever was left alone may take its time
		return out.String(), err
	}
	processes.reap()
	if err == nil {
		err = context.Cause(ctx)
	}
	return out.String(), err
}

// group is a process group by its number.
type group int

// end makes all processes of the group end, and closes their output if somebody else holds it. It returns when that is
// done or, at the latest, some seconds after.
func (g group) end(ctx context.Context, ended <-chan struct{}, out io.Closer) {
	if !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		g.signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(termGrace):
		}
	}
	g.signal(syscall.SIGKILL)
	select {
	case <-ended:
	case <-time.After(drainLimit):
		_ = out.Close()
	}
}

func (g group) signal(s syscall.Signal) {
	_ = syscall.Kill(-int(g), s) // nobody may be left
}

// reap waits for the processes of the group that have lost their parent. They are ours if this is process 1 of a
// container, which it usually is, and would stay as zombies.
func (g group) reap() {
	for {
		_, err := syscall.Wait4(-int(g), nil, 0, nil)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return // there are none, or no more
		}
	}
}
