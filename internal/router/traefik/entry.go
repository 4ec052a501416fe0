package traefik

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// listPath is the list of the Services that a TraefikService divides traffic between.
var listPath = []string{"spec", "weighted", "services"}

// entry is one of that list, in the API's JSON.
type entry = map[string]any

// entries are those of object, which may be nil. They are copies.
func entries(object *unstructured.Unstructured) ([]entry, error) {
	if object == nil {
		return nil, nil
	}
	list, err := router.CopyObjects(object.Object, listPath...)
	if err != nil {
		return nil, fmt.Errorf("read the services of %s: %w", router.Describe(object), err)
	}
	return list, nil
}

// find returns the first of list that leads to one of services, which are tried in order, or nil.
func find(c *v1beta1.Canary, list []entry, services ...string) entry {
	for _, service := range services {
		at := slices.IndexFunc(list, func(e entry) bool { return leadsTo(c, e, service) })
		if at >= 0 {
			return list[at]
		}
	}
	return nil
}

// leadsTo says whether e is for the Service of the name in the canary's namespace, and for no TraefikService.
func leadsTo(c *v1beta1.Canary, e entry, service string) bool {
	namespace, kind := e["namespace"], e["kind"]
	return e["name"] == service &&
		(namespace == nil || namespace == "" || namespace == c.Namespace) &&
		(kind == nil || kind == "" || kind == "Service")
}

// lead makes the entry for a Service, which is reached as like says in the fields that are not ours; like may be nil.
func lead(c *v1beta1.Canary, like entry, service string, weight rollout.Weight) entry {
	e := entry{}
	maps.Copy(e, runtime.DeepCopyJSON(like))
	delete(e, "kind")
	e["name"] = service
	e["namespace"] = c.Namespace
	e["port"] = int64(c.Spec.Service.Port)
	e["weight"] = int64(weight)
	return e
}

// weightOf is the entry's; Traefik's default is 1. A side without an entry has none.
func weightOf(e entry) int64 {
	if e == nil {
		return 0
	}
	weight, found, err := unstructured.NestedInt64(e, "weight")
	if err != nil || !found {
		return 1
	}
	return weight
}
