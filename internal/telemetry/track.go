package telemetry

import (
	"cmp"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	"flagger.app/flagger/api/v1beta1"
)

// track is what is remembered of a canary that has series.
type track struct {
	target types.NamespacedName
	// metrics have a last value.
	metrics map[string]struct{}
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

// series notes that c has series and returns the target they are named after.
func (r *Recorder) series(c *v1beta1.Canary) types.NamespacedName {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.track(c).target
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
	t := &track{target: target, metrics: map[string]struct{}{}}
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
	named := prometheus.Labels{"name": target.Name, "namespace": target.Namespace}
	r.status.DeletePartialMatch(named)
	r.duration.DeletePartialMatch(named)
	r.analysis.DeletePartialMatch(named)
	r.progress.DeletePartialMatch(named)
	r.checks.DeletePartialMatch(named)
	r.successes.DeletePartialMatch(named)
	r.failures.DeletePartialMatch(named)
	r.weight.DeleteLabelValues(target.Name, target.Namespace)
	r.weight.DeleteLabelValues(primaryOf(target), target.Namespace)
}

// prune ends the values of metrics that are no part of the analysis any more.
func (r *Recorder) prune(t *track, analysis *v1beta1.CanaryAnalysis) {
	for metric := range t.metrics {
		if analysis == nil || !slices.ContainsFunc(analysis.Metrics, func(m v1beta1.CanaryMetric) bool { return m.Name == metric }) {
			delete(t.metrics, metric)
			r.analysis.DeleteLabelValues(t.target.Name, t.target.Namespace, metric)
		}
	}
}

// advance records since when a canary is at its step. A status tells when it changed last, be it for a failed check, so
// its time counts at the first sight of a step: after a restart of the operator, a step may look younger than it is.
func (r *Recorder) advance(t *track, s v1beta1.CanaryStatus) {
	now := step{phase: cmp.Or(s.Phase, v1beta1.PhaseInitializing), revision: s.LastAppliedSpec, weight: s.CanaryWeight, iterations: s.Iterations}
	if now == t.step || s.LastTransitionTime.IsZero() {
		return
	}
	r.progress.DeleteLabelValues(t.target.Name, t.target.Namespace, string(t.step.phase))
	t.step = now
	r.progress.WithLabelValues(t.target.Name, t.target.Namespace, string(now.phase)).Set(float64(s.LastTransitionTime.Unix()))
}

// judge counts checks by verdict; a verdict that none has is no series.
func (r *Recorder) judge(target types.NamespacedName, checks []v1beta1.CheckResult) {
	counts := map[string]float64{}
	for _, check := range checks {
		counts[check.Verdict]++
	}
	for _, verdict := range verdicts {
		if counts[verdict] == 0 {
			r.checks.DeleteLabelValues(target.Name, target.Namespace, verdict)
			continue
		}
		r.checks.WithLabelValues(target.Name, target.Namespace, verdict).Set(counts[verdict])
	}
}

func key(c *v1beta1.Canary) types.NamespacedName {
	return types.NamespacedName{Namespace: c.Namespace, Name: c.Name}
}

// primaryOf names the primary of a target, as the label workload has it.
func primaryOf(target types.NamespacedName) string { return target.Name + "-primary" }
