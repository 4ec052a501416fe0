//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"flagger.app/flagger/test/fleet"
)

// errProfile is returned where a profile does not look as runtime/pprof writes it.
var errProfile = errors.New("not in the form of runtime/pprof")

// Sample is what the operator's memory holds.
type Sample struct {
	At         time.Time `json:"at"`
	Heap       int64     `json:"heapBytes"` // that live objects take, after a collection
	Goroutines int64     `json:"goroutines"`
	RSS        int64     `json:"rssBytes"`
}

// collections are forced before the heap is measured: what pools hold goes with the second.
const collections = 2

// measure takes a sample.
func measure(ctx context.Context, o *fleet.Operator, now func() time.Time) (Sample, error) {
	s := Sample{At: now()}
	for range collections {
		heap, err := o.Profile(ctx, "heap?gc=1&debug=1")
		if err != nil {
			return s, err
		}
		if s.Heap, err = number(heap, "# HeapAlloc = "); err != nil {
			return s, err
		}
	}
	goroutines, err := o.Profile(ctx, "goroutine?debug=1")
	if err != nil {
		return s, err
	}
	if s.Goroutines, err = number(goroutines, "goroutine profile: total "); err != nil {
		return s, err
	}
	used, err := fleet.Used(o.PID())
	s.RSS = used.RSS
	return s, err
}

// number returns the number in the line of a profile that begins in one way.
func number(profile []byte, beginning string) (int64, error) {
	for line := range bytes.Lines(profile) {
		if digits, found := bytes.CutPrefix(line, []byte(beginning)); found {
			n, err := strconv.ParseInt(string(bytes.TrimSpace(digits)), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("%q: %w", beginning, errProfile)
			}
			return n, nil
		}
	}
	return 0, fmt.Errorf("no %q: %w", beginning, errProfile)
}

// drift finds what differs between two samples by more than a tolerance, in percent.
func drift(before, after Sample, tolerance float64) []Finding {
	var findings []Finding
	for _, f := range []struct {
		name          string
		before, after int64
	}{{"heap", before.Heap, after.Heap}, {"goroutines", before.Goroutines, after.Goroutines}} {
		if math.Abs(float64(f.after-f.before)) > tolerance/100*float64(f.before) {
			findings = append(findings, Finding{Kind: "memory", At: after.At, Text: fmt.Sprintf(
				"%s from %d to %d, %+.1f %%", f.name, f.before, f.after, percent(f.before, f.after))})
		}
	}
	return findings
}

// percent is the change from one value to another.
func percent(before, after int64) float64 { return 100 * (float64(after)/float64(before) - 1) }
