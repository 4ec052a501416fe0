package controller

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/internal/workload"
)

// TestAdoptionAtAGate starts our operator while somebody is asked to let a release begin, and to let it end.
func TestAdoptionAtAGate(t *testing.T) {
	eachRecording(t, func(t *testing.T, name string) {
		for _, hook := range []v1beta1.HookType{v1beta1.HookConfirmRollout, v1beta1.HookConfirmPromotion} {
			t.Run(string(hook), func(t *testing.T) {
				t.Parallel()
				w, r := inherit(t, name)
				state, want := r.gated(t, hook)
				w.load(r, state, testkit.Webhook(hook, string(hook)))
				w.hooks.Close(string(hook), errors.New("not yet"))
				v := newWitness(w)
				for range 5 {
					v.step()
				}
				v.look()
				held := courseOf([]moment{state})
				held.Counters, v.saw.Counters = nil, nil // Flagger wrote down wrong ones
				v.took("While it is closed nothing moves.", held)
				expect(t, "It was told already that it is closed.", nil, w.said())
				w.hooks.Open(string(hook))
				v.play()
				want.Counters, v.saw.Counters = nil, nil
				v.took("Once it is open the release goes on.", want)
				w.idles()
			})
		}
	})
}

// gated is the state at a closed gate, which was not recorded, as the contract has it, and what is to become of it.
func (r recording) gated(t testing.TB, hook v1beta1.HookType) (moment, course) {
	t.Helper()
	const message = "Waiting for approval."
	if hook == v1beta1.HookConfirmRollout {
		state := r.atRest(t)["Succeeded"].pushed(t, "app:4").entering(v1beta1.PhaseWaiting, corev1.ConditionUnknown, message)
		return state, r.release(t, state)
	}
	last := r.deepest()
	iterations := int(r.canary(t).Spec.Analysis.Iterations)
	state := r.States[last].counting(0, iterations-1, 0).entering(v1beta1.PhaseWaitingPromotion, corev1.ConditionUnknown, message)
	rest := slices.DeleteFunc(r.rest(t, last), func(m moment) bool { return m.Status.Phase == v1beta1.PhaseProgressing })
	return state, courseOf(slices.Insert(rest, 0, state))
}

// TestAdoptionOfAnInterruptedStep starts our operator after Flagger was killed between what it did and its writing that
// down: the cluster is one state ahead of the status.
func TestAdoptionOfAnInterruptedStep(t *testing.T) {
	eachRecording(t, func(t *testing.T, name string) {
		states := readRecording(t, name, "").ended(t).States
		for i, state := range states[:len(states)-1] {
			next := states[i+1]
			if next.Round != state.Round || maps.EqualFunc(state.Objects, next.Objects, same) {
				continue
			}
			t.Run(fmt.Sprintf("%02d %s", i, state), func(t *testing.T) {
				t.Parallel()
				w, r := inherit(t, name)
				r = r.ended(t)
				ahead := r.States[i]
				ahead.Objects = r.States[i+1].Objects
				w.load(r, ahead)
				w.misbehave(state.Round)
				v := newWitness(w)
				v.play()
				want := courseOf(append([]moment{ahead}, r.rest(t, i+1)...))
				want.Counters, v.saw.Counters = nil, nil // those of the status are behind
				v.took("What was done is not done again, and nothing is left out.", want)
				w.idles()
			})
		}
	})
}

// ended is the recording with the end of the bad release.
func (r recording) ended(t testing.TB) recording {
	t.Helper()
	r.States = append(slices.Clone(r.States), r.failed(t))
	return r
}

func same(a, b tree) bool { return equality.Semantic.DeepEqual(a, b) }

