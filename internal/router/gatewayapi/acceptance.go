package gatewayapi

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/internal/rollout"
)

// textNotReady is the contract's.
const textNotReady = "HTTPRoute %s.%s parent %s is not ready (status: %s, observed generation: %d, current generation: %d)"

// acceptance says what the parents have made of route: taken when every parent has accepted its present generation,
// refused when one says no to it, unconfirmed while one has not answered. The message is about the parent that
// decided.
func acceptance(route *unstructured.Unstructured) (rollout.Acceptance, string, error) {
	typed := gatewayv1.HTTPRoute{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(route.Object, &typed); err != nil {
		return rollout.Unconfirmed, "", fmt.Errorf("read the status: %w", err)
	}
	worst, message := rollout.Taken, ""
	for _, parent := range typed.Spec.ParentRefs {
		verdict, answer := parentVerdict(typed, parent)
		if verdict <= worst {
			continue
		}
		worst = verdict
		message = fmt.Sprintf(textNotReady, typed.Name, typed.Namespace, parent.Name,
			answer.Status, answer.ObservedGeneration, typed.Generation)
	}
	return worst, message, nil
}

// parentVerdict is what parent says of route, and its answer. Several controllers may answer for one parent; one that
// accepts is enough.
func parentVerdict(route gatewayv1.HTTPRoute, parent gatewayv1.ParentReference) (rollout.Acceptance, metav1.Condition) {
	verdict, answer := rollout.Unconfirmed, metav1.Condition{Status: metav1.ConditionUnknown}
	for _, status := range route.Status.Parents {
		if identify(status.ParentRef, route.Namespace) != identify(parent, route.Namespace) {
			continue
		}
		condition := meta.FindStatusCondition(status.Conditions, string(gatewayv1.RouteConditionAccepted))
		switch {
		case condition == nil:
		case condition.ObservedGeneration > 0 && condition.ObservedGeneration < route.Generation: // Linkerd names no generation
			if verdict == rollout.Unconfirmed {
				answer = *condition
			}
		case condition.Status == metav1.ConditionTrue:
			return rollout.Taken, *condition
		case condition.Status == metav1.ConditionFalse:
			verdict, answer = rollout.Refused, *condition
		case verdict == rollout.Unconfirmed:
			answer = *condition
		}
	}
	return verdict, answer
}

// identity is a parent reference with its defaults, which controllers spell out or leave out as they like.
type identity struct {
	group, kind, namespace, name, section string
	port                                  gatewayv1.PortNumber
}

func identify(ref gatewayv1.ParentReference, namespace string) identity {
	id := identity{group: gatewayv1.GroupName, kind: "Gateway", namespace: namespace, name: string(ref.Name)}
	if ref.Group != nil {
		id.group = string(*ref.Group)
	}
	if id.group == "core" { // Linkerd's name for the group of Services, which has none
		id.group = ""
	}
	if ref.Kind != nil {
		id.kind = string(*ref.Kind)
	}
	if ref.Namespace != nil {
		id.namespace = string(*ref.Namespace)
	}
	if ref.SectionName != nil {
		id.section = string(*ref.SectionName)
	}
	if ref.Port != nil {
		id.port = *ref.Port
	}
	return id
}
