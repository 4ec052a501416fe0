package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"flagger.app/flagger/internal/rollout/rollouttest"
	"flagger.app/flagger/internal/testkit/chance"
	"flagger.app/flagger/test/sim/world"
)

// level is one way to simulate the operator.
type level struct {
	// simulate tells one story; it returns how often the operator decided and what went wrong, nil for nothing.
	simulate func(*chance.Chance) (steps int, violation error)
	// narrate tells the story of a tape in words.
	narrate func(tape []uint32) string
	// budget is how many stories may be told to shorten one.
	budget int
}

var levels = map[string]level{
	"core":       {rollouttest.Simulate, rollouttest.Narrate, 20_000},
	"controller": {world.Simulate, world.Narrate, 800},
}

func names() []string { return slices.Sorted(maps.Keys(levels)) }

// options are the command line's.
type options struct {
	level     string
	sequences int
	seed      uint64
	workers   int
}

// mostTold bounds the kinds of violations of which one story is told in words; all are counted.
const mostTold = 5

// progress is how often to tell how far it has come.
const progress = 10 * time.Second

// run tells the stories, shortens and tells again those that went wrong, and returns how many these are.
func run(ctx context.Context, l level, o options, out io.Writer) (violations int) {
	t := &tally{options: o, out: out, started: time.Now()}
	t.told = t.started
	seeds := make(chan uint64)
	var group sync.WaitGroup
	for range max(o.workers, 1) {
		group.Go(func() { t.work(l, seeds) })
	}
feed:
	for i := range o.sequences {
		select {
		case seeds <- o.seed + uint64(i):
		case <-ctx.Done():
			break feed
		}
	}
	close(seeds)
	group.Wait()
	t.print("done")
	kinds := t.kinds()
	for _, k := range kinds {
		_, _ = fmt.Fprintf(out, "%6d times, as with seed %d: %v\n", len(k), k[0].seed, k[0].violation)
	}
	for _, k := range kinds[:min(len(kinds), mostTold)] {
		k[0].tell(l, out)
	}
	return t.violations
}

// tally counts what the workers do.
type tally struct {
	options options
	out     io.Writer
	started time.Time

	mu                           sync.Mutex
	told                         time.Time
	sequences, steps, violations int
	wrongs                       []wrong
}

// work tells stories of the given seeds.
func (t *tally) work(l level, seeds <-chan uint64) {
	c := chance.Seeded(0)
	for seed := range seeds {
		c.Reseed(seed)
		steps, violation := l.simulate(c)
		t.count(steps)
		if violation != nil {
			t.note(wrong{seed: seed, violation: violation, tape: slices.Clone(c.Tape())})
		}
	}
}

func (t *tally) count(steps int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sequences++
	t.steps += steps
	if now := time.Now(); now.Sub(t.told) >= progress {
		t.told = now
		t.print("so far")
	}
}

func (t *tally) print(title string) {
	elapsed := time.Since(t.started)
	_, _ = fmt.Fprintf(t.out, "%s, %s: %d of %d sequences, %d steps, %d violations, %v\n", // a report that nobody reads
		t.options.level, title, t.sequences, t.options.sequences, t.steps, t.violations, elapsed.Round(time.Millisecond))
}

// wrong is a story that went wrong.
type wrong struct {
	seed      uint64
	violation error
	tape      []uint32
}

func (t *tally) note(w wrong) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.violations++
	t.wrongs = append(t.wrongs, w)
}

// kinds are the stories that went wrong, together with those of the same kind, each kind in the order of its seeds.
func (t *tally) kinds() [][]wrong {
	slices.SortFunc(t.wrongs, func(a, b wrong) int { return cmp.Compare(a.seed, b.seed) })
	var kinds [][]wrong
	places := map[string]int{}
	for _, w := range t.wrongs {
		at, known := places[w.kind()]
		if !known {
			at = len(kinds)
			places[w.kind()] = at
			kinds = append(kinds, nil)
		}
		kinds[at] = append(kinds[at], w)
	}
	return kinds
}

// kind is what violations of one cause have in common: the text up to the first value.
func (w wrong) kind() string {
	text := w.violation.Error()
	if name, cause, found := strings.Cut(text, ":"); found {
		end := strings.IndexAny(cause, "0123456789{[(\"")
		if end < 0 {
			end = len(cause)
		}
		return name + cause[:end]
	}
	return text
}

// tell shortens a story and tells it.
func (w wrong) tell(l level, out io.Writer) {
	kind := w.kind()
	short := chance.Shrink(w.tape, func(tape []uint32) bool {
		_, violation := l.simulate(chance.Replay(tape))
		return violation != nil && wrong{violation: violation}.kind() == kind
	}, l.budget)
	_, _ = fmt.Fprintf(out, "\nseed %d: %v\nThe shortest story found, of %d decisions where there were %d:\n%s",
		w.seed, w.violation, len(short), len(w.tape), l.narrate(short))
}
