//go:build linux

package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// standardFiles is how many open files a request carries: a command's input, output and error output.
const standardFiles = 3

// verb is what a client of the control socket wants.
type verb string

const (
	verbExec verb = "exec" // run a command inside with the client's own standard files
	verbStop verb = "stop" // end the lab; the connection ends with it
)

// request is the first message of a connection to the control socket, after one byte that carries the files.
type request struct {
	Verb        verb     `json:"verb"`
	Arguments   []string `json:"arguments,omitempty"`
	Environment []string `json:"environment,omitempty"`
	Directory   string   `json:"directory,omitempty"`
}

// interruption is a later message: a signal for the command that runs.
type interruption struct {
	Signal syscall.Signal `json:"signal"`
}

// reply is the answer to verbExec, once the command has ended or could not start.
type reply struct {
	Code  int    `json:"code"`
	Error string `json:"error,omitempty"`
}

// control serves the control socket inside.
type control struct {
	environment []string // of commands, on top of their client's
	programs    string   // the folder that comes first in their PATH
	stop        func()
}

// serve accepts connections until the listener closes.
func (c *control) serve(listener *net.UnixListener) error {
	for {
		connection, err := listener.AcceptUnix()
		if err != nil {
			return fmt.Errorf("accept on the control socket: %w", err)
		}
		go c.handle(connection)
	}
}

func (c *control) handle(connection *net.UnixConn) {
	defer func() { _ = connection.Close() }()
	standard, err := receiveFiles(connection)
	if err != nil {
		return // no client of ours
	}
	defer closeAll(standard)
	messages := json.NewDecoder(connection)
	var r request
	if err := messages.Decode(&r); err != nil {
		return // the client has gone
	}
	if r.Verb == verbStop {
		c.stop()
		return
	}
	answer := c.exec(r, standard, messages)
	_ = json.NewEncoder(connection).Encode(answer) // the client may have gone
}

// exec runs a command to its end. Its process group gets the signals that the client sends, and is killed when
// the client goes.
func (c *control) exec(r request, standard []*os.File, messages *json.Decoder) reply {
	if len(r.Arguments) == 0 || len(standard) != standardFiles {
		return reply{Error: "a command needs arguments and three open files"}
	}
	path := c.programs + string(filepath.ListSeparator) + value(r.Environment, "PATH")
	command := exec.Command(inPath(r.Arguments[0], path), r.Arguments[1:]...)
	command.Args[0] = r.Arguments[0]
	command.Env = append(append(r.Environment, c.environment...), "PATH="+path)
	command.Dir = r.Directory
	command.Stdin, command.Stdout, command.Stderr = standard[0], standard[1], standard[2]
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := command.Start(); err != nil {
		return reply{Error: err.Error()}
	}
	go func() {
		group := -command.Process.Pid
		for {
			var i interruption
			if err := messages.Decode(&i); err != nil {
				_ = syscall.Kill(group, syscall.SIGKILL) // ended already, most often
				return
			}
			_ = syscall.Kill(group, i.Signal)
		}
	}()
	err := command.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return reply{Error: err.Error()}
	}
	if status, ok := command.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return reply{Code: 128 + int(status.Signal())} // as shells report it
	}
	return reply{Code: command.ProcessState.ExitCode()}
}

// receiveFiles reads the byte that a connection begins with, and the files that come with it.
func receiveFiles(connection *net.UnixConn) ([]*os.File, error) {
	rights := make([]byte, unix.CmsgSpace(standardFiles*4))
	_, n, _, _, err := connection.ReadMsgUnix(make([]byte, 1), rights)
	if err != nil {
		return nil, err
	}
	messages, err := unix.ParseSocketControlMessage(rights[:n])
	if err != nil {
		return nil, err
	}
	var received []*os.File
	for _, message := range messages {
		descriptors, err := unix.ParseUnixRights(&message)
		if err != nil {
			closeAll(received)
			return nil, err
		}
		for _, descriptor := range descriptors {
			unix.CloseOnExec(descriptor)
			received = append(received, os.NewFile(uintptr(descriptor), "standard file"))
		}
	}
	return received, nil
}

func closeAll(all []*os.File) {
	for _, file := range all {
		_ = file.Close() // only our copies
	}
}

// session is a client's connection to the control socket.
type session struct {
	connection *net.UnixConn
	supervisor int // process id of the lab's first process, as seen from here
}

// ErrNotRunning is returned where no lab runs in the state folder.
var ErrNotRunning = errors.New("no lab runs there")

// ask opens a session with a request and the caller's own standard files.
func (s State) ask(r request) (*session, error) {
	connection, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: s.socket(), Net: "unix"})
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("%w (state folder %s)", ErrNotRunning, s)
	}
	if err != nil {
		return nil, fmt.Errorf("reach the lab: %w", err)
	}
	opened := &session{connection: connection}
	if opened.supervisor, err = peer(connection); err != nil {
		_ = connection.Close()
		return nil, fmt.Errorf("find the lab's first process: %w", err)
	}
	rights := unix.UnixRights(int(os.Stdin.Fd()), int(os.Stdout.Fd()), int(os.Stderr.Fd()))
	if _, _, err := connection.WriteMsgUnix([]byte{0}, rights, nil); err != nil {
		_ = connection.Close()
		return nil, fmt.Errorf("hand over the standard files: %w", err)
	}
	if err := opened.send(r); err != nil {
		_ = connection.Close()
		return nil, err
	}
	return opened, nil
}

func (s *session) send(message any) error {
	if err := json.NewEncoder(s.connection).Encode(message); err != nil {
		return fmt.Errorf("ask the lab: %w", err)
	}
	return nil
}

// answer waits for the end of the command.
func (s *session) answer() (int, error) {
	var answer reply
	if err := json.NewDecoder(s.connection).Decode(&answer); errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		return 0, errors.New("the lab ended before the command did; its log is logs/lab.log in the state folder")
	} else if err != nil {
		return 0, fmt.Errorf("hear from the lab: %w", err)
	}
	if answer.Error != "" {
		return 0, errors.New(answer.Error)
	}
	return answer.Code, nil
}

// peer returns the id of the process that listens at the other end.
func peer(connection *net.UnixConn) (int, error) {
	raw, err := connection.SyscallConn()
	if err != nil {
		return 0, err
	}
	var credentials *unix.Ucred
	var failed error
	if err := raw.Control(func(descriptor uintptr) {
		credentials, failed = unix.GetsockoptUcred(int(descriptor), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return 0, err
	}
	if failed != nil {
		return 0, failed
	}
	return int(credentials.Pid), nil
}

// value returns a variable of an environment, the last one of that name.
func value(environment []string, name string) string {
	for _, variable := range slices.Backward(environment) {
		if found, ok := strings.CutPrefix(variable, name+"="); ok {
			return found
		}
	}
	return ""
}

// inPath finds a command in the folders of path; where it is in none, its name is returned and starting it tells
// the cause.
func inPath(name, path string) string {
	if strings.ContainsRune(name, filepath.Separator) {
		return name
	}
	for _, folder := range filepath.SplitList(path) {
		candidate := filepath.Join(folder, name)
		if info, err := os.Stat(candidate); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			return candidate
		}
	}
	return name
}
