//go:build linux

package main

import (
	"strings"
	"time"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/fleet"
)

// badSuffix is the end of the tags of bad images.
const badSuffix = "-bad"

// content is what a workload is to run.
type content struct{ tag, config string }

// first is what targets begin with.
var first = content{tag: fleet.FirstTag, config: fleet.FirstConfig}

func (c content) bad() bool { return strings.HasSuffix(c.tag, badSuffix) }

func (c content) String() string { return c.tag + "+" + c.config }

// push is a change of a target. Its time is before the request that makes it.
type push struct {
	at      time.Time
	content content
}

// moment is what is known of a canary from a time on.
type moment struct {
	at       time.Time
	phase    v1beta1.CanaryPhase
	applied  string  // the revision that the status names
	promoted string  // the one that it says the primary serves
	revision string  // the target's
	primary  content // of the primary; empty until it is there
}

// history is what was pushed to a canary and seen of it, both in order of time.
type history struct {
	pushes  []push
	moments []moment
}

// rests tells whether nothing is under way.
func (m moment) rests() bool {
	switch m.phase {
	case v1beta1.PhaseInitialized, v1beta1.PhaseSucceeded, v1beta1.PhaseFailed:
		return true
	default:
		return false
	}
}

// settled tells whether a release has come to its end: a good one serves, a bad one does not. A canary whose target goes
// back to what the primary has, after another has failed, stays in phase Failed.
func (m moment) settled(c content) bool {
	if !m.rests() || m.applied != m.revision {
		return false
	}
	if c.bad() {
		return m.phase == v1beta1.PhaseFailed && m.promoted != m.applied
	}
	return m.promoted == m.applied && m.primary == c
}

// when returns the moment that lasts at a time; the zero moment before the first.
func (h history) when(at time.Time) moment {
	last := moment{}
	for _, m := range h.moments {
		if m.at.After(at) {
			break
		}
		last = m
	}
	return last
}

// since returns when the phase of a time began.
func (h history) since(at time.Time) time.Time {
	begun := time.Time{}
	var phase v1beta1.CanaryPhase
	for _, m := range h.moments {
		if m.at.After(at) {
			break
		}
		if m.phase != phase {
			begun, phase = m.at, m.phase
		}
	}
	return begun
}

// last is the content that was pushed last.
func (h history) last() content {
	if len(h.pushes) == 0 {
		return content{}
	}
	return h.pushes[len(h.pushes)-1].content
}

// until returns when the next push after i was made, or now if there is none.
func (h history) until(i int, now time.Time) time.Time {
	if i+1 < len(h.pushes) {
		return h.pushes[i+1].at
	}
	return now
}
