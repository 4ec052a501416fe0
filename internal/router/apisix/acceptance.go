package apisix

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// answers are the types of condition by which APISIX's controllers say what they have made of a route, the newest
// first: one that an older version left behind says nothing.
var answers = []string{"Accepted", "ResourcesAvailable"}

// acceptance says what APISIX's controller has made of route, and why it is not taken. A controller that never
// answers, as it may be told, has no way to tell.
func acceptance(route *unstructured.Unstructured) (rollout.Acceptance, string, error) {
	name := router.Describe(route)
	status, err := router.ReadStatus(route)
	if err != nil {
		return rollout.Unconfirmed, "", fmt.Errorf("read the status of %s: %w", name, err)
	}
	for _, answer := range answers {
		condition := meta.FindStatusCondition(status.Conditions, answer)
		switch {
		case condition == nil:
			continue
		case condition.ObservedGeneration < route.GetGeneration(), condition.Status == metav1.ConditionUnknown:
			return rollout.Unconfirmed, name + " is not confirmed by APISIX yet", nil
		case condition.Status == metav1.ConditionFalse:
			return rollout.Refused, fmt.Sprintf("%s is refused by APISIX: its condition %s is False for the reason %s", name, answer, condition.Reason), nil
		}
		return rollout.Taken, "", nil
	}
	return rollout.Taken, "", nil
}
