//go:build linux

// Package program is how the programs that bring up a lab begin and end.
package program

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"flagger.app/flagger/test/lab"
)

// Exit codes, as shells expect them.
const (
	done        = 0
	failed      = 1
	misused     = 2
	interrupted = 130 // of a program that Ctrl-C has ended
)

// errUsage says that a command line is wrong.
var errUsage = errors.New("wrong command line")

// Usage is the error of a program whose command line was wrong, or asked for help. The flag set has told what there is to
// tell.
func Usage(err error) error { return fmt.Errorf("%w: %w", errUsage, err) }

// Main runs a program and returns its exit code. A program whose arguments say so is the first process of its lab instead.
// The context of run ends with a signal.
func Main(name string, run func(ctx context.Context, arguments []string) error) int {
	first, err := lab.Enter(context.Background(), os.Args[1:], time.Now)
	if first {
		return exitCode(context.Background(), name, err, os.Stdout, os.Stderr)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	return exitCode(ctx, name, run(ctx, os.Args[1:]), os.Stdout, os.Stderr)
}

// exitCode tells how a program that ran with ctx has ended.
func exitCode(ctx context.Context, name string, err error, stdout, stderr io.Writer) int {
	switch {
	case errors.Is(err, flag.ErrHelp):
		return done
	case errors.Is(err, errUsage):
		return misused
	case ctx.Err() != nil:
		_, _ = fmt.Fprintf(stdout, "\n%s: interrupted; nothing is left running\n", name)
		return interrupted
	case err != nil:
		_, _ = fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return failed
	}
	return done
}
