//go:build linux

package story

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/lab/load"
)

// Run returns a wanted function that is true once a run that it has seen in progress is in one of the phases.
func Run(phases ...v1beta1.CanaryPhase) func(Moment) bool {
	begun := false
	return func(m Moment) bool {
		begun = begun || m.Status.Phase == v1beta1.PhaseProgressing
		return begun && slices.Contains(phases, m.Status.Phase)
	}
}

// Stopped returns a wanted function that is true once the target, which it has seen with pods, is to have none.
func Stopped() func(Moment) bool {
	ran := false
	return func(m Moment) bool {
		ran = ran || m.Target.Wanted > 0
		return ran && m.Target.Wanted == 0
	}
}

// In is true of moments in phase.
func In(phase v1beta1.CanaryPhase) func(Moment) bool {
	return func(m Moment) bool { return m.Status.Phase == phase }
}

// Heard is true of an event whose message begins like this.
func Heard(beginning string) func(Moment) bool {
	return func(m Moment) bool { return m.Said != nil && strings.HasPrefix(m.Said.Message, beginning) }
}

// Values are what read returns for moments, without repetitions in a row.
func Values[T comparable](moments []Moment, read func(Moment) T) []T {
	var values []T
	for _, m := range moments {
		values = append(values, read(m))
	}
	return slices.Compact(values)
}

// Sayings are the events of moments.
func Sayings(moments []Moment) []Saying {
	var sayings []Saying
	for _, m := range moments {
		if m.Said != nil {
			sayings = append(sayings, *m.Said)
		}
	}
	return sayings
}

// Share is how much of the traffic a version got while the status named one weight.
type Share struct {
	Weight   int // of the canary in the status
	Requests int // that ended meanwhile
	Answered int // by the version
}

// Percent is the version's share of the requests.
func (s Share) Percent() float64 { return 100 * float64(s.Answered) / float64(max(s.Requests, 1)) }

// Shares are those of a version in each step of an analysis. A step lasts from the moment that its weight is seen in
// the status to the next change of weight or phase.
func Shares(moments []Moment, version string) []Share {
	var shares []Share
	var begun *Moment
	for i, m := range moments {
		if begun != nil && (m.Status.Phase != begun.Status.Phase || m.Status.CanaryWeight != begun.Status.CanaryWeight) {
			counts := m.Load.Since(begun.Load)
			shares = append(shares, Share{Weight: begun.Status.CanaryWeight, Requests: counts.Done, Answered: counts.Of(version)})
			begun = nil
		}
		if begun == nil && m.Status.Phase == v1beta1.PhaseProgressing && m.Status.CanaryWeight > 0 {
			begun = &moments[i]
		}
	}
	return shares
}

// SuccessRate is the percentage of requests that did not fail, whoever failed them; 100 where there was none.
func SuccessRate(c load.Counts) float64 {
	if c.Done == 0 {
		return 100
	}
	return 100 * float64(c.Done-c.App-c.Platform) / float64(c.Done)
}

// Narrate tells moments, a line per difference, with the time since begun.
func Narrate(moments []Moment, begun time.Time) string {
	var text strings.Builder
	before := ""
	for _, m := range moments {
		line := fmt.Sprintf("%-14s status %3d, route %3d, target %d, primary %d (revision %s)",
			m.Status.Phase, m.Status.CanaryWeight, m.Weight, m.Target.Wanted, m.Primary.Wanted, m.Primary.Revision)
		if m.Load.Platform > 0 {
			line += fmt.Sprintf(", %d failed by the platform", m.Load.Platform)
		}
		at := m.At.Sub(begun).Seconds()
		if line != before {
			fmt.Fprintf(&text, "%8.3f  %s\n", at, line)
			before = line
		}
		if m.Said != nil {
			fmt.Fprintf(&text, "%8.3f  %s %s: %s\n", at, m.Said.Type, m.Said.Reason, m.Said.Message)
		}
	}
	return text.String()
}
