//go:build linux

package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/test/fleet"
)

// environment has one variable.
func environment(operators string) func(string) string {
	return func(name string) string { return map[string]string{"BENCH_OPERATOR": operators}[name] }
}

func TestParse(t *testing.T) {
	cases := map[string]struct {
		reason    string
		arguments string
		variable  string
		operators []string
		phases    string
		fails     bool
	}{
		"Defaults":  {reason: "Without a word, our operator goes through everything.", operators: []string{"/repository/bin/flagger"}, phases: names(phases)},
		"Variable":  {reason: "Others are named by the environment.", variable: "/one,/two", operators: []string{"/one", "/two"}, phases: names(phases)},
		"Flag":      {reason: "The flag wins.", arguments: "-operator /three", variable: "/one", operators: []string{"/three"}, phases: names(phases)},
		"Order":     {reason: "Phases are measured in their own order.", arguments: "-phases restart,idle", operators: []string{"/repository/bin/flagger"}, phases: "idle,restart"},
		"Misspelt":  {reason: "A phase that is none must not be left out in silence.", arguments: "-phases idle,rest", fails: true},
		"Gateway":   {reason: "Nor must a gateway.", arguments: "-gateway envoy", fails: true},
		"Nothing":   {reason: "There must be something to measure.", arguments: "-canaries 0", fails: true},
		"Fractions": {reason: "Canaries take whole seconds.", arguments: "-interval 1500ms", fails: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, output, err := parse(append(strings.Fields(tc.arguments), "-root", "/repository"), environment(tc.variable))
			if tc.fails {
				if err == nil {
					t.Errorf("%s\ngot %+v", tc.reason, got)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.operators, got.operators); diff != "" || names(got.phases) != tc.phases {
				t.Errorf("%s\ngot phases %s, operators (-want +got):\n%s", tc.reason, names(got.phases), diff)
			}
			if output != filepath.Join("/repository", "bin", "bench.json") {
				t.Errorf("the results go to %s", output)
			}
		})
	}
}

func TestTable(t *testing.T) {
	s := settings{canaries: 10, replicas: 1, interval: 10 * time.Second, gateway: fleet.StandIn}
	first, second := newResult(s, "/repository/bin/flagger"), newResult(s, "/opt/other")
	first.Cores, second.Cores = 2, 2
	cost := Cost{Window: 60, Leases: 30, CPU: 0.5, RSS: 50e6}
	first.Idle = &Idle{Cost: cost}
	cost.Requests, cost.Kinds, cost.CPU = 120, map[string]int{"get canaries": 110, "list canaries": 10}, 5
	second.Idle = &Idle{Cost: cost}
	want := `canaries 10, pods per target 1, steps 5, interval 10 s, gateway stand-in, cores 2

                                                      bin/flagger            opt/other  2nd / 1st
idle: API requests per second                                0.00                 2.00           
idle: of the lease, per second                               0.50                 0.50       1.00
idle: watches opened                                            0                    0           
idle: CPU per minute                                       0.50 s               5.00 s      10.00
idle: RSS                                                 50.0 MB              50.0 MB       1.00
idle:   get canaries                                                            110.00           
idle:   list canaries                                                            10.00           
`
	if diff := cmp.Diff(want, table([]Result{first, second})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLimit(t *testing.T) {
	cases := map[string]struct {
		reason        string
		machine, used float64 // CPU seconds in ten
		want          string
	}{
		"Idle":     {"A machine with time to spare limits nobody.", 15, 14, "no lack of CPU time"},
		"Operator": {"Who has most of an exhausted machine limits it.", 19, 12, "the operator"},
		"Lab":      {"An operator that has little of it is not to blame.", 19, 2, "the lab"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := limit(Cost{Window: 10, Machine: tc.machine, CPU: tc.used}, 2); !strings.HasPrefix(got, tc.want) {
				t.Errorf("%s\ngot %s", tc.reason, got)
			}
		})
	}
}
