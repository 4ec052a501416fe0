package testkit

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

// tailLines is how much of a program's log an error shows.
const tailLines = 20

// process is a program that this test binary started.
type process struct {
	command *exec.Cmd
	log     string
	done    chan struct{} // closed once the program has ended and was waited for
}

// startProcess starts binary in dir; arguments[0] names the program and its log file.
func startProcess(dir, binary string, arguments ...string) (*process, error) {
	name := filepath.Join(dir, arguments[0]+".log")
	output, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("create the log of %s: %w", arguments[0], err)
	}
	defer func() { _ = output.Close() }() // the program has its own copy
	command := exec.Command(binary, arguments...)
	command.Dir, command.Stdout, command.Stderr = dir, output, output
	command.SysProcAttr = dieWithParent()
	if err := startFromKeeper(command); err != nil {
		return nil, fmt.Errorf("start %s: %w", arguments[0], err)
	}
	p := &process{command: command, log: name, done: make(chan struct{})}
	go func() {
		_ = command.Wait() // a killed program has no error of interest
		close(p.done)
	}()
	return p, nil
}

// kill ends the program by its own process id and returns once it is gone.
func (p *process) kill() {
	_ = p.command.Process.Kill() // it may have ended by itself
	<-p.done
}

// tail returns the last lines of the program's log.
func (p *process) tail() string {
	content, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}

// keeper is asked to start programs. Linux sends a program its parent's death signal when the *thread* that
// started it ends, and Go ends threads as it likes; so one goroutine that never returns keeps one thread for it.
var keeper = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for start := range work {
			start()
		}
	}()
	return work
})

func startFromKeeper(command *exec.Cmd) error {
	result := make(chan error)
	keeper() <- func() { result <- command.Start() }
	return <-result
}
