package controller

import (
	"slices"
	"testing"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
)

func contains(lines []string, line string) bool { return slices.Contains(lines, line) }

// count is how many of the events read so.
func count(events []testkit.Event, plain func(string) string, line string) int {
	n := 0
	for _, event := range events {
		if plain(event.Type+" "+event.Annotations[reasonAnnotation]+" "+event.Message) == line {
			n++
		}
	}
	return n
}

func TestNewRevisionRestartsTheAnalysis(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(25, 50), testkit.Metric("errors"))
	w.push("app:2")
	w.untilWeight("25")
	w.push("app:3")
	w.until(v1beta1.PhaseSucceeded)
	w.rest()
	expect(t, "What was not analysed starts from nothing.", []string{"0", "25", "0", "25", "50", "0"}, w.seen.weights)
	expect(t, "Only what was analysed to its end is promoted.", []string{"app:1", "app:3"}, w.seen.primaries)
	if said := w.said(); !contains(said, "Normal Restarted New revision detected! Restarting analysis for web.ns") {
		t.Errorf("the restart is told: got %q", said)
	}
}

func TestRevertEndsTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(25, 50), testkit.Metric("errors"))
	w.push("app:2")
	w.untilWeight("25")
	w.said()
	w.push("app:1")
	w.until(v1beta1.PhaseSucceeded)
	w.rest()
	expect(t, "Users go back to the primary, which runs what they asked for.", history{
		weights: []string{"0", "25", "0"}, primaries: []string{"app:1"}, rolls: w.seen.rolls, replicas: []string{"0", "2", "0"},
	}, w.seen)
	expect(t, "No promotion is told of, for there was none.", []string{
		"Normal Cancelled Analysis cancelled! web.ns is back at the promoted revision",
	}, w.said())
	expect(t, "It counts as nothing.", nil, w.metric("flagger_canary_successes_total"))
	expect(t, "The canary is ready for the next.", "True Succeeded", w.summary().ready)
}

func TestFailedPromotionParksUsersUntilItHeals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(50), testkit.Metric("errors"))
	w.push("app:2")
	w.untilWeight("50")
	w.frozen, w.broken["app:2"] = "web", true // the target's pods are up already, new ones do not come
	w.until(v1beta1.PhasePromoting)
	w.said()
	w.until(v1beta1.PhaseFailed)
	const stuck = `web-primary.ns not ready: deployment "web-primary" exceeded its progress deadline`
	expect(t, "Who is to blame is told.", []string{
		"Warning NotReady " + stuck,
		"Warning PromotionFailed Promotion of web.ns failed, primary not ready: " + stuck,
	}, w.said())
	expect(t, "Users get what they were to get anyway, from the side that is healthy.", "100", last(w.seen.weights))
	expect(t, "Only the primary's health ends this.", "True PromotionFailed", w.summary().stalled)
	expect(t, "A failed promotion is a failure.", []string{
		`flagger_canary_failures_total{analysis_status="completed",deployment_strategy="canary",name="web",namespace="ns"} 1`,
	}, w.metric("flagger_canary_failures_total"))
	for range 5 {
		w.step()
	}
	expect(t, "The pods that serve everybody stay.", []string{"0", "2"}, w.seen.replicas)

	delete(w.broken, "app:2")
	w.frozen = ""
	w.untilSo("users are back on the primary", func() bool { return last(w.seen.weights) == "0" })
	w.rest()
	expect(t, "Once the primary can serve, users come back and the canary's pods go.", history{
		weights: []string{"0", "50", "100", "0"}, primaries: []string{"app:1", "app:2"}, rolls: w.seen.rolls, replicas: []string{"0", "2", "0"},
	}, w.seen)
}

func TestFixIsTakenUpWhileUsersAreParked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(50), testkit.Metric("errors"))
	w.push("app:2")
	w.untilWeight("50")
	w.frozen, w.broken["app:2"] = "web", true
	w.until(v1beta1.PhaseFailed)
	w.frozen = ""
	w.push("app:3")
	w.until(v1beta1.PhaseSucceeded)
	w.rest()
	expect(t, "A primary that is broken must not keep out the revision that heals it.", []string{"app:1", "app:2", "app:3"}, w.seen.primaries)
	expect(t, "In the end users are on the healed primary.", "0", last(w.seen.weights))
}

func TestPushWhilePromotingIsAnalysedAfterwards(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(50), testkit.Metric("errors"))
	w.push("app:2")
	w.until(v1beta1.PhasePromoting)
	w.push("app:3")
	w.untilSo("app:3 is promoted", func() bool { return last(w.seen.primaries) == "app:3" })
	w.until(v1beta1.PhaseSucceeded)
	w.rest()
	expect(t, "Nothing is lost and nothing is promoted unseen.", []string{"app:1", "app:2", "app:3"}, w.seen.primaries)
	expect(t, "The second revision has an analysis of its own.", []string{"0", "50", "0", "50", "0"}, w.seen.weights)
}

// TestPushBetweenAnalysisAndCopy is invariant I3: the target changes after it was observed and before it is copied.
func TestPushBetweenAnalysisAndCopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(50), testkit.Metric("errors"))
	w.push("app:2")
	w.untilWeight("50")
	w.pipe.beforeLive = func(request string) {
		if request == "get Deployment web" {
			w.pipe.beforeLive = nil
			w.push("app:3")
		}
	}
	w.until(v1beta1.PhaseSucceeded)
	w.rest()
	expect(t, "What is promoted is what was analysed.", []string{"app:1", "app:3"}, w.seen.primaries)
	expect(t, "The run started anew for what came in between.", []string{"0", "50", "0", "50", "0"}, w.seen.weights)
}

func TestCanaryThatNeverStartsIsRolledBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(50))
	w.broken["app:2"] = true
	w.push("app:2")
	w.until(v1beta1.PhaseFailed)
	w.rest()
	expect(t, "No user ever met it.", history{
		weights: []string{"0"}, primaries: []string{"app:1"}, rolls: w.seen.rolls, replicas: []string{"0", "2", "0"},
	}, w.seen)
	expect(t, "The cause is in the events.", []string{
		"Normal NewRevision New revision detected! Scaling up web.ns",
		`Warning RolledBack canary deployment web.ns not ready: deployment "web" exceeded its progress deadline`,
		"Warning RolledBack Canary failed! Scaling down web.ns",
	}, w.said())
}

func last(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[len(list)-1]
}
