package routertest

import (
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Named returns the object of the name, or nil if there is none.
func Named(objects []*unstructured.Unstructured, name string) *unstructured.Unstructured {
	for _, object := range objects {
		if object.GetName() == name {
			return object
		}
	}
	return nil
}

// Essence is what of an object a user can have written.
func Essence(object *unstructured.Unstructured) map[string]any {
	return map[string]any{
		"labels":      object.GetLabels(),
		"annotations": object.GetAnnotations(),
		"spec":        object.Object["spec"],
	}
}

// Annotate sets annotations of an object, or takes away those whose value is empty.
func Annotate(annotations map[string]string) func(*unstructured.Unstructured) {
	return func(object *unstructured.Unstructured) {
		all := map[string]string{}
		maps.Copy(all, object.GetAnnotations())
		for key, value := range annotations {
			if all[key] = value; value == "" {
				delete(all, key)
			}
		}
		object.SetAnnotations(all)
	}
}
