package standin

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// defaultWeight is APISIX's for a backend without one.
const defaultWeight = 100

// rule is one of an ApisixRoute's for HTTP. A condition without values is met by every request.
type rule struct {
	name                  string // as in APISIX's metrics
	hosts, paths, methods []string
	priority              int64
	shares                division
}

// rulesOf reads an ApisixRoute.
func rulesOf(route *unstructured.Unstructured) []rule {
	var rules []rule
	for _, from := range objects(route.Object, "spec", "http") {
		name, _ := from["name"].(string)
		priority, _ := from["priority"].(int64)
		r := rule{name: strings.Join([]string{route.GetNamespace(), route.GetName(), name}, "_"), priority: priority}
		r.hosts, _, _ = unstructured.NestedStringSlice(from, "match", "hosts") // the CRD sees to the types
		r.paths, _, _ = unstructured.NestedStringSlice(from, "match", "paths")
		r.methods, _, _ = unstructured.NestedStringSlice(from, "match", "methods")
		for _, backend := range objects(from, "backends") {
			service, _ := backend["serviceName"].(string)
			s := share{
				to: servicePort{
					service: types.NamespacedName{Namespace: route.GetNamespace(), Name: service},
					port:    fmt.Sprint(backend["servicePort"]), // a number or a name
				},
				weight: defaultWeight,
			}
			if weight, ok := backend["weight"].(int64); ok {
				s.weight = float64(weight)
			}
			r.shares = append(r.shares, s)
		}
		rules = append(rules, r)
	}
	return rules
}

// match returns how well the rule fits a request: the more the longer its path, and an exact one better than a prefix
// of the same length. Zero is not at all.
func (r rule) match(host, path, method string) int {
	if len(r.hosts) > 0 && !slices.Contains(r.hosts, host) || len(r.methods) > 0 && !slices.Contains(r.methods, method) {
		return 0
	}
	best := 0
	for _, pattern := range r.paths {
		prefix, open := strings.CutSuffix(pattern, "*")
		switch {
		case open && strings.HasPrefix(path, prefix):
			best = max(best, 2*len(prefix))
		case path == pattern:
			best = max(best, 2*len(pattern)+1)
		}
	}
	return best
}

// objects are the elements of the list at a path below object that are objects themselves.
func objects(object map[string]any, path ...string) []map[string]any {
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
