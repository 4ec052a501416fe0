package controller

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
)

// Stories of defects of Flagger about what a release is made of. test/compat has the list of all.

// TestBinaryDataIsPartOfARelease is flaw D4: binaryData is copied for the primary, and a change of it is a release.
func TestBinaryDataIsPartOfARelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := settings("settings")
	config.BinaryData = map[string][]byte{"logo": {0xff, 0}}
	w.apply(config, referring("settings", ""), testkit.Canary(testkit.Steps(50)))
	w.settle()
	w.until(v1beta1.PhaseInitialized)
	w.rest()
	w.forgetPast()
	w.edit("settings", &corev1.ConfigMap{}, `{"binaryData":{"logo":"AAAA"}}`)
	w.until(v1beta1.PhaseSucceeded)
	w.rest()
	expect(t, "The new logo was analysed.", []string{"0", "50", "0"}, w.seen.weights)
	copied := &corev1.ConfigMap{}
	w.get("settings-primary", copied)
	expect(t, "And the primary has it.", []byte{0, 0, 0}, copied.BinaryData["logo"])

	w.forgetPast()
	w.edit("settings", &corev1.ConfigMap{}, `{"data":{"color":"blue"}}`)
	w.untilWeight("50")
	w.edit("settings", &corev1.ConfigMap{}, `{"data":{"color":"red"}}`)
	w.until(v1beta1.PhaseSucceeded)
	w.rest()
	expect(t, "A config that goes back to what is promoted ends its run and starts none.", []string{"0", "50", "0"}, w.seen.weights)
	expect(t, "The primary's pods were left alone.", 1, len(w.seen.rolls))
}

// TestCopiesThatNobodyRefersToGo is flaw D4: tools that name ConfigMaps after their content make a new one per release.
func TestCopiesThatNobodyRefersToGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(settings("settings-1"), settings("settings-2"), referring("settings-1", ""), testkit.Canary(testkit.SkipAnalysis()))
	w.settle()
	w.until(v1beta1.PhaseInitialized)
	w.rest()
	next := referring("settings-2", "")
	next.Namespace = w.namespace
	must(t, w.direct.Update(w.ctx, next), "push")
	w.until(v1beta1.PhaseSucceeded)
	w.rest()
	expect(t, "The primary refers to the second.", []bool{false, true},
		[]bool{w.get("settings-1-primary", &corev1.ConfigMap{}), w.get("settings-2-primary", &corev1.ConfigMap{})})
}

// TestAnalysisOfOldCanaries is flaw B20: canaries that were stored under other CRDs may have no analysis, or have it under
// its former name, and neither the core nor an adapter falls over that.
func TestAnalysisOfOldCanaries(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		reason string
		store  func(*v1beta1.CanarySpec)
		seen   []string
	}{
		"None": {
			reason: "No analysis is one that is skipped.",
			store:  func(s *v1beta1.CanarySpec) { s.Analysis = nil },
			seen:   []string{"0"},
		},
		"FormerName": {
			reason: "An analysis is one under any name, steps back to the primary included.",
			store:  func(s *v1beta1.CanarySpec) { s.CanaryAnalysis, s.Analysis = s.Analysis, nil },
			seen:   []string{"0", "50", "20", "0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.rollOut(testkit.Steps(50), testkit.PromotionSteps(30), testkit.Affinity("side", "main"))
			w.push("app:2")
			for range mostSteps {
				c := w.canary()
				if test.store(&c.Spec); w.advance(c) {
					break
				}
			}
			expect(t, test.reason, test.seen, w.seen.weights)
			expect(t, test.reason, []string{"app:1", "app:2"}, w.seen.primaries)
		})
	}
}

// advance takes the canary a decision further, whatever of it is stored, and tells whether that was its last.
func (w *world) advance(c *v1beta1.Canary) bool {
	w.Helper()
	before := w.pipe.written()
	result, err := w.operator.advance(w.ctx, c)
	must(w, err, "advance")
	if !w.settle() && w.pipe.written() == before {
		w.pass(result.RequeueAfter)
	}
	return c.Status.Phase == v1beta1.PhaseSucceeded
}
