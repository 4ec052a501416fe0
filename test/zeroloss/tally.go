//go:build linux

package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"flagger.app/flagger/test/lab/load"
)

// tally is what came of all requests. Its methods may be called from any goroutine. Its zero value is empty.
type tally struct {
	mutex sync.Mutex
	rows  []row
}

// row is what came of the requests of one transition of one provider, in all passes.
type row struct {
	provider, transition, release string
	counts                        load.Counts
}

// add counts the requests of a transition, in which release was new.
func (t *tally) add(provider, transition, release string, counts load.Counts) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	at := slices.IndexFunc(t.rows, func(r row) bool { return r.provider == provider && r.transition == transition })
	if at < 0 {
		at = len(t.rows)
		t.rows = append(t.rows, row{provider: provider, transition: transition, release: release})
	}
	t.rows[at].counts = sum(t.rows[at].counts, counts)
}

// total is what came of all of them.
func (t *tally) total() load.Counts {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	var total load.Counts
	for _, r := range t.rows {
		total = sum(total, r.counts)
	}
	return total
}

// String is a table with a line per transition, by provider.
func (t *tally) String() string {
	total := t.total()
	t.mutex.Lock()
	defer t.mutex.Unlock()
	rows := slices.Clone(t.rows)
	slices.SortStableFunc(rows, func(a, b row) int { return strings.Compare(a.provider, b.provider) })
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	write := func(r row) {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%s\t%s\n",
			r.provider, r.transition, r.counts.Done, r.counts.Platform, r.counts.App, r.share(), strings.TrimSpace(causes(r.counts)))
	}
	_, _ = fmt.Fprintln(table, "provider\ttransition\trequests\tlost\tfailed by the app\tnew release\t")
	for _, r := range rows {
		write(r)
	}
	write(row{provider: "all", counts: total})
	_ = table.Flush() // into memory
	return strings.TrimRight(text.String(), "\n")
}

// share is how much of the traffic the new release got, over the whole transition.
func (r row) share() string {
	if r.release == "" || r.counts.Done == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(r.counts.Of(r.release))/float64(r.counts.Done))
}

// causes tells why requests were lost: without an answer, or with which status of whom; nothing where none was.
func causes(counts load.Counts) string {
	if counts.Platform == 0 {
		return ""
	}
	var all []string
	for cause, n := range counts.Broken {
		all = append(all, fmt.Sprintf("%s: %d", cause, n))
	}
	for version, statuses := range counts.Versions {
		for status, n := range statuses {
			if status >= http.StatusBadRequest && (version == "" || status != http.StatusInternalServerError) {
				all = append(all, fmt.Sprintf("status %d: %d", status, n))
			}
		}
	}
	slices.Sort(all)
	return " (" + strings.Join(all, ", ") + ")"
}
