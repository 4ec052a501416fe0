package router

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"flagger.app/flagger/internal/rollout"
)

// Status is by what most controllers say what they have made of a routing object.
type Status struct {
	// ObservedGeneration is that of the object which the whole status is about, 0 for one that names none.
	ObservedGeneration int64              `json:"observedGeneration"`
	Conditions         []metav1.Condition `json:"conditions"`
}

// ReadStatus reads that of object; without one, it is empty. The error does not name the object.
func ReadStatus(object *unstructured.Unstructured) (Status, error) {
	var typed struct {
		Status Status `json:"status"`
	}
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &typed)
	return typed.Status, err
}

// NeverTold is the acceptance of an object whose controller does not say what it has made of it.
func NeverTold(*unstructured.Unstructured) (rollout.Acceptance, string, error) {
	return rollout.Taken, "", nil
}
