package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"flagger.app/flagger/internal/testkit/chance"
)

// shares of `make sim` that fit into `make test`, where the race detector watches.
var shares = map[string]int{"core": 2_000, "controller": 150}

// TestStories tells a few stories of each level; `make sim` tells many.
func TestStories(t *testing.T) {
	for name, l := range levels {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			l.budget = 300
			if run(t.Context(), l, options{level: name, sequences: shares[name], seed: 1, workers: 2}, &out) > 0 {
				t.Error(out.String())
			}
		})
	}
}

// dice is a level whose stories go wrong if any of ten dice shows more than most.
func dice(most int) level {
	throw := func(c *chance.Chance) (int, error) {
		for range 10 {
			if n := c.IntN(6); n > most {
				return 10, fmt.Errorf("I0: it shows %d", n)
			}
		}
		return 10, nil
	}
	return level{
		simulate: throw,
		narrate: func(tape []uint32) string {
			_, err := throw(chance.Replay(tape))
			return fmt.Sprintf("dice %v: %v\n", tape, err)
		},
		budget: 1000,
	}
}

func TestReport(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		most   int
		want   []string
		wrong  bool
	}{
		"Fine": {
			reason: "Nothing is told of stories that end well.", most: 5,
			want: []string{"dice, done: 20 of 20 sequences, 200 steps, 0 violations"},
		},
		"Wrong": {
			reason: "One of each kind is shortened and told.", most: 3, wrong: true,
			want: []string{"seed 1: I0: it shows ", "The shortest story found, of 1 decisions", "dice [4]: I0: it shows 4"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			o := options{level: "dice", sequences: 20, seed: 1, workers: 2}
			if found := run(t.Context(), dice(test.most), o, &out); found > 0 != test.wrong {
				t.Errorf("%s %d violations", test.reason, found)
			}
			for _, want := range test.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%s The report lacks %q:\n%s", test.reason, want, out.String())
				}
			}
			if told := strings.Count(out.String(), "\nseed "); told > 1 {
				t.Errorf("%s Told %d times:\n%s", test.reason, told, out.String())
			}
		})
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	told := 0
	l := level{simulate: func(*chance.Chance) (int, error) {
		if told++; told == 3 {
			cancel()
		}
		return 1, nil
	}}
	run(ctx, l, options{level: "slow", sequences: 1 << 40, workers: 1}, io.Discard)
	if told < 3 || told > 5 {
		t.Errorf("who interrupts gets the report of what was told until then: got %d stories", told)
	}
}

func TestKinds(t *testing.T) {
	kinds := map[string][]string{
		"I4 two steps within ":    {"I4: two steps within 8s", "I4: two steps within 1m2s"},
		"I3 the primary becomes ": {"I3: the primary becomes {app:a  }, which has not passed"},
		"idle a call":             {"idle: a call"},
		"something else":          {"something else"},
	}
	for want, texts := range kinds {
		for _, text := range texts {
			if got := (wrong{violation: errors.New(text)}).kind(); got != want {
				t.Errorf("%q: got %q, want %q: one cause is told once", text, got, want)
			}
		}
	}
}
