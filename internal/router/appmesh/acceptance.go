package appmesh

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// active is the condition by which App Mesh's controller says that it has made what a VirtualRouter asks for.
const active = "VirtualRouterActive"

// acceptance says what App Mesh's controller has made of a VirtualRouter, and why it is not taken.
func acceptance(live *unstructured.Unstructured) (rollout.Acceptance, string, error) {
	name := router.Describe(live)
	status, err := router.ReadStatus(live)
	if err != nil {
		return rollout.Unconfirmed, "", fmt.Errorf("read the status of %s: %w", name, err)
	}
	condition := meta.FindStatusCondition(status.Conditions, active)
	switch {
	case condition == nil, condition.Status == metav1.ConditionUnknown, status.ObservedGeneration < live.GetGeneration():
		return rollout.Unconfirmed, name + " is not confirmed by App Mesh yet", nil
	case condition.Status == metav1.ConditionFalse:
		return rollout.Refused, fmt.Sprintf("%s is refused by App Mesh: its condition %s is False, reason %q", name, active, condition.Reason), nil
	}
	return rollout.Taken, "", nil
}
