package rollouttest

import (
	"flag"
	"testing"

	"flagger.app/flagger/internal/testkit/chance"
)

// sequences are simulated with every test run; make sim does more.
var sequences = flag.Uint64("sequences", 3000, "how many stories to simulate")

// shrinking is how often a story that went wrong is told again to find a shorter one.
const shrinking = 5000

func TestSimulate(t *testing.T) {
	c := chance.Seeded(0)
	for seed := range *sequences {
		c.Reseed(seed)
		_, violation := Simulate(c)
		if violation == nil {
			continue
		}
		tape := chance.Shrink(c.Tape(), func(tape []uint32) bool {
			_, again := Simulate(chance.Replay(tape))
			return again != nil && Invariant(again) == Invariant(violation)
		}, shrinking)
		t.Fatalf("seed %d: %v\n%s", seed, violation, Narrate(tape))
	}
}

// TestSimulateIsDeterministic: a seed that is reported tells the same story again.
func TestSimulateIsDeterministic(t *testing.T) {
	for seed := range uint64(20) {
		c := chance.Seeded(seed)
		first, _ := Simulate(c)
		told := Narrate(c.Tape())
		if again, _ := Simulate(chance.Replay(c.Tape())); again != first || Narrate(c.Tape()) != told {
			t.Errorf("seed %d: %d steps, then %d", seed, first, again)
		}
	}
}

func BenchmarkSimulate(b *testing.B) {
	c := chance.Seeded(0)
	for i := range b.N {
		c.Reseed(uint64(i))
		if _, violation := Simulate(c); violation != nil {
			b.Fatal(violation)
		}
	}
}
