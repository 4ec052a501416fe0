package telemetry

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"flagger.app/flagger/api/v1beta1"
)

// track is what is remembered of a canary that has series.
type track struct {
	target types.NamespacedName
	record *record // the target's
	// metrics have a last value.
	metrics []string
	step    step
}

// step is what a rollout moves on in.
type step struct {
	phase              v1beta1.CanaryPhase
	revision           string
	weight, iterations int
}

// verdicts are the values of the label verdict.
var verdicts = []string{v1beta1.VerdictPass, v1beta1.VerdictFail, v1beta1.VerdictNoData, v1beta1.VerdictError}

// Forget ends the series of a canary that is gone. Series that another canary of the same target goes on with stay.
func (r *Recorder) Forget(canary types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t, known := r.tracks[canary]; known {
		delete(r.tracks, canary)
		r.end(t.target)
	}
}

// track returns what is remembered of c. When c has turned to another target, the series of the one before end. The
// caller holds the lock.
func (r *Recorder) track(c *v1beta1.Canary) *track {
	canary := key(c)
	target := types.NamespacedName{Namespace: c.Namespace, Name: c.Spec.TargetRef.Name}
	before, known := r.tracks[canary]
	if known && before.target == target {
		return before
	}
	if r.targets[target] == nil {
		r.targets[target] = &record{}
	}
	t := &track{target: target, record: r.targets[target]}
	r.tracks[canary] = t
	if known {
		r.end(before.target)
	}
	return t
}

// end removes the series of a target that no canary has any more.
func (r *Recorder) end(target types.NamespacedName) {
	for _, t := range r.tracks {
		if t.target == target {
			return
		}
	}
	delete(r.targets, target)
	delete(r.weights, target)
	delete(r.weights, primaryOf(target))
}

// prune ends the values of metrics that are no part of the analysis any more.
func (t *track) prune(analysis *v1beta1.CanaryAnalysis) {
	t.metrics = slices.DeleteFunc(t.metrics, func(metric string) bool {
		over := analysis == nil || !slices.ContainsFunc(analysis.Metrics, func(m v1beta1.CanaryMetric) bool { return m.Name == metric })
		if over {
			t.record.analysis.drop(metric)
		}
		return over
	})
}

// advance records since when a canary is at its step. A status tells when it changed last, be it for a failed check, so
// its time counts at the first sight of a step: after a restart of the operator, a step may look younger than it is.
func (t *track) advance(s v1beta1.CanaryStatus) {
	now := step{phase: cmp.Or(s.Phase, v1beta1.PhaseInitializing), revision: s.LastAppliedSpec, weight: s.CanaryWeight, iterations: s.Iterations}
	if now == t.step || s.LastTransitionTime.IsZero() {
		return
	}
	t.record.progress.drop(string(t.step.phase))
	t.step = now
	t.record.progress.set(string(now.phase), float64(s.LastTransitionTime.Unix()))
}

// judge counts checks by verdict; a verdict that none has is no series.
func (r *record) judge(checks []v1beta1.CheckResult) {
	counts := map[string]float64{}
	for _, check := range checks {
		counts[check.Verdict]++
	}
	for _, verdict := range verdicts {
		if counts[verdict] == 0 {
			r.checks.drop(verdict)
			continue
		}
		r.checks.set(verdict, counts[verdict])
	}
}

func key(c *v1beta1.Canary) types.NamespacedName {
	return types.NamespacedName{Namespace: c.Namespace, Name: c.Name}
}

// primaryOf is the primary of a target.
func primaryOf(target types.NamespacedName) types.NamespacedName {
	return types.NamespacedName{Namespace: target.Namespace, Name: target.Name + "-primary"}
}
