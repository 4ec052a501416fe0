package knative

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// routesReady is the type of condition that is True once the data plane has the traffic block.
const routesReady = "RoutesReady"

// acceptance says what Knative has made of the service's traffic block, and why it is not carried out.
func acceptance(service *unstructured.Unstructured) (rollout.Acceptance, string, error) {
	name, namespace := service.GetName(), service.GetNamespace()
	status, err := router.ReadStatus(service)
	if err != nil {
		return rollout.Unconfirmed, "", fmt.Errorf("read the status of Knative Service %s.%s: %w", name, namespace, err)
	}
	condition := meta.FindStatusCondition(status.Conditions, routesReady)
	switch {
	case condition == nil, status.ObservedGeneration < service.GetGeneration(), condition.Status == metav1.ConditionUnknown:
		return rollout.Unconfirmed, fmt.Sprintf("Knative Service %s.%s is not confirmed by Knative yet", name, namespace), nil
	case condition.Status == metav1.ConditionFalse:
		return rollout.Refused, fmt.Sprintf("Knative Service %s.%s is refused by Knative: its condition %s is False for the reason %s",
			name, namespace, routesReady, condition.Reason), nil
	}
	return rollout.Taken, "", nil
}
