//go:build linux

package story_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/lab/load"
	"flagger.app/flagger/test/story"
)

// moment is one in a phase, at a weight, after old and fresh answers of the two versions.
func moment(phase v1beta1.CanaryPhase, weight, old, fresh int) story.Moment {
	return story.Moment{
		Status: v1beta1.CanaryStatus{Phase: phase, CanaryWeight: weight},
		Weight: weight,
		Load: load.Counts{
			Sent: old + fresh, Done: old + fresh,
			Versions: map[string]map[int]int{"old": {200: old}, "fresh": {200: fresh}},
		},
	}
}

func TestShares(t *testing.T) {
	const progressing, promoting = v1beta1.PhaseProgressing, v1beta1.PhasePromoting
	tests := map[string]struct {
		reason  string
		moments []story.Moment
		want    []story.Share
	}{
		"Steps": {
			reason: "A step counts the requests between the moment that it is seen and the next change.",
			moments: []story.Moment{
				moment(progressing, 0, 50, 0), moment(progressing, 25, 100, 0), moment(progressing, 25, 130, 10),
				moment(progressing, 50, 175, 25), moment(promoting, 50, 225, 75), moment(promoting, 50, 225, 475),
			},
			want: []story.Share{{Weight: 25, Requests: 100, Answered: 25}, {Weight: 50, Requests: 100, Answered: 50}},
		},
		"Promoting": {
			reason:  "While the primary rolls, both sides answer with the new version: that says nothing about weights.",
			moments: []story.Moment{moment(promoting, 50, 0, 0), moment(promoting, 50, 0, 100), moment(v1beta1.PhaseFinalising, 0, 0, 200)},
		},
		"Unfinished": {
			reason:  "A step without an end has not been measured.",
			moments: []story.Moment{moment(progressing, 25, 0, 0), moment(progressing, 25, 75, 25)},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, story.Shares(test.moments, "fresh")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
		})
	}
}

func TestPercent(t *testing.T) {
	if got := (story.Share{Requests: 200, Answered: 50}).Percent(); got != 25 {
		t.Errorf("50 of 200 are %v %%, want 25", got)
	}
	if got := (story.Share{}).Percent(); got != 0 {
		t.Errorf("none of none is %v %%, want 0", got)
	}
}

func TestSuccessRate(t *testing.T) {
	if got := story.SuccessRate(load.Counts{Done: 100, App: 15, Platform: 5}); got != 80 {
		t.Errorf("got %v %%, want 80: it does not matter whose failure it was", got)
	}
	if got := story.SuccessRate(load.Counts{}); got != 100 {
		t.Errorf("got %v %%, want 100: nothing has failed", got)
	}
}

// first returns the index of the first phase at which wanted is true, or -1.
func first(wanted func(story.Moment) bool, phases ...v1beta1.CanaryPhase) int {
	for i, phase := range phases {
		if wanted(story.Moment{Status: v1beta1.CanaryStatus{Phase: phase}}) {
			return i
		}
	}
	return -1
}

func TestRunIsTheNextOne(t *testing.T) {
	const succeeded, progressing, failed = v1beta1.PhaseSucceeded, v1beta1.PhaseProgressing, v1beta1.PhaseFailed
	if got := first(story.Run(succeeded), succeeded, succeeded, progressing, succeeded); got != 3 {
		t.Errorf("ended at %d, want 3: the phase of the run before is not the end of this one", got)
	}
	if got := first(story.Run(succeeded), progressing, failed); got != -1 {
		t.Errorf("ended at %d, want never: it failed", got)
	}
	if got := first(story.Run(succeeded, failed), succeeded, progressing, failed); got != 2 {
		t.Errorf("ended at %d, want 2: either end is one", got)
	}
}

func TestStopped(t *testing.T) {
	wanted := story.Stopped()
	var seen []bool
	for _, replicas := range []int32{0, 2, 2, 0} {
		seen = append(seen, wanted(story.Moment{Target: story.Replicas{Wanted: replicas}}))
	}
	if diff := cmp.Diff([]bool{false, false, false, true}, seen); diff != "" {
		t.Errorf("only pods that ran can be stopped (-want +got):\n%s", diff)
	}
}

func TestEventsAmongMoments(t *testing.T) {
	said := &story.Saying{Type: "Normal", Message: "Advance podinfo.demo canary weight 25", Reason: "WeightAdvanced"}
	moments := []story.Moment{moment("", 0, 0, 0), {Said: said}, moment("", 25, 0, 0)}
	if diff := cmp.Diff([]story.Saying{*said}, story.Sayings(moments)); diff != "" {
		t.Errorf("sayings (-want +got):\n%s", diff)
	}
	if heard := story.Heard("Advance podinfo.demo"); heard(moments[0]) || !heard(moments[1]) {
		t.Error("a message is heard by how it begins, and silence is not heard")
	}
	weights := story.Values(moments, func(m story.Moment) int { return m.Weight })
	if diff := cmp.Diff([]int{0, 25}, weights); diff != "" {
		t.Errorf("weights (-want +got):\n%s", diff)
	}
}

func TestNarrateTellsDifferencesAlone(t *testing.T) {
	begun := time.Unix(0, 0)
	one := moment(v1beta1.PhaseProgressing, 25, 0, 0)
	one.At = begun.Add(time.Second)
	same := one
	same.Said = &story.Saying{Type: "Warning", Reason: "NotReady", Message: "podinfo.demo not ready"}
	got := strings.Split(strings.TrimSuffix(story.Narrate([]story.Moment{one, one, same}, begun), "\n"), "\n")
	want := []string{
		"   1.000  Progressing    status  25, route  25, target 0, primary 0 (revision )",
		"   1.000  Warning NotReady: podinfo.demo not ready",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("narration (-want +got):\n%s", diff)
	}
}
