//go:build linux

package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"flagger.app/flagger/test/program"
	"flagger.app/flagger/test/soak/proxy"
)

// settings say how to soak. All are required.
type settings struct {
	root      string // the repository's, with the lab's binaries in bin
	operator  string // a binary
	output    string // the file for the machine-readable report
	canaries  int
	length    time.Duration // in which releases are made
	every     time.Duration // mean time between two releases of a canary
	interval  time.Duration // of the analysis
	tolerance time.Duration // for faults and the machine, on top of the least that a rollout takes
	drift     float64       // of the memory, in percent
	longest   time.Duration // delay of answers and events
	storms    time.Duration // mean time between two; 0 for none
	rates     proxy.Rates
	seed      uint64
}

func main() { os.Exit(program.Main("soak", run)) }

func run(ctx context.Context, arguments []string) error {
	log.SetLogger(logr.Discard()) // libraries have nothing to add to our errors
	s, err := parse(arguments, os.Stderr)
	if err != nil {
		return program.Usage(err)
	}
	return soak(ctx, s, os.Stdout)
}

// descriptions say what the faults are, for the flags.
var descriptions = map[proxy.Fault]string{
	proxy.Throttled: "`share` of requests that are refused with 429 and Retry-After",
	proxy.Refused:   "`share` of requests that get 500 before the API server sees them",
	proxy.Reset:     "`share` of requests that are reset before the API server sees them",
	proxy.ErrorLate: "`share` of requests that the API server does and that get 500 all the same",
	proxy.ResetLate: "`share` of requests that the API server does and that are reset then",
	proxy.Slow:      "`share` of requests whose answer comes later",
	proxy.Cut:       "`share` of watches that are reset within two minutes",
	proxy.Late:      "`share` of watches whose events come later",
}

// usual are the rates without flags. An operator has a dozen watches and opens each anew every few minutes at most, so
// what hits few of them hits none.
var usual = proxy.Rates{
	proxy.Throttled: 0.02, proxy.Refused: 0.02, proxy.Reset: 0.02, proxy.ErrorLate: 0.02, proxy.ResetLate: 0.02, proxy.Slow: 0.02,
	proxy.Cut: 0.5, proxy.Late: 0.2,
}

// parse reads the command line. What is wrong with it is told on stderr.
func parse(arguments []string, stderr io.Writer) (settings, error) {
	s := settings{rates: proxy.Rates{}}
	fs := flag.NewFlagSet("soak", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&s.root, "root", ".", "the repository's `folder`")
	fs.StringVar(&s.operator, "operator", "", "the operator's `binary` (default bin/flagger in the repository)")
	fs.StringVar(&s.output, "json", "", "`file` for the machine-readable report (default bin/soak.json in the repository)")
	fs.IntVar(&s.canaries, "canaries", 200, "`number` of canaries")
	fs.DurationVar(&s.length, "for", time.Hour, "how long releases are made; the canaries' coming to rest comes on top, twice")
	fs.DurationVar(&s.every, "every", 5*time.Minute, "mean time between two releases of a canary")
	fs.DurationVar(&s.interval, "interval", 10*time.Second, "the canaries' analysis interval, in whole seconds")
	fs.DurationVar(&s.tolerance, "tolerance", 90*time.Second, "what faults and the machine may add to the least that a rollout takes")
	fs.Float64Var(&s.drift, "drift", 5, "what heap and goroutines may differ before and after, in `percent`")
	fs.DurationVar(&s.longest, "delay", 3*time.Second, "longest delay of late answers and events")
	fs.DurationVar(&s.storms, "storms", 3*time.Minute, "mean time between two storms, in which nothing works for some seconds; 0 for none")
	fs.Uint64Var(&s.seed, "seed", 1, "`number` that releases and faults are drawn from")
	rates := map[proxy.Fault]*float64{}
	for _, fault := range proxy.Faults() {
		rates[fault] = fs.Float64("rate-"+string(fault), usual[fault], descriptions[fault])
	}
	if err := fs.Parse(arguments); err != nil {
		return s, err
	}
	for fault, rate := range rates {
		s.rates[fault] = *rate
	}
	err := errors.Join(s.rates.Validate(), s.locate())
	if s.canaries < 1 || s.interval < time.Second || s.interval%time.Second != 0 {
		err = errors.Join(err, errors.New("canaries and whole seconds of the interval are at least 1"))
	}
	if s.length < time.Minute || s.every < time.Second || s.longest <= 0 || s.tolerance < 0 || s.storms < 0 || s.drift < 0 {
		err = errors.Join(err, errors.New("-for is at least a minute, -every a second, -delay more than nothing, all else not negative"))
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "soak:", err)
	}
	return s, err
}

// locate makes the paths absolute.
func (s *settings) locate() error {
	var err error
	if s.root, err = filepath.Abs(s.root); err != nil {
		return fmt.Errorf("find the repository: %w", err)
	}
	s.output = cmp.Or(s.output, filepath.Join(s.root, "bin", "soak.json"))
	if s.operator, err = filepath.Abs(cmp.Or(s.operator, filepath.Join(s.root, "bin", "flagger"))); err != nil {
		return fmt.Errorf("find the operator: %w", err)
	}
	return nil
}
