//go:build linux

package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/api/v1beta1"
)

// at is a time, so many seconds after the beginning.
func at(second int) time.Time { return time.Date(2026, 1, 1, 0, 0, second, 0, time.UTC) }

// Contents, of which each but the first replaces the one before.
var (
	second = content{tag: "1.0.1", config: "blue"}
	broken = content{tag: "1.0.2-bad", config: "blue"}
	third  = content{tag: "1.0.3", config: "blue"}
	edited = content{tag: "1.0.3", config: "green"}
)

// seen is a moment in which target and status have the same revision, as that of the tag.
func seen(at time.Time, phase v1beta1.CanaryPhase, target, primary content) moment {
	return moment{at: at, phase: phase, applied: target.tag, promoted: primary.tag, revision: target.tag, primary: primary}
}

// begun is the history of a canary that is initialised, and gets c at second 10.
func begun(c content, moments ...moment) history {
	return history{
		pushes:  []push{{at(0), first}, {at(10), c}},
		moments: append([]moment{seen(at(5), v1beta1.PhaseInitialized, first, first)}, moments...),
	}
}

// then adds a push.
func (h history) then(second int, c content) history {
	h.pushes = append(h.pushes, push{at(second), c})
	return h
}

func TestCheck(t *testing.T) {
	const initialized, progressing, succeeded, failed = v1beta1.PhaseInitialized, v1beta1.PhaseProgressing, v1beta1.PhaseSucceeded, v1beta1.PhaseFailed
	unnoticed := seen(at(11), initialized, first, first)
	unnoticed.revision = second.tag
	stale := seen(at(30), succeeded, second, second)
	stale.revision = third.tag
	halfway := seen(at(30), succeeded, edited, content{tag: edited.tag, config: "blue"})
	cases := map[string]struct {
		reason  string
		history history
		now     int
		want    []string // kinds
	}{
		"Promoted": {
			reason:  "A release that serves within the bound is what is wanted.",
			history: begun(second, seen(at(12), progressing, second, first), seen(at(50), succeeded, second, second)), now: 200,
		},
		"RolledBack": {
			reason:  "So is a bad one that has failed.",
			history: begun(broken, seen(at(12), progressing, broken, first), seen(at(50), failed, broken, first)), now: 200,
		},
		"UnderWay": {
			reason:  "Before the bound is over nothing is late.",
			history: begun(second, seen(at(12), progressing, second, first)), now: 70,
		},
		"Superseded": {
			reason: "What is replaced within the bound need not end.",
			history: begun(second, seen(at(12), progressing, second, first), seen(at(60), progressing, third, first),
				seen(at(100), succeeded, third, third)).then(58, third), now: 200,
		},
		"TakenBack": {
			reason:  "What is taken back leaves the canary as it was.",
			history: begun(second, seen(at(12), progressing, second, first), seen(at(40), succeeded, first, first)).then(30, first), now: 200,
		},
		"TakenBackAfterFailure": {
			reason: "So does what is taken back after it has failed.",
			history: begun(broken, seen(at(12), progressing, broken, first), seen(at(50), failed, broken, first),
				seen(at(61), failed, first, first)).then(60, first), now: 200,
		},
		"Lost": {
			reason:  "A revision that is never noticed is lost.",
			history: begun(second, unnoticed), now: 200, want: []string{"lost"},
		},
		"LostBehindAnother": {
			reason:  "A canary that rests with another revision has lost the last.",
			history: begun(second, seen(at(12), progressing, second, first), stale).then(25, third), now: 200, want: []string{"lost"},
		},
		"LostConfig": {
			reason:  "A revision is its configs, too.",
			history: begun(third, seen(at(20), succeeded, third, third), halfway).then(25, edited), now: 200, want: []string{"lost"},
		},
		"LostBefore": {
			reason: "What came too late did not come in time.",
			history: begun(second, unnoticed, seen(at(80), progressing, second, first), seen(at(99), succeeded, second, second)).
				then(120, second), now: 200, want: []string{"lost"},
		},
		"Failed": {
			reason:  "A good release that fails is lost.",
			history: begun(second, seen(at(12), progressing, second, first), seen(at(40), failed, second, first)), now: 200, want: []string{"lost"},
		},
		"Stuck": {
			reason:  "A run does not take longer than the bound.",
			history: begun(second, seen(at(12), progressing, second, first)), now: 200, want: []string{"stuck"},
		},
		"Bad": {
			reason:  "A bad image that becomes the primary's has hit users.",
			history: begun(broken, seen(at(12), progressing, broken, first), seen(at(40), succeeded, broken, broken)), now: 200, want: []string{"bad", "lost"},
		},
		"Stale": {
			reason: "What the target has not had for a while is not promoted any more.",
			history: begun(second, seen(at(12), progressing, second, first), seen(at(50), progressing, third, second),
				seen(at(60), succeeded, third, third)).then(20, third), now: 200, want: []string{"stale"},
		},
		"JustReplaced": {
			reason: "A write may be under way while the target changes.",
			history: begun(second, seen(at(12), progressing, second, first), seen(at(25), progressing, third, second),
				seen(at(60), succeeded, third, third)).then(20, third), now: 200,
		},
		"Hasty": {
			reason:  "What is promoted at once was not analysed.",
			history: begun(second, seen(at(17), succeeded, second, second)), now: 200, want: []string{"hasty"},
		},
		"HastyConfig": {
			reason: "Nor was a config.",
			history: begun(third, seen(at(40), succeeded, third, third), seen(at(52), succeeded, edited, edited)).
				then(50, edited), now: 200, want: []string{"hasty"},
		},
		"Mixed": {
			reason: "A primary that outlives a bad release has what it had.",
			history: begun(broken, seen(at(12), progressing, broken, first),
				seen(at(50), failed, broken, content{tag: first.tag, config: "green"})), now: 200, want: []string{"mixed", "stale"},
		},
		"Unbidden": {
			reason: "Without a release there is no run.",
			history: begun(second, seen(at(12), progressing, second, first), seen(at(40), succeeded, second, second),
				seen(at(90), progressing, second, second), seen(at(99), succeeded, second, second)), now: 200, want: []string{"unbidden"},
		},
		"LateNews": {
			reason: "Late news of a release that was taken back may start a run.",
			history: begun(second, seen(at(13), progressing, first, first), seen(at(20), succeeded, first, first)).
				then(11, first), now: 200,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			found := map[string]bool{}
			for _, f := range tc.history.check(at(tc.now), limits{steps: 8 * time.Second, bound: time.Minute, grace: 10 * time.Second}) {
				found[f.Kind] = true
			}
			want := map[string]bool{}
			for _, kind := range tc.want {
				want[kind] = true
			}
			if diff := cmp.Diff(want, found); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestEnds(t *testing.T) {
	h := begun(second, seen(at(12), v1beta1.PhaseProgressing, second, first), seen(at(40), v1beta1.PhaseProgressing, broken, first),
		seen(at(60), v1beta1.PhaseFailed, broken, first), seen(at(75), v1beta1.PhaseSucceeded, third, third)).
		then(30, broken).then(70, third).then(80, edited)
	end, took := h.ends(at(90))
	if diff := cmp.Diff(End{Promoted: 1, RolledBack: 1, Superseded: 2}, end); diff != "" {
		t.Errorf("what has not settled yet counts as superseded (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]time.Duration{30 * time.Second, 5 * time.Second}, took); diff != "" {
		t.Errorf("times count from the push (-want +got):\n%s", diff)
	}
}
