package controller

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/workload"
)

// TestAdoptionMidRun is invariant I6 for a run: whatever Flagger was at, our operator carries it on, and what becomes
// of it is what became of it in the recording.
func TestAdoptionMidRun(t *testing.T) {
	eachRecording(t, func(t *testing.T, name string) {
		for i, state := range readRecording(t, name, "").States {
			if isRest(state.Status.Phase) {
				continue
			}
			t.Run(fmt.Sprintf("%02d %s", i, state), func(t *testing.T) {
				t.Parallel()
				w, r := inherit(t, name)
				rest := r.rest(t, i)
				w.load(r, rest[0])
				w.misbehave(state.Round)
				v := newWitness(w)
				v.play()
				v.took("The run goes on from where it was, to the end that it had.", courseOf(rest))
				w.tellsTheRestOf(tales[name][state.Round])
				w.idles()
				w.handsBack(rest[len(rest)-1])
				if len(v.saw.Weights) > 1 {
					w.leavesNoPlainWrites(routeKey, ingressKey)
				}
			})
		}
	})
}

// tales are what our operator says of each round, from its beginning.
var tales = map[string]map[string][]string{
	"gw": weightedTales, "nginx": weightedTales,
	"k8s-bg": {
		roundFirst: firstTale,
		roundGood: {
			"Normal NewRevision New revision detected! Scaling up web.ns",
			"Normal AnalysisStarted Starting canary analysis for web.ns",
			"Normal IterationAdvanced Advance web.ns canary iteration 1/2",
			"Normal IterationAdvanced Advance web.ns canary iteration 2/2",
			"Normal Promoting Copying web.ns template spec to web-primary.ns",
			"Normal Promoted Promotion completed! Scaling down web.ns",
		},
		roundBad: append([]string{
			"Normal NewRevision New revision detected! Scaling up web.ns",
			"Normal AnalysisStarted Starting canary analysis for web.ns",
			"Normal IterationAdvanced Advance web.ns canary iteration 1/2",
		}, lastOfTheBad...),
	},
}

var weightedTales = map[string][]string{
	roundFirst: firstTale,
	roundGood: {
		"Normal NewRevision New revision detected! Scaling up web.ns",
		"Normal AnalysisStarted Starting canary analysis for web.ns",
		"Normal WeightAdvanced Advance web.ns canary weight 25",
		"Normal WeightAdvanced Advance web.ns canary weight 50",
		"Normal Promoting Copying web.ns template spec to web-primary.ns",
		"Normal TrafficSwitched Routing all traffic to primary",
		"Normal Promoted Promotion completed! Scaling down web.ns",
	},
	roundBad: append([]string{
		"Normal NewRevision New revision detected! Scaling up web.ns",
		"Normal AnalysisStarted Starting canary analysis for web.ns",
		"Normal WeightAdvanced Advance web.ns canary weight 25",
	}, lastOfTheBad...),
}

const halted = "Halt web.ns advancement rate 7.00 < 99"

var (
	firstTale = []string{
		"Normal ProvidersAvailable all the metrics providers are available!",
		"Normal Initialized Initialization done! web.ns",
	}
	lastOfTheBad = []string{
		"Warning MetricFailed " + halted,
		"Warning MetricFailed " + halted,
		"Warning RolledBack Rolling back web.ns failed checks threshold reached 2",
		"Warning RolledBack Canary failed! Scaling down web.ns",
	}
)

// tellsTheRestOf checks that a round was told from its middle to its end.
func (w *world) tellsTheRestOf(tale []string) {
	w.Helper()
	said := w.said()
	expect(w, "No word is said twice, and none is missing.", tale[max(0, len(tale)-len(said)):], said)
}

// misbehave makes the metric of the bad release what it was.
func (w *world) misbehave(round string) {
	if round == roundBad {
		w.checks.Script("rate", rollout.Answer{Verdict: rollout.Fail, Message: halted, Value: new(7.0)})
	}
}

// TestAdoptionAtRest is invariant I6 for a canary at rest: an unchanged workload never rolls.
func TestAdoptionAtRest(t *testing.T) {
	eachRest(t, func(w *world, r recording, state moment) {
		w.load(r, state)
		w.staysAsItIs(state)
		w.idles()
		w.handsBack(state)
	})
}

// staysAsItIs lets our operator see a canary at rest for the first time.
func (w *world) staysAsItIs(state moment) {
	w.Helper()
	v := newWitness(w)
	w.pipe.sent()
	v.play()
	v.took("Nothing was pushed, so nothing moves.", courseOf([]moment{state}))
	expect(w, "All that is written is the identity of what is there.", []string{"patch status Canary web"}, writesOf(w.pipe.sent()))
	expect(w, "Nothing is news.", nil, w.said())
	status := w.canary().Status
	expect(w, "The configs are those that Flagger tracked.", state.Status.TrackedConfigs, status.TrackedConfigs)
	expect(w, "The identity of the target is ours from now on.", true, workload.Recorded(status.LastAppliedSpec))
	copied := state.image(targetKey) == state.image(primaryKey) && state.Status.CanaryWeight == 0
	expect(w, "That of the promoted revision is ours once a primary that serves is a copy of the target.",
		copied, workload.Recorded(status.LastPromotedSpec))
}

// TestAdoptionSeesAPush starts our operator after somebody pushed a template and before anybody saw it.
func TestAdoptionSeesAPush(t *testing.T) {
	eachRest(t, func(w *world, r recording, state moment) {
		pushed := state.pushed(w, "app:4")
		want := r.release(w, pushed)
		if state.Status.Phase == v1beta1.PhaseFailed {
			want = courseOf([]moment{pushed}) // nothing tells it from the revision that failed, which is never run again
		}
		w.load(r, pushed)
		v := newWitness(w)
		v.play()
		v.took("It is released like any other.", want)
		w.idles()
	})
}

// TestAdoptionSeesAnEditedConfig is the same with a ConfigMap that the template refers to.
func TestAdoptionSeesAnEditedConfig(t *testing.T) {
	eachRest(t, func(w *world, r recording, state moment) {
		w.load(r, state)
		w.editsConfig()
		v := newWitness(w)
		v.play()
		v.took("It is released like a new template.", r.release(w, state))
		w.hasCopiedConfig()
		w.idles()
	})
}

// TestAdoptionSeesAnEditMidRun is the same while a revision is under analysis.
func TestAdoptionSeesAnEditMidRun(t *testing.T) {
	eachRecording(t, func(t *testing.T, name string) {
		t.Parallel()
		w, r := inherit(t, name)
		state := r.States[r.deepest()]
		w.load(r, state)
		w.editsConfig()
		v := newWitness(w)
		v.play()
		want := courseOf(append([]moment{state}, r.good(t)...))
		want.Target = []string{"2", "0", "2", "0"}
		v.took("What was not analysed starts from nothing, and with pods that have read it.", want)
		w.hasCopiedConfig()
		w.idles()
	})
}

func (w *world) editsConfig() {
	w.Helper()
	w.edit("env", &corev1.ConfigMap{}, `{"data":{"k":"edited"}}`)
}

func (w *world) hasCopiedConfig() {
	w.Helper()
	copied := &corev1.ConfigMap{}
	w.get("env-primary", copied)
	expect(w, "The primary gets what was analysed.", map[string]string{"k": "edited"}, copied.Data)
}
