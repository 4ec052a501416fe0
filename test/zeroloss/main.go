//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"flagger.app/flagger/test/lab"
	"flagger.app/flagger/test/program"
	"flagger.app/flagger/test/story"
)

// errLoss says that requests were lost; the table has told which.
var errLoss = errors.New("requests were lost")

// settings say how much to send. All are required.
type settings struct {
	root     string // the repository's, with the binaries in bin
	state    string // the lab's folder
	requests int    // in all, at least
	rate     int    // requests per second, of each app
}

func main() { os.Exit(program.Main("zeroloss", run)) }

func run(ctx context.Context, arguments []string) error {
	s, err := parse(arguments, os.Stderr)
	if err != nil {
		return program.Usage(err)
	}
	return measure(ctx, s, os.Stdout)
}

// parse reads the command line. What is wrong with it is told on stderr.
func parse(arguments []string, stderr io.Writer) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("zeroloss", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&s.requests, "requests", 1_000_000, "requests to send in all, at `least`")
	flags.IntVar(&s.rate, "rate", 200, "requests `per second` to each of the three apps")
	flags.StringVar(&s.root, "root", ".", "the `folder` of the repository")
	flags.StringVar(&s.state, "state", "", "the `folder` for everything the lab writes (default .lab in the repository)")
	if err := flags.Parse(arguments); err != nil {
		return s, err
	}
	if s.requests < 1 || s.rate < anewEvery {
		err := fmt.Errorf("-requests must be at least 1 and -rate at least %d", anewEvery)
		_, _ = fmt.Fprintln(stderr, err)
		return s, err
	}
	var err error
	if s.root, err = filepath.Abs(s.root); err != nil {
		return s, fmt.Errorf("find the repository: %w", err)
	}
	if s.state == "" {
		s.state = filepath.Join(s.root, ".lab")
	}
	return s, nil
}

// measure takes an app of each provider through all transitions until enough was sent, and prints the table. Its error is
// errLoss where a request was lost.
func measure(ctx context.Context, s settings, out io.Writer) error {
	stage, err := story.Open(ctx, story.Options{
		Root: s.root, State: lab.State(s.state), Lifetime: lab.WithStarter, Progress: out, Now: time.Now,
	})
	if err != nil {
		return err
	}
	result := &tally{}
	begun := time.Now()
	err = errors.Join(runCourses(ctx, stage, s, result, out), stage.Close())
	total := result.total()
	_, _ = fmt.Fprintf(out, "\n%s\n%d requests in %.0f s\n", result, total.Done, time.Since(begun).Seconds())
	if total.Platform > 0 {
		err = errors.Join(err, errLoss)
	}
	return err
}

// runCourses runs the courses of all providers beside each other. The first that fails ends the others.
func runCourses(ctx context.Context, stage *story.Stage, s settings, result *tally, out io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	crash := crasher(stage.Operator)
	var group sync.WaitGroup
	for _, p := range providers {
		group.Go(func() {
			for pass := 1; result.total().Done < s.requests && ctx.Err() == nil; pass++ {
				c := &course{
					stage: stage, crash: crash, provider: p.name, rate: s.rate, result: result, out: out,
					app: newApp(p, pass),
				}
				if err := c.run(ctx); err != nil {
					cancel(fmt.Errorf("%s, pass %d: %w", p.name, pass, err))
				}
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

// crasher returns a function that kills the operator and starts it again, for several courses to call.
func crasher(operator *story.Operator) func() error {
	var mutex sync.Mutex
	return func() error {
		mutex.Lock()
		defer mutex.Unlock()
		operator.Kill()
		return operator.Start()
	}
}
