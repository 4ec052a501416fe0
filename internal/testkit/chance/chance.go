package chance

import "math/rand/v2"

// Chance answers the questions of one run and records its answers. It is not safe for concurrent use.
type Chance struct {
	source rand.PCG
	// played are the answers to give when replaying.
	played    []uint32
	replaying bool
	tape      []uint32
}

// stream tells our random numbers from those of others who use the same seeds.
const stream = 0x5ea1ed

// Seeded returns a source of random decisions; equal seeds decide alike.
func Seeded(seed uint64) *Chance {
	c := &Chance{}
	c.Reseed(seed)
	return c
}

// Replay returns a source that decides as it says on the tape. An exhausted tape answers 0, the simplest choice, and an
// answer that the question does not have is brought into its range.
func Replay(tape []uint32) *Chance {
	return &Chance{played: tape, replaying: true}
}

// Reseed begins another run of random decisions and keeps nothing of the one before but its memory.
func (c *Chance) Reseed(seed uint64) {
	c.source.Seed(seed, stream)
	c.played, c.replaying, c.tape = nil, false, c.tape[:0]
}

// IntN returns a number from 0 to n-1. A question with a single answer is none and is not recorded; n below 1 panics.
func (c *Chance) IntN(n int) int {
	switch {
	case n < 1:
		panic("chance: a question without answers")
	case n == 1:
		return 0
	}
	answer := c.answer(uint64(n))
	c.tape = append(c.tape, answer)
	return int(answer)
}

// answer is one of the n answers from 0.
func (c *Chance) answer(n uint64) uint32 {
	if !c.replaying {
		return uint32(c.source.Uint64() >> 32 * n >> 32) // multiply-shift: even to within n/2^32, and without a division
	}
	at := len(c.tape)
	if at >= len(c.played) {
		return 0
	}
	return uint32(uint64(c.played[at]) % n)
}

// OneIn is true once in n times on average; its simplest answer is no. OneIn(1) is always true.
func (c *Chance) OneIn(n int) bool { return c.IntN(n) == n-1 }

// Tape returns the answers given so far. It is the memory of the Chance: a caller who keeps it clones it.
func (c *Chance) Tape() []uint32 { return c.tape }

// Pick returns one of the options; the first is the simplest. No options panic.
func Pick[T any](c *Chance, options ...T) T { return options[c.IntN(len(options))] }
