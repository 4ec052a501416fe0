package testkit_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"flagger.app/flagger/internal/testkit"
)

// victim makes the test binary, run again, one that starts an API server and then waits to be killed.
const victim = "TESTKIT_VICTIM"

func TestAKilledTestBinaryLeavesNoServer(t *testing.T) {
	if os.Getenv(victim) != "" {
		testkit.StartAPIServer(t)
		_, _ = os.Stdout.WriteString("\nready\n")
		select {}
	}
	command := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	command.Env = append(os.Environ(), victim+"=1", "TMPDIR="+t.TempDir())
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var seen bytes.Buffer
	chunk := make([]byte, 512)
	for !strings.Contains(seen.String(), "\nready\n") {
		n, err := output.Read(chunk)
		if err != nil {
			t.Fatalf("the second binary ended early: %v\n%s", err, seen.String())
		}
		seen.Write(chunk[:n])
	}
	children := childrenOf(t, command.Process.Pid)
	if len(children) != 2 {
		t.Errorf("the second binary has %d children, want etcd and kube-apiserver", len(children))
	}
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait() // killed, as asked
	for _, child := range children {
		awaitEnd(t, child)
	}
}

// childrenOf returns a handle of each process whose parent is pid.
func childrenOf(t *testing.T, pid int) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	if err != nil || len(files) == 0 {
		t.Skip("this kernel does not list a process's children (CONFIG_PROC_CHILDREN)")
	}
	var handles []int
	for _, file := range files {
		content, _ := os.ReadFile(file) // a thread may be gone by now
		for field := range strings.FieldsSeq(string(content)) {
			child, err := strconv.Atoi(field)
			if err != nil {
				t.Fatal(err)
			}
			handle, err := unix.PidfdOpen(child, 0)
			if err != nil {
				t.Fatalf("open process %d: %v", child, err)
			}
			handles = append(handles, handle)
		}
	}
	return handles
}

// awaitEnd returns when the process has ended; a process that does not end runs into the test's own time limit.
func awaitEnd(t *testing.T, handle int) {
	t.Helper()
	watched := []unix.PollFd{{Fd: int32(handle), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(watched, -1)
		if n == 1 {
			break
		}
		if err != nil && err != unix.EINTR {
			t.Fatalf("wait for the process: %v", err)
		}
	}
	if err := unix.Close(handle); err != nil {
		t.Error(err)
	}
}
