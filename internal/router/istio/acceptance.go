package istio

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

const (
	// reconciled is the type of the condition by which Istio says that all proxies have the present generation.
	reconciled = "Reconciled"
	// levelError is that of a message about what cannot work; others are advice.
	levelError = "ERROR"
)

// answer is what Istio writes to the status if it is told to.
type answer struct {
	// ObservedGeneration is that which the whole answer is about, 0 for one that names none.
	ObservedGeneration intstr.IntOrString `json:"observedGeneration"`
	Conditions         []condition        `json:"conditions"`
	ValidationMessages []message          `json:"validationMessages"`
}

// condition is no metav1.Condition: its generation may be text.
type condition struct {
	Type               string                 `json:"type"`
	Status             metav1.ConditionStatus `json:"status"`
	ObservedGeneration intstr.IntOrString     `json:"observedGeneration"`
}

type message struct {
	Level string `json:"level"`
	Type  struct {
		Name string `json:"name"`
		Code string `json:"code"`
	} `json:"type"`
}

// acceptance says what Istio has made of route, and why it is not taken. By default Istio writes no status, and then
// there is no way to tell.
func acceptance(route *unstructured.Unstructured) (rollout.Acceptance, string, error) {
	var typed struct {
		Status answer `json:"status"`
	}
	name := router.Describe(route)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(route.Object, &typed); err != nil {
		return rollout.Unconfirmed, "", fmt.Errorf("read the status of %s: %w", name, err)
	}
	status := typed.Status
	wrong := slices.IndexFunc(status.ValidationMessages, func(m message) bool { return m.Level == levelError })
	said := slices.IndexFunc(status.Conditions, func(c condition) bool { return c.Type == reconciled })
	isOld := isOutdated(status.ObservedGeneration, route)
	switch {
	case wrong < 0 && said < 0:
		return rollout.Taken, "", nil
	case wrong >= 0 && !isOld:
		kind := status.ValidationMessages[wrong].Type
		return rollout.Refused, fmt.Sprintf("%s is refused by Istio: %s %s", name, kind.Code, kind.Name), nil
	case !isOld && said >= 0 && status.Conditions[said].Status == metav1.ConditionTrue &&
		!isOutdated(status.Conditions[said].ObservedGeneration, route):
		return rollout.Taken, "", nil
	}
	return rollout.Unconfirmed, name + " is not confirmed by Istio yet", nil
}

// isOutdated says whether an answer is about an earlier generation of route; one that names none is about the present.
func isOutdated(generation intstr.IntOrString, route *unstructured.Unstructured) bool {
	observed := int64(generation.IntValue())
	return observed > 0 && observed < route.GetGeneration()
}
