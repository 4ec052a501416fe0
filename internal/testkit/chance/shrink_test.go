package chance

import (
	"slices"
	"testing"
)

func TestShrink(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		fails  func([]uint32) bool
		want   []uint32
	}{
		"OneAnswer": {
			reason: "What has nothing to do with the failure goes, and what has becomes as small as it can.",
			fails:  func(tape []uint32) bool { return slices.ContainsFunc(tape, func(a uint32) bool { return a >= 700 }) },
			want:   []uint32{700},
		},
		"TwoInOrder": {
			reason: "Answers that belong together stay together.",
			fails: func(tape []uint32) bool {
				i := slices.Index(tape, 3)
				return i >= 0 && slices.Contains(tape[i:], 2)
			},
			want: []uint32{3, 2},
		},
		"Announced": {
			reason: "A count and what it counts go together.",
			fails: func(tape []uint32) bool {
				c := Replay(tape)
				for range c.IntN(50) {
					if c.IntN(1000) >= 800 {
						return true
					}
				}
				return false
			},
			want: []uint32{1, 800},
		},
		"Always": {
			reason: "A run that fails whatever is decided needs no decisions.",
			fails:  func([]uint32) bool { return true },
			want:   []uint32{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(20) {
				c := Seeded(seed)
				for range 100 {
					c.IntN(1001)
				}
				tape := append(slices.Clone(c.Tape()), 1000, 3, 2)
				if !test.fails(tape) {
					continue
				}
				got := Shrink(tape, test.fails, 20_000)
				if !slices.Equal(test.want, got) {
					t.Errorf("%s Seed %d: got %v, want %v", test.reason, seed, got, test.want)
				}
			}
		})
	}
}

func TestShrinkKeepsToItsBudget(t *testing.T) {
	tape := slices.Repeat([]uint32{5}, 100)
	calls := 0
	got := Shrink(tape, func(candidate []uint32) bool {
		calls++
		return len(candidate) > 90
	}, 7)
	if calls > 7 {
		t.Errorf("a run may take seconds: got %d calls", calls)
	}
	if len(got) <= 90 {
		t.Errorf("got a tape on which the run does not fail: %v", got)
	}
	if got := Shrink(tape, func([]uint32) bool { return false }, 1000); !slices.Equal(tape, got) {
		t.Errorf("what does not fail comes back as it is: got %v", got)
	}
}
