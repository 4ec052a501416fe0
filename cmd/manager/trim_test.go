package main

import (
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
)

func TestTrimmer(t *testing.T) {
	const mb = 1 << 20
	for name, tc := range map[string]struct {
		reason string
		looks  []memory // as found
		want   []int    // the looks that give memory back
	}{
		"AtFirst":     {"A process starts with a burst.", []memory{{100 * mb, 500 * mb}, {100 * mb, 501 * mb}}, []int{1}},
		"Once":        {"What is left is needed.", []memory{{100 * mb, mb}, {80 * mb, 2 * mb}, {85 * mb, 3 * mb}}, []int{0}},
		"AfterABurst": {"Its garbage is not.", []memory{{80 * mb, mb}, {120 * mb, 200 * mb}, {120 * mb, 201 * mb}}, []int{0, 2}},
		"InABurst":    {"It would be asked for again at once.", []memory{{80 * mb, 100 * mb}, {120 * mb, 200 * mb}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var trimmed trimmer
			var got []int
			for i, found := range tc.looks {
				trimmed.look(func() memory {
					if slices.Contains(got, i) {
						return memory{held: 80 * mb}
					}
					return found
				}, func() { got = append(got, i) })
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("%s Got memory back at looks %v, want %v", tc.reason, got, tc.want)
			}
		})
	}
}

// TestMemoryIsGivenBack reads the runtime's own figures.
func TestMemoryIsGivenBack(t *testing.T) {
	const burst = 64 << 20
	before := readMemory()
	garbage := make([]byte, burst)
	for i := range garbage {
		garbage[i] = 1
	}
	full := readMemory()
	runtime.KeepAlive(garbage)
	if full.held < before.held+burst/2 || full.allocated < before.allocated+burst {
		t.Fatalf("a burst of %d bytes is seen as %+v after %+v", burst, full, before)
	}
	(&trimmer{last: full}).look(readMemory, debug.FreeOSMemory)
	if after := readMemory(); after.held > full.held-burst/2 {
		t.Errorf("%d bytes are held after a look, %d before it", after.held, full.held)
	}
}
