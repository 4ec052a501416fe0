package docs

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"flagger.app/flagger/internal/testkit"
)

// edge is a change of phase; the empty phase is before a canary has one, and gone is after it.
type edge struct{ from, to string }

const gone = "gone"

// causes are the words on the picture. The edges are not taken from here but from the traces of the core.
var causes = map[edge]string{
	{"", "Initializing"}:                "canary created",
	{"Initializing", "Initialized"}:     "primary serves all users, target stopped",
	{"Initialized", "Waiting"}:          "new revision, confirm-rollout closed",
	{"Initialized", "Progressing"}:      "new revision",
	{"Waiting", "Progressing"}:          "confirm-rollout opens",
	{"Waiting", "Finalising"}:           "revision withdrawn, its pods run",
	{"Waiting", "Succeeded"}:            "revision withdrawn",
	{"Waiting", "Failed"}:               "rolled back, or withdrawn after a failure",
	{"Progressing", "WaitingPromotion"}: "last step passed, confirm-promotion closed",
	{"Progressing", "Promoting"}:        "last step passed",
	{"Progressing", "Finalising"}:       "revision withdrawn",
	{"Progressing", "Failed"}:           "rolled back",
	{"Progressing", "Terminating"}:      "canary deleted, revertOnDeletion",
	{"WaitingPromotion", "Progressing"}: "newer revision, or more steps",
	{"WaitingPromotion", "Promoting"}:   "confirm-promotion opens",
	{"WaitingPromotion", "Failed"}:      "rolled back",
	{"Promoting", "Progressing"}:        "newer revision",
	{"Promoting", "Finalising"}:         "all users on the new primary",
	{"Promoting", "Failed"}:             "primary stuck",
	{"Finalising", "Succeeded"}:         "drained, target stopped",
	{"Succeeded", "Progressing"}:        "new revision",
	{"Succeeded", "Terminating"}:        "canary deleted, revertOnDeletion",
	{"Failed", "Waiting"}:               "new revision, confirm-rollout closed",
	{"Failed", "Progressing"}:           "new revision",
	{"Terminating", gone}:               "target serves all users, released, drained",
}

// A trace tells the phase that every decision leaves, where a story takes over from Flagger, and the canary's end.
var (
	phaseLeft = regexp.MustCompile(` state {2}([A-Z][A-Za-z]+) `)
	takenOver = regexp.MustCompile(` given {2}Flagger left phase ([A-Z][A-Za-z]+)`)
	letGo     = " does   let the canary go"
)

// edges reads which phase follows which in the stories that the core is tested with.
func edges(t *testing.T) map[edge]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(testkit.Root(), "internal", "rollout", "testdata", "traces", "*.golden"))
	if err != nil || len(files) == 0 {
		t.Fatalf("found no traces: %v", err)
	}
	seen := map[edge]bool{}
	for _, file := range files {
		phase := ""
		for line := range strings.Lines(read(t, file)) {
			switch took, left := takenOver.FindStringSubmatch(line), phaseLeft.FindStringSubmatch(line); {
			case took != nil:
				phase = took[1]
			case left != nil && left[1] != phase:
				seen[edge{phase, left[1]}] = true
				phase = left[1]
			case strings.Contains(line, letGo) && phase == "Terminating":
				seen[edge{phase, gone}] = true
			}
		}
	}
	return seen
}

// picture draws the edges as a mermaid diagram.
func picture(t *testing.T) string {
	t.Helper()
	seen := edges(t)
	var text strings.Builder
	text.WriteString("```mermaid\nstateDiagram-v2\n")
	order := slices.SortedFunc(maps.Keys(seen), func(a, b edge) int {
		return cmp.Or(cmp.Compare(rank(a.from), rank(b.from)), cmp.Compare(rank(a.to), rank(b.to)))
	})
	for _, e := range order {
		cause, known := causes[e]
		if !known {
			t.Errorf("the core goes from %q to %q, for which causes has no words", e.from, e.to)
		}
		_, _ = fmt.Fprintf(&text, "    %s --> %s: %s\n", drawn(e.from), drawn(e.to), cause)
	}
	for e := range causes {
		if !seen[e] {
			t.Errorf("causes knows %q to %q, which the core never goes", e.from, e.to)
		}
	}
	return text.String() + "```\n"
}

// life are the phases in the order of a rollout.
var life = []string{
	"", "Initializing", "Initialized", "Waiting", "Progressing", "WaitingPromotion", "Promoting", "Finalising",
	"Succeeded", "Failed", "Terminating", gone,
}

func rank(phase string) int { return slices.Index(life, phase) }

func drawn(phase string) string {
	if phase == "" || phase == gone {
		return "[*]"
	}
	return phase
}

var phases = regexp.MustCompile(`(?s)(<!-- phases: [^\n]*-->\n).*?(<!-- /phases -->\n)`)

// The picture of the phases is what the core does.
func TestPhases(t *testing.T) {
	page := filepath.Join(testkit.Root(), "docs", "how-it-works.md")
	want := phases.ReplaceAllString(read(t, page), "${1}"+strings.ReplaceAll(picture(t), "$", "$$")+"${2}")
	if !phases.MatchString(want) {
		t.Fatal("the page has no place for the picture")
	}
	generated(t, page, want)
}
