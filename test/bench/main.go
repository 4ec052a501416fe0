//go:build linux

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"flagger.app/flagger/test/fleet"
	"flagger.app/flagger/test/program"
)

// settings say what to measure.
type settings struct {
	root      string   // the repository's, with the lab's binaries in bin
	operators []string // binaries
	flags     []string // of the operators, beside those that name the cluster, the provider and Prometheus
	phases    []phase
	profiles  string // a folder, or empty for none
	gateway   fleet.Gateway

	canaries int
	replicas int
	interval time.Duration
	idle     time.Duration
}

func main() { os.Exit(program.Main("bench", run)) }

func run(ctx context.Context, arguments []string) error {
	log.SetLogger(logr.Discard()) // libraries have nothing to add to our errors
	s, output, err := parse(arguments, os.Getenv)
	if err != nil {
		return program.Usage(err)
	}
	return compare(ctx, s, output)
}

// parse reads the command line and returns the settings and the file for the machine-readable result.
func parse(arguments []string, getenv func(string) string) (settings, string, error) {
	s := settings{}
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.StringVar(&s.root, "root", ".", "the repository's `folder`")
	fs.IntVar(&s.canaries, "canaries", 100, "`number` of canaries")
	fs.IntVar(&s.replicas, "replicas", 1, "`number` of pods of each target")
	fs.DurationVar(&s.interval, "interval", 10*time.Second, "the canaries' analysis interval, in whole seconds")
	fs.DurationVar(&s.idle, "idle", time.Minute, "how long to look at the operator while nothing happens")
	operators := fs.String("operator", getenv("BENCH_OPERATOR"), "comma list of operator `binaries` (BENCH_OPERATOR; without it, bin/flagger)")
	flags := fs.String("flags", "", "further `flags` for the operators, separated by blanks")
	chosen := fs.String("phases", names(phases), "comma list of `phases` to measure after initialise")
	gateway := fs.String("gateway", string(fleet.StandIn), "`who` serves the canaries' routes: stand-in, which only accepts them, or traefik")
	output := fs.String("json", "", "`file` for the machine-readable result (default bin/bench.json in the repository)")
	fs.StringVar(&s.profiles, "profiles", "", "`folder` for profiles of operators that have the flag -enable-pprof")
	if err := fs.Parse(arguments); err != nil {
		return s, "", err
	}
	var err error
	if s.root, err = filepath.Abs(s.root); err != nil {
		return s, "", complain(fs, "find the repository: %v", err)
	}
	for _, operator := range strings.Split(cmp.Or(*operators, filepath.Join(s.root, "bin", "flagger")), ",") {
		absolute, err := filepath.Abs(operator)
		if err != nil {
			return s, "", complain(fs, "find %s: %v", operator, err)
		}
		s.operators = append(s.operators, absolute)
	}
	s.flags, s.gateway = strings.Fields(*flags), fleet.Gateway(*gateway)
	if s.phases, err = choose(*chosen); err != nil {
		return s, "", complain(fs, "%v", err)
	}
	if s.gateway != fleet.StandIn && s.gateway != fleet.Traefik {
		return s, "", complain(fs, "there is no gateway %q", s.gateway)
	}
	if s.canaries < 1 || s.replicas < 1 || s.interval < time.Second || s.interval%time.Second != 0 {
		return s, "", complain(fs, "canaries, pods and whole seconds of the interval are at least 1")
	}
	return s, cmp.Or(*output, filepath.Join(s.root, "bin", "bench.json")), nil
}

// complain tells what is wrong with the command line, as the flag set does, and returns it.
func complain(fs *flag.FlagSet, format string, arguments ...any) error {
	err := fmt.Errorf(format, arguments...)
	_, _ = fmt.Fprintln(fs.Output(), "bench:", err)
	return err
}

// choose returns the phases of a comma list, in the order in which they are measured.
func choose(list string) ([]phase, error) {
	var chosen []phase
	wanted := strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
	for _, p := range phases {
		if slices.Contains(wanted, p.name) {
			chosen = append(chosen, p)
		}
	}
	if len(chosen) != len(wanted) {
		return nil, fmt.Errorf("the phases are %s, not %s", names(phases), list)
	}
	return chosen, nil
}

func names(of []phase) string {
	var names []string
	for _, p := range of {
		names = append(names, p.name)
	}
	return strings.Join(names, ",")
}

// compare measures every operator in turn, prints the table and writes the results. What was measured before something
// went wrong is printed and written, too.
func compare(ctx context.Context, s settings, output string) error {
	var results []Result
	var failed error
	for _, operator := range s.operators {
		result, err := measure(ctx, s, operator)
		results = append(results, result)
		if err != nil {
			failed = fmt.Errorf("measure %s: %w", operator, err)
			break
		}
	}
	fmt.Println()
	fmt.Print(table(results))
	encoded, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return errors.Join(failed, fmt.Errorf("encode the results: %w", err))
	}
	if err := os.WriteFile(output, append(encoded, '\n'), 0o644); err != nil {
		return errors.Join(failed, fmt.Errorf("write the results: %w", err))
	}
	fmt.Println("\nThe same for machines:", output)
	return failed
}
