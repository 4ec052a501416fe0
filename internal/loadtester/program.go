package loadtester

import "context"

// program is a task of type helm, helmv3 or kubectl.
type program struct {
	execute executor
	name    string
	// line are the arguments as they were written, args as the program gets them.
	line string
	args []string
}

// prepareProgram reads the arguments of a program.
func prepareProgram(name string) func(*Tester, payload) (task, error) {
	return func(t *Tester, p payload) (task, error) {
		line, found := p.Metadata["cmd"]
		if !found {
			return nil, errNoCommand
		}
		args, err := words(line)
		if err != nil {
			return nil, refuse("%v", err)
		}
		return program{t.execute, name, line, args}, nil
	}
}

// String returns the arguments as they were written.
func (p program) String() string { return p.line }

func (p program) run(ctx context.Context) (string, error) {
	return p.execute(ctx, p.name, p.args...)
}
