package loadtester

import "context"

// executor runs a program within ctx, see execute.
type executor func(ctx context.Context, name string, args ...string) (string, error)

// shell is a task of type cmd or bash.
type shell struct {
	execute executor
	// program is the shell that reads line.
	program, line string
}

// prepareShell reads a command for a shell.
func prepareShell(program string) func(*Tester, payload) (task, error) {
	return func(t *Tester, p payload) (task, error) {
		line, found := p.Metadata["cmd"]
		if !found {
			return nil, errNoCommand
		}
		return shell{t.execute, program, line}, nil
	}
}

var errNoCommand = refuse("cmd not found in metadata")

// String returns the command.
func (s shell) String() string { return s.line }

func (s shell) run(ctx context.Context) (string, error) {
	return s.execute(ctx, s.program, "-c", s.line)
}
