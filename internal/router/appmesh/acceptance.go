package appmesh

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"flagger.app/flagger/internal/rollout"
)

// active is the condition by which App Mesh's controller says that it has made what a VirtualRouter asks for.
const active = "VirtualRouterActive"

// acceptance says what App Mesh's controller has made of a VirtualRouter, and why it is not taken.
func acceptance(live *unstructured.Unstructured) (rollout.Acceptance, string, error) {
	var typed struct {
		Status struct {
			ObservedGeneration int64              `json:"observedGeneration"`
			Conditions         []metav1.Condition `json:"conditions"`
		} `json:"status"`
	}
	name := fmt.Sprintf("VirtualRouter %s.%s", live.GetName(), live.GetNamespace())
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, &typed); err != nil {
		return rollout.Unconfirmed, "", fmt.Errorf("read the status of %s: %w", name, err)
	}
	condition := meta.FindStatusCondition(typed.Status.Conditions, active)
	switch {
	case condition == nil, condition.Status == metav1.ConditionUnknown, typed.Status.ObservedGeneration < live.GetGeneration():
		return rollout.Unconfirmed, name + " is not confirmed by App Mesh yet", nil
	case condition.Status == metav1.ConditionFalse:
		return rollout.Refused, fmt.Sprintf("%s is refused by App Mesh: its condition %s is False, reason %q", name, active, condition.Reason), nil
	}
	return rollout.Taken, "", nil
}

// neverTold is the acceptance of v1beta1, whose conditions do not say what generation they are about.
func neverTold(*unstructured.Unstructured) (rollout.Acceptance, string, error) {
	return rollout.Taken, "", nil
}
