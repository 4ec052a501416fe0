//go:build linux

package main

import (
	"slices"
	"testing"
	"time"
)

// hour is an hour of many canaries.
var hour = pace{canaries: 200, warmUp: 6 * time.Minute, length: time.Hour, every: 5 * time.Minute, run: time.Minute}

func TestReleases(t *testing.T) {
	all := write(hour, 1)
	if !slices.IsSortedFunc(all, func(a, b release) int { return int(a.at - b.at) }) {
		t.Error("releases come in order of time")
	}
	contents := map[int]content{}
	warm, kinds := map[int]int{}, map[kind]int{}
	for _, r := range all {
		before, known := contents[r.canary]
		if !known {
			before = first
		}
		if (before.tag != r.content.tag) == (before.config != r.content.config) {
			t.Errorf("a release is of an image or a config, got %s after %s", r.content, before)
		}
		contents[r.canary] = r.content
		if r.at < hour.warmUp {
			warm[r.canary]++
		}
		if r.at >= hour.length {
			t.Errorf("a release comes after the end: %v", r.at)
		}
		if r.kind == bad && !r.content.bad() || r.kind == good && r.content.bad() {
			t.Errorf("%s is no %s release", r.content, r.kind)
		}
		kinds[r.kind]++
	}
	for canary := range hour.canaries {
		if warm[canary] != 1 {
			t.Errorf("each canary has one release to warm up, %d has %d", canary, warm[canary])
		}
	}
	for _, s := range shares {
		if kinds[s.kind] < 200 {
			t.Errorf("all kinds come often, got %d of %s", kinds[s.kind], s.kind)
		}
	}
	if n := len(all); n < 2000 || n > 3500 {
		t.Errorf("the pace is kept, got %d", n)
	}
}

func TestReleasesAreThoseOfTheSeed(t *testing.T) {
	if !slices.Equal(write(hour, 7), write(hour, 7)) {
		t.Error("the same seed gives the same")
	}
	if slices.Equal(write(hour, 7), write(hour, 8)) {
		t.Error("another seed gives others")
	}
}

func TestWhatIsTakenBack(t *testing.T) {
	contents := map[int][]content{}
	for _, r := range write(hour, 1) {
		had := contents[r.canary]
		if r.kind == reverted && len(had) > 1 && r.content != had[len(had)-2] {
			t.Errorf("%s goes back to what was before %s, which was %s", r.content, had[len(had)-1], had[len(had)-2])
		}
		contents[r.canary] = append(had, r.content)
	}
}
