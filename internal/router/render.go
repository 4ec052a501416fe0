package router

import (
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
)

// ApexObject is a routing object with the spec, which has the name, the labels and the annotations of the apex Service.
// Whose it is, is not said yet.
func ApexObject(c *v1beta1.Canary, kind schema.GroupVersionKind, spec map[string]any) *unstructured.Unstructured {
	object := named(c, kind, ObjectName(c), spec)
	metadata := ApexMetadata(c)
	if len(metadata.Labels) > 0 {
		object.SetLabels(maps.Clone(metadata.Labels))
	}
	object.SetAnnotations(metadata.Annotations)
	return object
}

// CopyOf is a copy of source, a user's object, under another name: its whole spec, fields that we know nothing of too,
// and its labels and annotations without the marks of the tools that delivered it, with those that keep Flux away. It
// shares nothing with source. Whose it is, is not said yet.
func CopyOf(c *v1beta1.Canary, source *unstructured.Unstructured, name string) *unstructured.Unstructured {
	spec, _, _ := unstructured.NestedMap(source.Object, "spec")
	object := named(c, source.GroupVersionKind(), name, spec)
	if labels := kube.WithoutTracking(source.GetLabels()); len(labels) > 0 {
		object.SetLabels(labels)
	}
	object.SetAnnotations(kube.Guarded(kube.WithoutTracking(source.GetAnnotations())))
	return object
}

func named(c *v1beta1.Canary, kind schema.GroupVersionKind, name string, spec map[string]any) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	object.SetGroupVersionKind(kind)
	object.SetNamespace(c.Namespace)
	object.SetName(name)
	return object
}
