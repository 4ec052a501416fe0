//go:build linux

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"flagger.app/flagger/test/lab/load"
	"flagger.app/flagger/test/story"
)

const (
	barWidth = 40
	window   = 2 * time.Second // that "recent" means
)

// frame is what there is to see at one time.
type frame struct {
	elapsed time.Duration
	moment  story.Moment
	recent  load.Counts // of the last window
	total   load.Counts
}

// key tells whether two frames differ in what is worth a line.
func (f frame) key() string {
	return fmt.Sprintf("%s %d %d", f.moment.Status.Phase, f.moment.Status.CanaryWeight, f.moment.Weight)
}

// block is the frame on a terminal.
func (f frame) block() []string {
	status := f.moment.Status
	return []string{
		strings.Repeat("─", 78),
		fmt.Sprintf("  %-9s %-16s %50s", "phase", status.Phase, clock(f.elapsed)),
		fmt.Sprintf("  %-9s %3d %% to the canary  %s", "weight", f.moment.Weight, bar(f.moment.Weight)),
		fmt.Sprintf("  %-9s %s", "requests", f.versions()),
		fmt.Sprintf("  %-9s %5.1f %%", "success", story.SuccessRate(f.recent)),
		fmt.Sprintf("  %-9s %d by the app, %d by the platform, of %d", "failed", f.total.App, f.total.Platform, f.total.Done),
	}
}

// line is the frame elsewhere.
func (f frame) line() string {
	return fmt.Sprintf("%s  %-12s canary %3d %%  %s  success %.1f %%  failed: app %d, platform %d",
		clock(f.elapsed), f.moment.Status.Phase, f.moment.Weight, f.versions(), story.SuccessRate(f.recent), f.total.App, f.total.Platform)
}

// versions tells how many of the recent requests each version has answered.
func (f frame) versions() string {
	var parts []string
	for _, version := range slices.Sorted(maps.Keys(f.recent.Versions)) {
		n := f.recent.Of(version)
		name := version
		if name == "" {
			name = "nobody"
		}
		parts = append(parts, fmt.Sprintf("%s: %d (%.0f %%)", name, n, 100*float64(n)/float64(max(f.recent.Done, 1))))
	}
	if len(parts) == 0 {
		return "none yet"
	}
	return strings.Join(parts, ", ")
}

func bar(percent int) string {
	filled := min(max(percent, 0), 100) * barWidth / 100
	return strings.Repeat("█", filled) + strings.Repeat("░", barWidth-filled)
}

func clock(d time.Duration) string { return fmt.Sprintf("%6.1f s", d.Seconds()) }
