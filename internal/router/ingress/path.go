package ingress

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/router"
)

// Redirect gives every rule of object, an Ingress, the paths that change makes of those it has. A rule need not have
// paths; change is not asked about one without.
func Redirect(object *unstructured.Unstructured, change func(paths []any) []any) {
	for _, http := range rules(object) {
		if paths, _ := http["paths"].([]any); len(paths) > 0 {
			http["paths"] = change(paths)
		}
	}
}

// Paths are those of object, an Ingress, rule by rule. Nobody may write to them.
func Paths(object *unstructured.Unstructured) [][]any {
	var list [][]any
	for _, http := range rules(object) {
		if paths, _ := http["paths"].([]any); len(paths) > 0 {
			list = append(list, paths)
		}
	}
	return list
}

// LeadsTo says whether a path of object, an Ingress, leads to the Service of the name.
func LeadsTo(object *unstructured.Unstructured, service string) bool {
	return slices.ContainsFunc(Paths(object), func(paths []any) bool {
		return slices.ContainsFunc(paths, func(path any) bool { return ServiceName(path) == service })
	})
}

// rules are the parts of an Ingress that hold paths.
func rules(object *unstructured.Unstructured) []map[string]any {
	var list []map[string]any
	for _, rule := range router.Objects(object.Object, "spec", "rules") {
		if http, ok := rule["http"].(map[string]any); ok {
			list = append(list, http)
		}
	}
	return list
}

// ServiceName is the name of the Service that a path of an Ingress leads to, "" for a path to something else.
func ServiceName(path any) string {
	name, _ := service(path)["name"].(string)
	return name
}

// PointTo makes a path of an Ingress lead to the Service of the name, by the port that it has. A path that does not lead
// to a Service is left alone.
func PointTo(path any, name string) {
	if s := service(path); s != nil {
		s["name"] = name
	}
}

// service is the Service that a path leads to, as a part of it, or nil.
func service(path any) map[string]any {
	fields, _ := path.(map[string]any)
	value, _, _ := unstructured.NestedFieldNoCopy(fields, "backend", "service")
	found, _ := value.(map[string]any)
	return found
}
