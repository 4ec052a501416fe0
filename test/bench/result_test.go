//go:build linux

package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/api/v1beta1"
)

func TestSpread(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(100-i)*time.Second)
	}
	cases := map[string]struct {
		reason string
		values []time.Duration
		want   Spread
	}{
		"None":    {"Nothing has no spread.", nil, Spread{}},
		"One":     {"One value is all percentiles.", hundred[99:], Spread{P50: 1, P99: 1, Max: 1}},
		"Two":     {"Half of two is one.", hundred[98:], Spread{P50: 1, P99: 2, Max: 2}},
		"Hundred": {"Ranks count from the smallest, in whatever order the values come.", hundred, Spread{P50: 50, P99: 99, Max: 100}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, spreadOf(tc.values)); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// at is a moment so many milliseconds after the beginning of time.
func at(ms int, phase v1beta1.CanaryPhase, weight int) moment {
	return moment{at: time.Time{}.Add(time.Duration(ms) * time.Millisecond), phase: phase, weight: weight}
}

func TestLateTicks(t *testing.T) {
	const (
		progressing = v1beta1.PhaseProgressing
		promoting   = v1beta1.PhasePromoting
	)
	cases := map[string]struct {
		reason  string
		moments []moment
		want    ticks
	}{
		"Run": {
			reason:  "Two steps and the promotion are two ticks after the first; pods that start are not waited for at intervals.",
			moments: []moment{at(0, progressing, 0), at(2500, progressing, 25), at(12700, progressing, 50), at(22650, promoting, 50), at(24000, v1beta1.PhaseFinalising, 0)},
			want: ticks{
				steps:      []time.Duration{200 * time.Millisecond},
				promotions: []time.Duration{-50 * time.Millisecond},
			},
		},
		"PromotionInSteps": {
			reason:  "Only the beginning of a promotion is a tick.",
			moments: []moment{at(0, progressing, 50), at(10000, promoting, 50), at(12000, promoting, 0)},
			want:    ticks{promotions: []time.Duration{0}},
		},
		"Again": {
			reason:  "The time between two runs is no tick.",
			moments: []moment{at(0, progressing, 50), at(3000, progressing, 0), at(50000, progressing, 25), at(60001, progressing, 50)},
			want:    ticks{steps: []time.Duration{time.Millisecond}},
		},
		"RolledBack": {
			reason:  "A rollback does not wait for a tick.",
			moments: []moment{at(0, progressing, 25), at(4000, v1beta1.PhaseFailed, 0)},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, lateTicks(tc.moments, 10*time.Second), cmp.AllowUnexported(ticks{})); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}
