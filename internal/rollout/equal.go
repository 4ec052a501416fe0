package rollout

import (
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/api/v1beta1"
)

// SameStatus tells whether two statuses say the same. Times are compared as moments. It is what reflection finds, at a
// tenth of the cost, as every decision ends with it.
func SameStatus(a, b v1beta1.CanaryStatus) bool {
	return a.Phase == b.Phase &&
		a.FailedChecks == b.FailedChecks && a.CanaryWeight == b.CanaryWeight && a.Iterations == b.Iterations &&
		a.PreviousSessionAffinityCookie == b.PreviousSessionAffinityCookie &&
		a.SessionAffinityCookie == b.SessionAffinityCookie &&
		a.PrimarySessionAffinityCookie == b.PrimarySessionAffinityCookie &&
		sameConfigs(a.TrackedConfigs, b.TrackedConfigs) &&
		a.LastAppliedSpec == b.LastAppliedSpec && a.LastPromotedSpec == b.LastPromotedSpec &&
		a.LastPromotedConfigs == b.LastPromotedConfigs &&
		a.LastPromotedReplicas == b.LastPromotedReplicas &&
		a.LastTransitionTime.Equal(&b.LastTransitionTime) &&
		slices.EqualFunc(a.Conditions, b.Conditions, sameCondition) &&
		a.ObservedGeneration == b.ObservedGeneration &&
		sameMoment(a.LastAnalysisTime, b.LastAnalysisTime) && sameMoment(a.LastRouteTime, b.LastRouteTime) &&
		slices.EqualFunc(a.Checks, b.Checks, sameCheck)
}

func sameConfigs(a, b *map[string]string) bool {
	if a == nil || b == nil {
		return a == b
	}
	return maps.Equal(*a, *b)
}

func sameMoment(a, b *metav1.MicroTime) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Time.Equal(b.Time)
}

func sameCondition(a, b v1beta1.CanaryCondition) bool {
	return a.Type == b.Type && a.Status == b.Status && a.Reason == b.Reason && a.Message == b.Message &&
		a.ObservedGeneration == b.ObservedGeneration &&
		a.LastUpdateTime.Equal(&b.LastUpdateTime) && a.LastTransitionTime.Equal(&b.LastTransitionTime)
}

func sameCheck(a, b v1beta1.CheckResult) bool {
	return a.Name == b.Name && a.Kind == b.Kind && a.Verdict == b.Verdict && a.Message == b.Message &&
		sameNumber(a.Value, b.Value) && sameNumber(a.Min, b.Min) && sameNumber(a.Max, b.Max) && a.Time.Equal(&b.Time)
}

func sameNumber(a, b *float64) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
