//go:build linux

package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/test/soak/proxy"
)

func TestParse(t *testing.T) {
	cases := map[string]struct {
		reason    string
		arguments string
		length    time.Duration
		throttled float64
		refused   bool
	}{
		"Defaults": {reason: "Without a word it is what the bar asks for.", length: time.Hour, throttled: 0.02},
		"Shorter":  {reason: "A short run shows whether it works at all.", arguments: "-for 3m -rate-429 0", length: 3 * time.Minute},
		"TooShort": {reason: "The tenth that warms up needs time.", arguments: "-for 5s", refused: true},
		"Nothing":  {reason: "There must be something to release.", arguments: "-canaries 0", refused: true},
		"Fraction": {reason: "Canaries take whole seconds.", arguments: "-interval 1500ms", refused: true},
		"Rate":     {reason: "A rate is a probability.", arguments: "-rate-cut 2", refused: true},
		"Misspelt": {reason: "A flag that is mistyped is no default.", arguments: "-rate-430 0.1", refused: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s, err := parse(append(strings.Fields(tc.arguments), "-root", "/repository"), io.Discard)
			if (err != nil) != tc.refused {
				t.Fatalf("%s\ngot %v", tc.reason, err)
			}
			if err == nil && (s.length != tc.length || s.rates[proxy.Throttled] != tc.throttled || s.operator != "/repository/bin/flagger") {
				t.Errorf("%s\ngot %+v", tc.reason, s)
			}
		})
	}
}

func TestReport(t *testing.T) {
	r := newReport(settings{canaries: 2, interval: 10 * time.Second, seed: 3})
	r.Cores, r.Seconds, r.Bound = 2, 180, 160
	r.Releases = map[kind]int{good: 3, bad: 1}
	r.End, r.Took = End{Promoted: 2, RolledBack: 1, Superseded: 1}, Spread{P50: 40, P99: 60, Max: 60}
	r.Faults = map[proxy.Fault]int{"": 100, proxy.Throttled: 2}
	r.Before, r.After = &Sample{Heap: 20e6, Goroutines: 100, RSS: 60e6}, &Sample{Heap: 21e6, Goroutines: 100, RSS: 61e6}
	r.Findings = []Finding{{Kind: "stuck", Canary: app.String(), At: at(7), Text: "it is"}}
	const want = `
canaries     2, interval 10 s, seed 3, 3 min on 2 cores
releases     4 (bad 1, image 3)
ends         2 promoted, 1 rolled back, 1 superseded
took         p50 40.0 s, p99 60.0 s, max 60.0 s, bound 160 s
requests     100 passed (429 2)
heap         20.00 MB before, 21.00 MB after, +5.0 %
goroutines   100 before, 100 after, +0.0 %
RSS          60.0 MB before, 61.0 MB after
findings     0 lost, 1 stuck, 1 in all
00:00:07 stuck soak-00/app-0001: it is
`
	if diff := cmp.Diff(want, "\n"+r.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	file := filepath.Join(t.TempDir(), "soak.json")
	if err := r.write(file); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(file); err != nil || !strings.Contains(string(content), `"kind": "stuck"`) {
		t.Errorf("machines read the same, got %s, %v", content, err)
	}
}
