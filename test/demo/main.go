//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"flagger.app/flagger/test/story"
)

// interrupted is the exit code that shells expect of a program that Ctrl-C has ended.
const interrupted = 130

// errVerdict says that a story did not end as it must; the report has told which.
var errVerdict = errors.New("the demo did not go as it must")

func main() { os.Exit(run(os.Args[1:])) }

// run returns the exit code.
func run(arguments []string) int {
	if first, err := story.RunInside(context.Background(), arguments, time.Now); first {
		return code(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if len(arguments) > 0 && arguments[0] == loadVerb {
		return code(sendLoad(ctx, arguments[1:]))
	}
	keep := flag.Bool("keep", false, "leave the lab, the operator and the load running")
	state := flag.String("state", "", "the `folder` for everything the lab writes (default .lab in the repository)")
	flag.Parse()
	lifetime := ending
	if *keep {
		lifetime = staying
	}
	err := play(ctx, lifetime, *state)
	if ctx.Err() != nil {
		fmt.Println("\ndemo: interrupted; nothing is left running")
		return interrupted
	}
	return code(err)
}

func code(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		return 1
	}
	return 0
}
