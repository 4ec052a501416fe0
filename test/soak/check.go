//go:build linux

package main

import (
	"fmt"
	"slices"
	"time"
)

// limits say how long things may take.
type limits struct {
	steps time.Duration // from a push to its promotion, at least
	bound time.Duration // from a push to the end of its run, at most
	grace time.Duration // in which what a target had may still count: faults keep news and writes back
}

// Finding is something that must not be.
type Finding struct {
	Kind   string    `json:"kind"`
	Canary string    `json:"canary,omitempty"`
	At     time.Time `json:"at"`
	Text   string    `json:"text"`
}

func (f Finding) String() string {
	return fmt.Sprintf("%s %s %s: %s", f.At.Format(time.TimeOnly), f.Kind, f.Canary, f.Text)
}

// check returns what is wrong with a history up to now, in order of time.
func (h history) check(now time.Time, l limits) []Finding {
	findings := slices.Concat(h.overdue(now, l.bound), h.unbidden(l.grace), h.primaries(l.grace), h.hasty(l.steps))
	slices.SortStableFunc(findings, func(a, b Finding) int { return a.At.Compare(b.At) })
	return findings
}

// overdue finds the pushes that nobody replaced within the bound and that were not settled by then. The first does not
// count, which made the canary.
func (h history) overdue(now time.Time, bound time.Duration) []Finding {
	var findings []Finding
	for i := 1; i < len(h.pushes); i++ {
		p := h.pushes[i]
		due := p.at.Add(bound)
		if !due.Before(h.until(i, now)) {
			continue
		}
		m := h.when(due)
		if m.settled(p.content) {
			continue
		}
		kind := "stuck"
		if m.rests() {
			kind = "lost"
		}
		findings = append(findings, Finding{Kind: kind, At: due, Text: fmt.Sprintf(
			"%s, pushed at %s, is not settled after %s: phase %s since %s, applied %s, promoted %s, target %s, primary %s",
			p.content, p.at.Format(time.TimeOnly), bound, m.phase, h.since(due).Format(time.TimeOnly),
			m.applied, m.promoted, m.revision, m.primary)})
	}
	return findings
}

// unbidden finds the runs that began though what the target has had for longer than grace was settled.
func (h history) unbidden(grace time.Duration) []Finding {
	var findings []Finding
	for i := 1; i < len(h.moments); i++ {
		before, m := h.moments[i-1], h.moments[i]
		recent := h.recent(m.at, grace)
		if len(recent) == 1 && before.settled(recent[0]) && !m.rests() {
			findings = append(findings, Finding{Kind: "unbidden", At: m.at, Text: fmt.Sprintf(
				"phase %s while %s was settled", m.phase, recent[0])})
		}
	}
	return findings
}

// pushed returns the pushes up to a time.
func (h history) pushed(at time.Time) []push {
	n := 0
	for n < len(h.pushes) && !h.pushes[n].at.After(at) {
		n++
	}
	return h.pushes[:n]
}

// primaries finds the primaries that run what they must not: bad images, what the target has not had for longer than
// grace, and at rest image and config that were never pushed together.
func (h history) primaries(grace time.Duration) []Finding {
	var findings []Finding
	var before moment
	for _, m := range h.moments {
		if m.primary.bad() && !before.primary.bad() {
			findings = append(findings, Finding{Kind: "bad", At: m.at, Text: m.primary.tag + " is the primary's"})
		}
		recent := h.recent(m.at, grace)
		tagged := func(c content) bool { return c.tag == m.primary.tag }
		configured := func(c content) bool { return c.config == m.primary.config }
		if before.primary.tag != m.primary.tag && !slices.ContainsFunc(recent, tagged) ||
			before.primary.config != m.primary.config && !slices.ContainsFunc(recent, configured) {
			findings = append(findings, Finding{Kind: "stale", At: m.at, Text: fmt.Sprintf(
				"the primary goes from %s to %s, which the target has not had for %s", before.primary, m.primary, grace)})
		}
		if m.rests() && m.settled(h.contentAt(m.at)) && !h.had(m.primary) {
			findings = append(findings, Finding{Kind: "mixed", At: m.at, Text: fmt.Sprintf("the primary has %s, which was never pushed", m.primary)})
		}
		before = m
	}
	return findings
}

// hasty finds the images and configs that became the primary's sooner than their analysis takes. What it had before needs
// none.
func (h history) hasty(steps time.Duration) []Finding {
	var findings []Finding
	for _, part := range []func(content) string{func(c content) string { return c.tag }, func(c content) string { return c.config }} {
		had := map[string]bool{"": true, part(first): true}
		for _, m := range h.moments {
			value := part(m.primary)
			if had[value] {
				continue
			}
			had[value] = true
			i := slices.IndexFunc(h.pushes, func(p push) bool { return part(p.content) == value })
			if i >= 0 && m.at.Sub(h.pushes[i].at) < steps {
				findings = append(findings, Finding{Kind: "hasty", At: m.at, Text: fmt.Sprintf(
					"%s is the primary's %s after it was pushed", value, m.at.Sub(h.pushes[i].at))})
			}
		}
	}
	return findings
}

// recent are the contents of the target in the time before at, as long as grace.
func (h history) recent(at time.Time, grace time.Duration) []content {
	var recent []content
	for i, p := range h.pushes {
		if !p.at.After(at) && !h.until(i, at).Before(at.Add(-grace)) {
			recent = append(recent, p.content)
		}
	}
	return recent
}

// contentAt is what the target has at a time.
func (h history) contentAt(at time.Time) content { return history{pushes: h.pushed(at)}.last() }

// had tells whether a content was pushed.
func (h history) had(c content) bool {
	return slices.ContainsFunc(h.pushes, func(p push) bool { return p.content == c })
}

// End is how releases ended. A release that was replaced before it had settled is superseded.
type End struct {
	Promoted   int `json:"promoted"`
	RolledBack int `json:"rolledBack"`
	Superseded int `json:"superseded"`
}

// ends counts how pushes ended, but for the first, which made the canary, and how long those took that settled.
func (h history) ends(now time.Time) (End, []time.Duration) {
	var end End
	var took []time.Duration
	for i := 1; i < len(h.pushes); i++ {
		p, until := h.pushes[i], h.until(i, now)
		settled := slices.IndexFunc(h.moments, func(m moment) bool {
			return !m.at.Before(p.at) && m.at.Before(until) && m.settled(p.content)
		})
		switch {
		case settled < 0:
			end.Superseded++
			continue
		case p.content.bad():
			end.RolledBack++
		default:
			end.Promoted++
		}
		took = append(took, h.moments[settled].at.Sub(p.at))
	}
	return end, took
}
