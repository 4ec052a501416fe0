//go:build linux

package lab

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// tailLines is how much of a component's log an error shows.
const tailLines = 15

// component is a program of the lab.
type component struct {
	name      string // also of its log
	binary    string // in the repository's bin
	arguments []string
}

// failure tells that a component ended, which none should.
type failure struct {
	name string
	log  string
	err  error
}

// Error shows the end of the component's log.
func (f failure) Error() string {
	return fmt.Sprintf("%s ended (%v); the end of %s:\n%s", f.name, f.err, f.log, tail(f.log))
}

// launch starts a component; its end is sent to failures. Nobody stops it: it ends with the namespace.
func launch(s settings, c component, failures chan<- error) error {
	output, err := os.Create(s.State.log(c.name))
	if err != nil {
		return fmt.Errorf("create the log of %s: %w", c.name, err)
	}
	defer func() { _ = output.Close() }() // the program has its own copy
	command := exec.Command(s.binary(c.binary), c.arguments...)
	command.Dir = string(s.State)
	command.Stdout, command.Stderr = output, output
	command.Env = append(os.Environ(), "KUBECONFIG="+s.State.Kubeconfig(), "HOME="+string(s.State))
	if err := command.Start(); err != nil {
		return fmt.Errorf("start %s: %w", c.name, err)
	}
	go func() {
		err := command.Wait()
		if err == nil {
			err = fmt.Errorf("exit status 0")
		}
		failures <- failure{name: c.name, log: output.Name(), err: err}
	}()
	return nil
}

// tail returns the last lines of a log.
func tail(file string) string {
	content, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}