// TestAdoptionOfAPrimaryAlone starts our operator after Flagger was killed while it made a new canary's objects.
func TestAdoptionOfAPrimaryAlone(t *testing.T) {
	eachRecording(t, func(t *testing.T, name string) {
		t.Parallel()
		w, r := inherit(t, name)
		begun, made := r.in(t, v1beta1.PhaseInitializing), r.in(t, v1beta1.PhaseInitialized)
		for _, key := range made.keys() {
			if key == primaryKey || strings.HasPrefix(key, "configmaps/") || strings.HasPrefix(key, "secrets/") {
				begun = begun.replacing(key, made.Objects[key])
			}
		}
		w.load(r, begun)
		v := newWitness(w)
		v.play()
		v.took("It is taken as it is, and the rest is made.", courseOf([]moment{begun, r.end(t, begun)}))
		w.idles()
		w.handsBack(r.end(t, begun))
	})
}

// TestAdoptionOfAFailedPromotion starts our operator while the primary cannot start what it was given, and users are
// with the canary, who serves them.
func TestAdoptionOfAFailedPromotion(t *testing.T) {
	eachRecording(t, func(t *testing.T, name string) {
		t.Parallel()
		w, r := inherit(t, name)
		state := r.in(t, v1beta1.PhasePromoting).counting(100, 0, 0).weighing(t, 100).
			entering(v1beta1.PhaseFailed, corev1.ConditionFalse, "Canary analysis failed, Deployment scaled to zero.")
		w.load(r, state)
		w.frozen, w.broken["app:2"] = testkit.App, true
		w.settle()
		w.staysAsItIs(state)

		w.frozen = ""
		delete(w.broken, "app:2")
		w.settle()
		v := newWitness(w)
		v.play()
		healed := state.counting(0, 0, 0).weighing(t, 0).scaled(t, 0)
		v.took("Once the primary can serve, users come back and the canary's pods go.", courseOf([]moment{state, healed}))
		expect(t, "What failed to be promoted is promoted now.", w.canary().Status.LastAppliedSpec, w.canary().Status.LastPromotedSpec)
		w.idles()
	})
}

// TestAdoptionUnderOtherFlags starts our operator with flags that Flagger's did not have.
func TestAdoptionUnderOtherFlags(t *testing.T) {
	for name, change := range map[string]func(*workload.Options){
		"ConfigsNotTracked": func(o *workload.Options) { o.Configs = nil },
		"LabelsIncluded":    func(o *workload.Options) { o.IncludeLabelPrefix = []string{"*"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, r := inherit(t, "gw")
			w.adapt(change)
			state := r.atRest(t)["Succeeded"]
			w.load(r, state)
			w.staysAsItIs(state)
		})
	}
	t.Run("NoDrain", func(t *testing.T) {
		t.Parallel()
		w, r := inherit(t, "gw")
		w.options.Settings.Drain = 0
		w.restart()
		rest := r.rest(t, len(r.States)-1)
		w.load(r, rest[0])
		v := newWitness(w)
		v.play()
		v.took("Who does not want to wait does not.", courseOf(rest))
		expect(t, "Not even a second.", dawn, w.clock.Now())
	})
}

// TestAdoptionBeforeTheCRD starts our operator while the cluster still has Flagger's CRD, which drops our fields from
// the status. Helm does not replace CRDs on an upgrade.
func TestAdoptionBeforeTheCRD(t *testing.T) {
	for i, state := range readRecording(t, "gw", "").States {
		if isRest(state.Status.Phase) {
			continue
		}
		t.Run(fmt.Sprintf("%02d %s", i, state), func(t *testing.T) {
			t.Parallel()
			w, r := inherit(t, "gw")
			rest := r.rest(t, i)
			w.load(r, rest[0])
			w.misbehave(state.Round)
			w.pipe.prunes = true
			v := newWitness(w)
			v.linger()
			v.look()
			v.took("Before nothing moves.", courseOf(rest[:1]))
			w.pipe.prunes = false
			v.play()
			v.took("Once the CRD is there the run goes on, and nothing has happened twice.", courseOf(rest))
			w.idles()
		})
	}
}
