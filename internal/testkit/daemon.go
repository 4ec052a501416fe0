package testkit

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"testing"
)

// daemon is a program of one test, whose log is read as it is written.
type daemon struct {
	name   string
	output io.Reader
	log    *bufio.Scanner // of output
}

// startDaemon starts a program that ends with the test, or with this test binary.
func startDaemon(t testing.TB, command *exec.Cmd) *daemon {
	t.Helper()
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stderr = command.Stdout
	command.SysProcAttr = dieWithParent()
	if err := startFromKeeper(command); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill() // its data is thrown away
		_ = command.Wait()
	})
	return &daemon{name: command.Args[0], output: output, log: bufio.NewScanner(output)}
}

// await reads the log up to a line that matches and returns the text of the expression's group.
func (d *daemon) await(line *regexp.Regexp) (string, error) {
	var seen bytes.Buffer
	for d.log.Scan() {
		if match := line.FindSubmatch(d.log.Bytes()); match != nil {
			return string(match[1]), nil
		}
		seen.Write(append(d.log.Bytes(), '\n'))
	}
	return "", fmt.Errorf("%s ended before it wrote %s:\n%s", d.name, line, seen.String())
}

// mustAwait is await that fails the test.
func (d *daemon) mustAwait(t testing.TB, line *regexp.Regexp) string {
	t.Helper()
	text, err := d.await(line)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// ignore reads the rest of the log, so that the program can go on writing it.
func (d *daemon) ignore() {
	go func() { _, _ = io.Copy(io.Discard, d.output) }() // ends with the program
}
