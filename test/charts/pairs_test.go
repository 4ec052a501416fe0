package charts

import (
	"slices"
	"testing"
)

// choice is something that users set in one of several ways; a way is a value, or several with commas, or nothing.
type choice []string

// pair is a way of one choice and a way of another.
type pair struct{ choice, way, other, otherWay int }

// table grows by rows that together hold each way of each choice beside each way of each other one. Two by two
// covers most of what breaks in combination: D. R. Kuhn, D. R. Wallace, A. M. Gallo, "Software Fault Interactions and
// Implications for Software Testing", IEEE TSE 30(6), 2004.
type table struct {
	choices []choice
	missing map[pair]bool // each pair both ways around
}

func newTable(choices []choice) table {
	missing := map[pair]bool{}
	for i, first := range choices {
		for j, second := range choices {
			for a := range first {
				for b := range second {
					if i != j {
						missing[pair{i, a, j, b}] = true
					}
				}
			}
		}
	}
	return table{choices, missing}
}

// row takes for one choice after the other the way that is in most pairs that are missing: first of all with the ways
// taken before, so that a row covers one at least.
func (t table) row() []int {
	row := make([]int, 0, len(t.choices))
	for k := range t.choices {
		best, most := 0, -1
		for way := range t.choices[k] {
			score := 0
			for p := range t.missing {
				switch {
				case p.choice != k || p.way != way:
				case p.other > k:
					score++
				case row[p.other] == p.otherWay:
					score += len(t.missing)
				}
			}
			if score > most {
				best, most = way, score
			}
		}
		row = append(row, best)
	}
	return row
}

// pairwise returns the rows, each as the values to set.
func pairwise(choices []choice) [][]string {
	t := newTable(choices)
	var rows [][]string
	for len(t.missing) > 0 {
		var values []string
		row := t.row()
		for i, way := range row {
			if choices[i][way] != "" {
				values = append(values, choices[i][way])
			}
			for j := range row {
				delete(t.missing, pair{i, way, j, row[j]})
			}
		}
		rows = append(rows, values)
	}
	return rows
}

func TestPairwiseHoldsEveryPair(t *testing.T) {
	choices := []choice{{"a=1", "a=2", "a=3"}, {"b=1", "b=2"}, {"", "c=2"}, {"d=1", "d=2"}}
	rows := pairwise(choices)
	if all := 3 * 2 * 2 * 2; len(rows) >= all {
		t.Errorf("%d rows, no fewer than all %d combinations", len(rows), all)
	}
	for i, first := range choices {
		for _, second := range choices[:i] {
			for _, a := range first {
				for _, b := range second {
					beside := func(row []string) bool { return has(row, a, first) && has(row, b, second) }
					if !slices.ContainsFunc(rows, beside) {
						t.Errorf("no row holds %q beside %q: %v", a, b, rows)
					}
				}
			}
		}
	}
}

// has tells whether a row takes this way of a choice; the empty way is taken where no other is.
func has(row []string, way string, of choice) bool {
	if way != "" {
		return slices.Contains(row, way)
	}
	return !slices.ContainsFunc(of, func(other string) bool { return slices.Contains(row, other) })
}
