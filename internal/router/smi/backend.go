package smi

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// backend is one of those that a TrafficSplit divides traffic between, in the API's JSON.
type backend = map[string]any

// backends are those of split, which may be nil. They are copies.
func backends(split *unstructured.Unstructured) ([]backend, error) {
	if split == nil {
		return nil, nil
	}
	list, err := router.CopyObjects(split.Object, "spec", "backends")
	if err != nil {
		return nil, fmt.Errorf("read the backends of %s: %w", router.Describe(split), err)
	}
	return list, nil
}

// rootOf is what clients call to have their traffic divided by split.
func rootOf(split *unstructured.Unstructured) string {
	root, _, _ := unstructured.NestedString(split.Object, "spec", "service")
	return root
}

// divide gives split a root and its backends, and leaves the rest of the spec.
func divide(split *unstructured.Unstructured, root string, list []backend) error {
	if err := unstructured.SetNestedField(split.Object, root, "spec", "service"); err != nil {
		return fmt.Errorf("set the root: %w", err)
	}
	if err := unstructured.SetNestedSlice(split.Object, router.Items(list), "spec", "backends"); err != nil {
		return fmt.Errorf("set the backends: %w", err)
	}
	return nil
}

// form is how a weight, in percent, is written.
type form func(percent rollout.Weight) any

func quantity(percent rollout.Weight) any { return strconv.Itoa(int(percent)) }

func number(percent rollout.Weight) any { return int64(percent) }

// form is the version's, given the backends that are there: v1alpha1 takes numbers too and leaves them numbers.
func (v Variant) form(present []backend) form {
	if v.api == v1alpha1 && (len(present) == 0 || haveQuantities(present)) {
		return quantity
	}
	return number
}

// haveQuantities says whether a weight of list is written as only v1alpha1 knows it.
func haveQuantities(list []backend) bool {
	return slices.ContainsFunc(list, func(b backend) bool {
		_, isText := b["weight"].(string)
		return isText
	})
}

// readable is list with weights that the version can read, which mean the same.
func (v Variant) readable(list []backend) []backend {
	if v.api == v1alpha1 || !haveQuantities(list) {
		return list
	}
	var numbers []backend
	for _, b := range list {
		one := maps.Clone(b)
		one["weight"] = weightOf(b)
		numbers = append(numbers, one)
	}
	return numbers
}

// weightOf is the backend's, a number or a quantity. What is neither, or less than nothing, gets no traffic.
func weightOf(b backend) float64 {
	weight := 0.0
	switch w := b["weight"].(type) {
	case int64:
		weight = float64(w)
	case float64:
		weight = w
	case string:
		if parsed, err := resource.ParseQuantity(w); err == nil {
			weight = parsed.AsApproximateFloat64()
		}
	}
	return max(weight, 0)
}
