//go:build linux

package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/lab/load"
	"flagger.app/flagger/test/story"
)

// atStep is a bad release at a quarter of the traffic.
func atStep() frame {
	return frame{
		elapsed: 50 * time.Second,
		moment:  story.Moment{Status: v1beta1.CanaryStatus{Phase: v1beta1.PhaseProgressing, CanaryWeight: 25}, Weight: 25},
		recent: load.Counts{Done: 200, App: 10, Versions: map[string]map[int]int{
			"6.2.0-err20": {200: 40, 500: 10}, "6.1.0": {200: 150},
		}},
		total: load.Counts{Done: 5000, App: 26},
	}
}

func TestBlock(t *testing.T) {
	want := []string{
		strings.Repeat("─", 78),
		"  phase     Progressing                                                  50.0 s",
		"  weight     25 % to the canary  ██████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░",
		"  requests  6.1.0: 150 (75 %), 6.2.0-err20: 50 (25 %)",
		"  success    95.0 %",
		"  failed    26 by the app, 0 by the platform, of 5000",
	}
	if diff := cmp.Diff(want, atStep().block()); diff != "" {
		t.Errorf("block (-want +got):\n%s", diff)
	}
}

func TestLine(t *testing.T) {
	const want = "  50.0 s  Progressing  canary  25 %  6.1.0: 150 (75 %), 6.2.0-err20: 50 (25 %)  success 95.0 %  failed: app 26, platform 0"
	if diff := cmp.Diff(want, atStep().line()); diff != "" {
		t.Errorf("line (-want +got):\n%s", diff)
	}
}

func TestVersions(t *testing.T) {
	tests := map[string]struct {
		reason string
		recent load.Counts
		want   string
	}{
		"Nothing": {reason: "Before the first answer there is no version.", want: "none yet"},
		"Nobody": {
			reason: "An answer that the app did not give has no version.",
			recent: load.Counts{Done: 2, Versions: map[string]map[int]int{"": {502: 1}, "6.0.0": {200: 1}}},
			want:   "nobody: 1 (50 %), 6.0.0: 1 (50 %)",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := (frame{recent: test.recent}).versions(); got != test.want {
				t.Errorf("%s\ngot %q, want %q", test.reason, got, test.want)
			}
		})
	}
}

// stage is a screen with a clock in the test's hand.
type stage struct {
	*screen
	out bytes.Buffer
	now time.Time
}

func newStage(columns int) *stage {
	s := &stage{now: time.Unix(0, 0)}
	s.screen = newScreen(&s.out, func() int { return columns }, func() time.Time { return s.now })
	return s
}

func TestPlainScreenTellsDifferencesAndIsNeverSilentForLong(t *testing.T) {
	s := newStage(0)
	still, moved := atStep(), atStep()
	moved.moment.Weight = 50
	for _, step := range []struct {
		after time.Duration
		f     frame
	}{
		{f: still},
		{after: time.Second, f: still}, // nothing new
		{after: time.Second, f: moved},
		{after: 4 * time.Second, f: moved}, // nothing new
		{after: time.Second, f: moved},     // but silent for five seconds
	} {
		s.now = s.now.Add(step.after)
		s.show(step.f)
	}
	want := still.line() + "\n" + moved.line() + "\n" + moved.line() + "\n"
	if diff := cmp.Diff(want, s.out.String()); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}

func TestTerminalKeepsOneBlockBelowTheLines(t *testing.T) {
	const erase = "\x1b[6F\x1b[J" // as many lines up as the block has
	s := newStage(80)
	f := atStep()
	block := strings.Join(f.block(), "\n") + "\n"
	s.show(f)
	s.show(f)
	s.say("an event")
	s.show(f)
	s.clear()
	s.clear()
	if diff := cmp.Diff(block+erase+block+erase+"an event\n"+block+erase, s.out.String()); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}

func TestNarrowTerminalCutsLines(t *testing.T) {
	s := newStage(20)
	s.show(atStep())
	for line := range strings.Lines(s.out.String()) {
		if got := len([]rune(strings.TrimSuffix(line, "\n"))); got > 20 {
			t.Errorf("%d columns in %q; it would wrap and not be erased", got, line)
		}
	}
}

func TestVerdict(t *testing.T) {
	served := func(version string) load.Counts {
		return load.Counts{Done: lastRequests, Versions: map[string]map[int]int{version: {200: lastRequests}}}
	}
	tests := map[string]struct {
		reason string
		r      release
		want   bool
	}{
		"Promoted": {
			reason: "The good release serves everybody.",
			r:      release{want: v1beta1.PhaseSucceeded, got: v1beta1.PhaseSucceeded, wantServer: "2", servedBy: served("2")},
			want:   true,
		},
		"GoodOneFailed": {
			reason: "A good release that is rolled back is a wrong end, whoever serves.",
			r:      release{want: v1beta1.PhaseSucceeded, got: v1beta1.PhaseFailed, wantServer: "2", servedBy: served("2")},
		},
		"WrongServer": {
			reason: "A phase alone is no proof: the version before must answer after a rollback.",
			r:      release{want: v1beta1.PhaseFailed, got: v1beta1.PhaseFailed, wantServer: "1", servedBy: served("2")},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := test.r.ended(); got != test.want {
				t.Errorf("%s\ngot %t, want %t", test.reason, got, test.want)
			}
			if told := strings.HasSuffix(test.r.verdict(), ": ok"); told != test.want {
				t.Errorf("%s\nthe report says %q", test.reason, test.r.verdict())
			}
		})
	}
}
