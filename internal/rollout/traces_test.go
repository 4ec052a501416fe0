package rollout_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/internal/rollout/rollouttest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// seeds are the orders in which each story is played again.
const seeds = 5

// chapters are all stories, by the file that holds them.
func chapters() map[string]rollouttest.Story {
	all := map[string]rollouttest.Story{}
	for _, chapter := range []map[string]rollouttest.Story{
		beginnings(), strategies(), gates(), failures(), interruptions(), adoptions(),
	} {
		maps.Copy(all, chapter)
	}
	return all
}

// TestTraces compares each story, narrated, with its golden file.
func TestTraces(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(chapters())) {
		t.Run(name, func(t *testing.T) {
			record, err := rollouttest.Play(chapters()[name])
			if err != nil {
				t.Fatalf("%v\n%s", err, record.Log)
			}
			golden := filepath.Join("testdata", "traces", name+".golden")
			if *update {
				write(t, golden, record.Log)
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(record.Log, "\n")); diff != "" {
				t.Errorf("trace differs (-want +got):\n%s", diff)
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestTracesSurviveInterruptions plays each story again for every status write that can be lost, and for every other
// write after which the process can die: the end is the same, and the primary has rolled as often.
func TestTracesSurviveInterruptions(t *testing.T) {
	for name, s := range chapters() {
		if name == "drift-while-draining" {
			continue // when users were sent to a draining side is known by the status write alone
		}
		t.Run(name, func(t *testing.T) {
			whole, err := rollouttest.Play(s)
			if err != nil {
				t.Fatal(err)
			}
			for n := range whole.Writes {
				lost := s
				lost.Lose = n + 1
				sameEnd(t, fmt.Sprintf("without status write %d", n+1), whole, lost)
			}
			for n := range whole.Changes {
				killed := s
				killed.Kill = n + 1
				sameEnd(t, fmt.Sprintf("killed after change %d", n+1), whole, killed)
			}
		})
	}
}

// TestTracesInAnyOrder plays each story again with wake-ups delayed by chance.
func TestTracesInAnyOrder(t *testing.T) {
	for name, s := range chapters() {
		t.Run(name, func(t *testing.T) {
			whole, err := rollouttest.Play(s)
			if err != nil {
				t.Fatal(err)
			}
			for seed := range uint64(seeds) {
				shuffled := s
				shuffled.Seed = seed + 1
				sameEnd(t, fmt.Sprintf("seed %d", seed+1), whole, shuffled)
			}
		})
	}
}

func sameEnd(t *testing.T, how string, want rollouttest.Record, s rollouttest.Story) {
	t.Helper()
	got, err := rollouttest.Play(s)
	if err != nil {
		t.Errorf("%s: %v\n%s", how, err, got.Log)
		return
	}
	if diff := cmp.Diff(ending(want), ending(got)); diff != "" {
		t.Errorf("%s, the end differs (-want +got):\n%s\n%s", how, diff, got.Log)
	}
}

// end is what an interruption must not change.
type end struct {
	Phase                      string
	Applied, Promoted, Primary string
	Rolls                      int
	Gone                       bool
}

func ending(r rollouttest.Record) end {
	return end{
		Phase: string(r.Final.Phase), Applied: r.Final.LastAppliedSpec, Promoted: r.Final.LastPromotedSpec,
		Primary: r.Primary, Rolls: r.Rolls, Gone: r.Gone,
	}
}
