package contour

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// overrideHeader tells Linkerd which Service a request is for; Contour sends requests to pods, which Linkerd cannot
// tell apart by side.
const overrideHeader = "l5d-dst-override"

// The fields of the spec of an HTTPProxy that may be ours.
const (
	routesField = "routes"
	classField  = "ingressClassName"
)

// route is one of an HTTPProxy, and entry one of the Services that its requests are divided between, in the API's JSON.
type (
	route = map[string]any
	entry = map[string]any
)

// routes are those of object, as parts of it; it may be nil.
func routes(object *unstructured.Unstructured) []route {
	if object == nil {
		return nil
	}
	return router.Objects(object.Object, "spec", routesField)
}

// entries are those of one route that get its requests, and no copies of them.
func entries(one route) []entry {
	return slices.DeleteFunc(router.Objects(one, "services"), func(e entry) bool { return e["mirror"] == true })
}

// find returns the first of list that is for one of services, which are tried in order, or nil.
func find(list []entry, services ...string) entry {
	for _, service := range services {
		at := slices.IndexFunc(list, func(e entry) bool { return e["name"] == service })
		if at >= 0 {
			return list[at]
		}
	}
	return nil
}

// lead makes the entry for a Service, which is reached as like says in the fields that are not ours; like may be nil.
func lead(c *v1beta1.Canary, like entry, service string, weight rollout.Weight) entry {
	e := entry{}
	if like != nil {
		e = runtime.DeepCopyJSON(like)
	}
	delete(e, "mirror")
	port := int64(c.Spec.Service.Port)
	e["name"] = service
	e["port"] = port
	e["weight"] = int64(weight)
	e["requestHeadersPolicy"] = overriding(e, fmt.Sprintf("%s.%s.svc.cluster.local:%d", service, c.Namespace, port))
	return e
}

// overriding is what e does to the headers of requests, and the override besides.
func overriding(e entry, destination string) map[string]any {
	policy := map[string]any{}
	if present, ok := e["requestHeadersPolicy"].(map[string]any); ok {
		policy = present
	}
	var set []any
	for _, header := range router.Objects(policy, "set") {
		if header["name"] != overrideHeader {
			set = append(set, header)
		}
	}
	policy["set"] = append(set, map[string]any{"name": overrideHeader, "value": destination})
	return policy
}

// weightOf is the entry's; Contour's default is 0.
func weightOf(e entry) int64 {
	weight, _ := e["weight"].(int64)
	return weight
}
