//go:build linux

package main

import (
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/test/lab/load"
)

// served are requests that were answered, by version.
func served(version string, n int) load.Counts {
	return load.Counts{Sent: n, Done: n, Versions: map[string]map[int]int{version: {200: n}}}
}

func TestTable(t *testing.T) {
	lost := load.Counts{
		Sent: 13, Done: 13, Platform: 3, App: 10, Broken: map[string]int{"connection reset": 1},
		Versions: map[string]map[int]int{"": {502: 2}, "2-err20": {500: 10}},
	}
	result := &tally{}
	result.add("traefik", "advance", "2", served("1", 75))
	result.add("nginx", "initialise", "", served("1", 10))
	result.add("nginx", "roll back", "2-err20", lost)
	result.add("traefik", "advance", "2", served("2", 25))
	const want = `
provider  transition  requests  lost  failed by the app  new release  
nginx     initialise  10        0     0                  -            
nginx     roll back   13        3     10                 76.9 %       (connection reset: 1, status 502: 2)
traefik   advance     100       0     0                  25.0 %       
all                   123       3     10                 -            (connection reset: 1, status 502: 2)`
	if diff := cmp.Diff(want, "\n"+result.String()); diff != "" {
		t.Errorf("a line per transition of all passes, by provider (-want +got):\n%s", diff)
	}
	if total := result.total(); total.Done != 123 || total.Platform != 3 {
		t.Errorf("got %d requests, %d lost", total.Done, total.Platform)
	}
}

func TestCausesOfNothing(t *testing.T) {
	failing := load.Counts{Done: 10, App: 10, Versions: map[string]map[int]int{"2-err20": {500: 10}}}
	if got := causes(failing); got != "" {
		t.Errorf("what an app fails on purpose is no loss, got %q", got)
	}
}

func TestParse(t *testing.T) {
	cases := map[string]struct {
		reason    string
		arguments []string
		requests  int
		refused   bool
	}{
		"Default": {reason: "A million is what the bar asks for.", requests: 1_000_000},
		"Fewer":   {reason: "A short run shows whether it works at all.", arguments: []string{"-requests", "1000"}, requests: 1000},
		"None":    {reason: "Without a request nothing is shown.", arguments: []string{"-requests", "0"}, refused: true},
		"TooSlow": {reason: "Each kind of connection needs requests.", arguments: []string{"-rate", "4"}, refused: true},
		"Unknown": {reason: "A flag that is mistyped is no default.", arguments: []string{"-request", "1"}, refused: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s, err := parse(tc.arguments, io.Discard)
			if (err != nil) != tc.refused || !tc.refused && s.requests != tc.requests {
				t.Errorf("%s\ngot %d requests, %v", tc.reason, s.requests, err)
			}
		})
	}
}
