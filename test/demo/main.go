//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"os"

	"flagger.app/flagger/test/program"
)

// errVerdict says that a story did not end as it must; the report has told which.
var errVerdict = errors.New("the demo did not go as it must")

func main() { os.Exit(program.Main("demo", run)) }

func run(ctx context.Context, arguments []string) error {
	if len(arguments) > 0 && arguments[0] == loadVerb {
		return sendLoad(ctx, arguments[1:])
	}
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	keep := flags.Bool("keep", false, "leave the lab, the operator and the load running")
	state := flags.String("state", "", "the `folder` for everything the lab writes (default .lab in the repository)")
	if err := flags.Parse(arguments); err != nil {
		return program.Usage(err)
	}
	lifetime := ending
	if *keep {
		lifetime = staying
	}
	return play(ctx, lifetime, *state)
}
