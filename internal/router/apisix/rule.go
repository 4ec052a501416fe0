package apisix

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// defaultWeight is APISIX's for a backend and for an upstream without one.
const defaultWeight = 100

// rule is one of the rules of an ApisixRoute for HTTP, and backend one Service that a rule leads to, in the API's JSON.
type (
	rule    = map[string]any
	backend = map[string]any
)

// rules are those of route for HTTP, as parts of it.
func rules(route *unstructured.Unstructured) []rule {
	return router.Objects(route.Object, "spec", "http")
}

// find returns the backend of one that is for the Service, or nil.
func find(one rule, service string) backend {
	list := router.Objects(one, "backends")
	at := slices.IndexFunc(list, func(b backend) bool { return b["serviceName"] == service })
	if at < 0 {
		return nil
	}
	return list[at]
}

// weightOf is the backend's; a Service that is no backend has none.
func weightOf(b backend) int64 {
	if b == nil {
		return 0
	}
	if weight, ok := b["weight"].(int64); ok {
		return weight
	}
	return defaultWeight
}

// sides are the primary and the canary as the backends of a rule, reached as like says in the fields that are not ours.
func sides(c *v1beta1.Canary, like backend, want rollout.Traffic) []any {
	side := func(service string, weight rollout.Weight) any {
		b := runtime.DeepCopyJSON(like)
		b["serviceName"] = service
		b["weight"] = int64(weight)
		return b
	}
	return []any{side(router.PrimaryService(c), want.Primary), side(router.CanaryService(c), want.Canary)}
}
