//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"flagger.app/flagger/test/fleet"
	"flagger.app/flagger/test/soak/proxy"
)

// Report is what came of a soak.
type Report struct {
	Operator string              `json:"operator"` // the binary
	Cores    int                 `json:"cores"`    // of the machine
	Canaries int                 `json:"canaries"`
	Interval float64             `json:"intervalSeconds"`
	Seed     uint64              `json:"seed"`
	Bound    float64             `json:"boundSeconds"` // from a release to its end
	Seconds  float64             `json:"seconds"`      // in all
	Releases map[kind]int        `json:"releases"`
	End      End                 `json:"end"`
	Took     Spread              `json:"tookSeconds"`       // from a release to its end, where it had one
	Faults   map[proxy.Fault]int `json:"faults"`            // requests without one have the empty name
	Before   *Sample             `json:"before,omitempty"`  // of the memory, at rest, after the warm-up
	After    *Sample             `json:"after,omitempty"`   // and at the end
	Samples  []Sample            `json:"samples,omitempty"` // one a minute
	Findings []Finding           `json:"findings"`
}

// Spread are percentiles, in seconds.
type Spread struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func newReport(s settings) *Report {
	return &Report{
		Operator: s.operator, Cores: runtime.NumCPU(), Canaries: s.canaries, Interval: s.interval.Seconds(), Seed: s.seed,
		Bound: s.limits().bound.Seconds(), Releases: map[kind]int{}, Findings: []Finding{},
	}
}

// spread returns percentiles of sorted times by the nearest rank; those of none are zero.
func spread(sorted []time.Duration) Spread {
	if len(sorted) == 0 {
		return Spread{}
	}
	at := func(percent int) float64 { return sorted[max((len(sorted)*percent+99)/100, 1)-1].Seconds() }
	return Spread{P50: at(50), P99: at(99), Max: at(100)}
}

// tell prints a line a minute until ctx ends, and what is wrong as soon as it is known.
func (c *course) tell(ctx context.Context) {
	told := map[Finding]bool{}
	for fleet.Pause(ctx, time.Minute) == nil {
		sample, err := measure(ctx, c.operator, time.Now)
		if err != nil {
			if ctx.Err() == nil {
				c.failed(err)
			}
			return
		}
		c.mutex.Lock()
		c.report.Samples = append(c.report.Samples, sample)
		releases := total(c.report.Releases)
		c.mutex.Unlock()
		findings := c.book.check(c.limits())
		_, _ = fmt.Fprintf(c.out, "soak: %3.0f min, %d releases, %d of %d canaries rest, %d findings, heap %.1f MB, %d goroutines, RSS %.1f MB, %s\n",
			time.Since(c.begun).Minutes(), releases, c.book.resting(), c.canaries, len(findings),
			megabytes(sample.Heap), sample.Goroutines, megabytes(sample.RSS), faults(c.proxy.Counts()))
		for _, f := range findings {
			if !told[f] {
				_, _ = fmt.Fprintln(c.out, "soak:", f)
			}
			told[f] = true
		}
	}
}

// String is the table, and what is wrong.
func (r *Report) String() string {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 3, ' ', 0)
	line := func(name, format string, values ...any) {
		_, _ = fmt.Fprintf(table, "%s\t%s\n", name, fmt.Sprintf(format, values...))
	}
	line("canaries", "%d, interval %g s, seed %d, %.0f min on %d cores", r.Canaries, r.Interval, r.Seed, r.Seconds/60, r.Cores)
	line("releases", "%d (%s)", total(r.Releases), listed(r.Releases))
	line("ends", "%d promoted, %d rolled back, %d superseded", r.End.Promoted, r.End.RolledBack, r.End.Superseded)
	line("took", "p50 %.1f s, p99 %.1f s, max %.1f s, bound %.0f s", r.Took.P50, r.Took.P99, r.Took.Max, r.Bound)
	line("requests", "%s", faults(r.Faults))
	if r.Before != nil && r.After != nil {
		line("heap", "%.2f MB before, %.2f MB after, %+.1f %%", megabytes(r.Before.Heap), megabytes(r.After.Heap), percent(r.Before.Heap, r.After.Heap))
		line("goroutines", "%d before, %d after, %+.1f %%", r.Before.Goroutines, r.After.Goroutines, percent(r.Before.Goroutines, r.After.Goroutines))
		line("RSS", "%.1f MB before, %.1f MB after", megabytes(r.Before.RSS), megabytes(r.After.RSS))
	}
	kinds := map[string]int{}
	for _, f := range r.Findings {
		kinds[f.Kind]++
	}
	line("findings", "%d lost, %d stuck, %d in all", kinds["lost"], kinds["stuck"], len(r.Findings))
	_ = table.Flush() // into memory
	for _, f := range r.Findings {
		_, _ = fmt.Fprintln(&text, f)
	}
	return text.String()
}

// write writes the report as JSON.
func (r *Report) write(file string) error {
	encoded, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	if err := os.WriteFile(file, append(encoded, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// faults tells how many requests there were, and what happened to them.
func faults(counts map[proxy.Fault]int) string {
	all := maps.Clone(counts)
	passed := all[""]
	delete(all, "")
	return fmt.Sprintf("%d passed (%s)", passed, listed(all))
}

func megabytes(bytes int64) float64 { return float64(bytes) / 1e6 }

func total[K comparable](counts map[K]int) int {
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return sum
}

// listed are counts by name, sorted by name.
func listed[K ~string](counts map[K]int) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, fmt.Sprintf("%s %d", name, counts[name]))
	}
	return strings.Join(all, ", ")
}
