package router

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Objects are the elements of the list at path below object that are objects themselves, as parts of it. What is there
// instead of a list counts as an empty one.
func Objects(object map[string]any, path ...string) []map[string]any {
	value, _, _ := unstructured.NestedFieldNoCopy(object, path...)
	items, _ := value.([]any)
	var list []map[string]any
	for _, item := range items {
		if one, ok := item.(map[string]any); ok {
			list = append(list, one)
		}
	}
	return list
}

// CopyObjects are copies of the elements of the list at path below object. It is an error if it is no list, or if one of
// them is no object.
func CopyObjects(object map[string]any, path ...string) ([]map[string]any, error) {
	items, _, err := unstructured.NestedSlice(object, path...)
	if err != nil {
		return nil, err
	}
	var list []map[string]any
	for i, item := range items {
		one, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s[%d] is no object", strings.Join(path, "."), i)
		}
		list = append(list, one)
	}
	return list, nil
}

// Items is list as the value of a field.
func Items(list []map[string]any) []any {
	items := make([]any, len(list))
	for i, one := range list {
		items[i] = one
	}
	return items
}
