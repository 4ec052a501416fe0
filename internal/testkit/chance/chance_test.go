package chance

import (
	"slices"
	"testing"
)

// script asks a few questions and returns the answers.
func script(c *Chance) []int {
	var answers []int
	for n := range 40 {
		answers = append(answers, c.IntN(n+1))
	}
	return answers
}

func TestEqualSeedsDecideAlike(t *testing.T) {
	first, again, other := script(Seeded(7)), script(Seeded(7)), script(Seeded(8))
	if !slices.Equal(first, again) {
		t.Errorf("a violation is reported by its seed: got %v and %v", first, again)
	}
	if slices.Equal(first, other) {
		t.Error("another seed is another run")
	}
	c := Seeded(8)
	script(c)
	c.Reseed(7)
	if got := script(c); !slices.Equal(first, got) {
		t.Errorf("a Chance that is used again remembers nothing: got %v, want %v", got, first)
	}
}

func TestTapeIsTheRun(t *testing.T) {
	c := Seeded(7)
	want := script(c)
	replayed := Replay(slices.Clone(c.Tape()))
	if got := script(replayed); !slices.Equal(want, got) {
		t.Errorf("a tape played back is the same run: got %v, want %v", got, want)
	}
	if !slices.Equal(c.Tape(), replayed.Tape()) {
		t.Error("and records the same tape")
	}
}

func TestReplayOfAnyTape(t *testing.T) {
	c := Replay([]uint32{9, 1})
	got := []int{c.IntN(4), c.IntN(4), c.IntN(4), c.IntN(4)}
	if want := []int{1, 1, 0, 0}; !slices.Equal(want, got) {
		t.Errorf("any tape is valid: got %v, want %v", got, want)
	}
	if want := []uint32{1, 1, 0, 0}; !slices.Equal(want, c.Tape()) {
		t.Errorf("what was answered is recorded: got %v, want %v", c.Tape(), want)
	}
	if Replay(nil).OneIn(2) || !Replay(nil).OneIn(1) {
		t.Error("the simplest answer to OneIn is no, where there is a choice")
	}
}

func TestAnswersAreEven(t *testing.T) {
	const questions, n = 100_000, 7
	c, counts, rare := Seeded(1), [n]int{}, 0
	for range questions {
		counts[c.IntN(n)]++
		if c.OneIn(10) {
			rare++
		}
	}
	for answer, count := range counts {
		if count < questions/n*95/100 || count > questions/n*105/100 {
			t.Errorf("answer %d came %d times of %d", answer, count, questions)
		}
	}
	if rare < questions/11 || rare > questions/9 {
		t.Errorf("one in ten came %d times of %d", rare, questions)
	}
}

func TestPick(t *testing.T) {
	if got := Pick(Replay([]uint32{1}), "plain", "wild"); got != "wild" {
		t.Errorf("got %s", got)
	}
	if got := Pick(Replay(nil), "plain", "wild"); got != "plain" {
		t.Errorf("the first option is the simplest: got %s", got)
	}
}

func TestAQuestionWithoutAnswersPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("nobody can answer that")
		}
	}()
	Seeded(1).IntN(0)
}

func TestSeededRunsAllocateOnce(t *testing.T) {
	c := Seeded(1)
	script(c)
	if n := testing.AllocsPerRun(100, func() {
		c.Reseed(2)
		for range 20 {
			c.IntN(6)
		}
	}); n > 0 {
		t.Errorf("a million runs share one memory: got %v allocations a run", n)
	}
}
