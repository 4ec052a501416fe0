//go:build linux

package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// row is one line of the table for one operator.
type row struct {
	name  string // unique
	value float64
	form  string // of the value, for fmt
}

const (
	seconds  = "%.2f s"
	millis   = "%.3f s"
	number   = "%.1f"
	whole    = "%.0f"
	megabyte = "%.1f MB"
)

// table prints results side by side, a line per figure. Where there are two, a column has the second in relation to the
// first.
func table(results []Result) string {
	columns := make([]map[string]row, len(results))
	var order []string
	for i, r := range results {
		columns[i] = map[string]row{}
		at := 0
		for _, line := range rows(r) {
			columns[i][line.name] = line
			if found := slices.Index(order, line.name); found >= 0 {
				at = found + 1
				continue
			}
			order = slices.Insert(order, at, line.name) // after the line that precedes it here
			at++
		}
	}
	var text strings.Builder
	text.WriteString(head(results))
	for _, name := range order {
		fmt.Fprintf(&text, "%-44s", name)
		for _, column := range columns {
			fmt.Fprintf(&text, " %20s", column[name].String())
		}
		if len(columns) == 2 {
			fmt.Fprintf(&text, " %10s", ratio(columns[0][name], columns[1][name]))
		}
		text.WriteString("\n")
	}
	for _, r := range results {
		if r.Rollouts != nil {
			fmt.Fprintf(&text, "\n%s: rollouts were limited by %s\n", abridged(r.Operator), limit(r.Rollouts.Cost, r.Cores))
		}
	}
	return text.String()
}

// limit tells who had the machine in a phase. A machine is taken as exhausted from nine tenths on.
func limit(c Cost, cores int) string {
	busy, operator := c.Machine/c.Window, c.CPU/c.Window
	switch {
	case busy < 0.9*float64(cores):
		return fmt.Sprintf("no lack of CPU time: %.1f of %d cores were busy, %.2f by the operator", busy, cores, operator)
	case operator > busy/2:
		return fmt.Sprintf("the operator, with %.2f of %.1f busy cores", operator, busy)
	default:
		return fmt.Sprintf("the lab and whatever else ran: %.1f of %d cores were busy, %.2f by the operator", busy, cores, operator)
	}
}

// head names the operators.
func head(results []Result) string {
	var text strings.Builder
	if len(results) > 0 {
		r := results[0]
		fmt.Fprintf(&text, "canaries %d, pods per target %d, steps %d, interval %g s, gateway %s, cores %d\n\n",
			r.Canaries, r.Replicas, r.Steps, r.Interval, r.Gateway, r.Cores)
	}
	fmt.Fprintf(&text, "%-44s", "")
	for _, r := range results {
		fmt.Fprintf(&text, " %20s", abridged(r.Operator))
	}
	if len(results) == 2 {
		fmt.Fprintf(&text, " %10s", "2nd / 1st")
	}
	return text.String() + "\n"
}

// abridged is the end of a path.
func abridged(path string) string {
	name := filepath.Join(filepath.Base(filepath.Dir(path)), filepath.Base(path))
	return name[max(0, len(name)-20):]
}

// String is empty for a figure that was not measured.
func (r row) String() string {
	if r.form == "" {
		return ""
	}
	return fmt.Sprintf(r.form, r.value)
}

func ratio(first, second row) string {
	if first.form == "" || second.form == "" || first.value == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", second.value/first.value)
}

// rows are the lines for one operator.
func rows(r Result) []row {
	var all []row
	if i := r.Initialise; i != nil {
		all = append(all, row{"initialise: all after", i.Seconds, seconds})
		all = append(all, effort("initialise", i.Cost, r.Canaries)...)
	}
	if i := r.Idle; i != nil {
		all = append(all, idling(i.Cost)...)
	}
	if i := r.Reaction; i != nil {
		all = append(all, spread("reaction", i.Reaction)...)
		all = append(all, row{"reaction: rollouts took, p50", i.Took.P50, seconds}, row{"reaction: rollouts failed", float64(i.Failed), whole})
	}
	if i := r.Rollouts; i != nil {
		all = append(all, rolling(*i, r.Canaries)...)
	}
	if i := r.Restart; i != nil {
		all = append(all,
			row{"restart: first change noticed", i.First, seconds},
			row{"restart: all changes noticed", i.All, seconds})
		all = append(all, effort("restart", i.Cost, r.Canaries)...)
	}
	return all
}

func idling(c Cost) []row {
	all := []row{
		{"idle: API requests per second", float64(c.Requests) / c.Window, "%.2f"},
		{"idle: of the lease, per second", float64(c.Leases) / c.Window, "%.2f"},
		{"idle: watches opened", float64(c.Watches), whole},
		{"idle: CPU per minute", c.CPU / c.Window * 60, seconds},
		{"idle: RSS", float64(c.RSS) / 1e6, megabyte},
	}
	return append(all, kinds("idle", c, 1)...)
}

func rolling(r Rollouts, canaries int) []row {
	all := []row{
		{"rollouts: all changes made after", r.Changed, seconds},
		{"rollouts: last done after", r.LastDone, seconds},
		{"rollouts: steps times interval", r.Least, seconds},
		{"rollouts: failed", float64(r.Failed), whole},
	}
	all = append(all, spread("rollouts: reaction", r.Reaction)...)
	all = append(all, spread("rollouts: tick late", r.Lateness)...)
	all = append(all, spread("rollouts:   with a step", r.StepLateness)...)
	all = append(all, spread("rollouts:   with a promotion", r.PromotionLateness)...)
	all = append(all, effort("rollouts", r.Cost, canaries)...)
	return append(all, row{"rollouts: queries each", float64(r.Cost.Queries) / float64(canaries), number})
}

// effort are the lines of a phase's cost; requests are per canary.
func effort(phase string, c Cost, canaries int) []row {
	all := []row{
		{phase + ": CPU", c.CPU, seconds},
		{phase + ": RSS, peak", float64(c.Peak) / 1e6, megabyte},
		{phase + ": cores busy", c.Machine / c.Window, "%.2f"},
		{phase + ":   by the operator", c.CPU / c.Window, "%.2f"},
		{phase + ":   by the measuring", c.Bench / c.Window, "%.2f"},
		{phase + ": API requests per canary", float64(c.Requests) / float64(canaries), number},
	}
	all = append(all, spread(phase+": API server answers after", c.Answers)...)
	return append(all, kinds(phase, c, canaries)...)
}

// kinds are the requests by verb and resource, the most frequent first.
func kinds(phase string, c Cost, canaries int) []row {
	var all []row
	for kind, n := range c.Kinds {
		all = append(all, row{phase + ":   " + kind, float64(n) / float64(canaries), "%.2f"})
	}
	slices.SortFunc(all, func(a, b row) int {
		if a.value != b.value {
			return int(b.value*1e6) - int(a.value*1e6)
		}
		return strings.Compare(a.name, b.name)
	})
	return all
}

func spread(name string, s Spread) []row {
	return []row{{name + ", p50", s.P50, millis}, {name + ", p99", s.P99, millis}, {name + ", max", s.Max, millis}}
}
