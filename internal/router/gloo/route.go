package gloo

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// route is one of a RouteTable, and target one of the weighted destinations that its requests are divided between, in
// the API's JSON.
type (
	route  = map[string]any
	target = map[string]any
)

// actions are the fields of a route of which it has one: what becomes of its requests.
var actions = []string{"routeAction", "redirectAction", "directResponseAction", "delegateAction", "graphqlApiRef"}

// routes are those of table, as parts of it; it may be nil.
func routes(table *unstructured.Unstructured) []route {
	if table == nil {
		return nil
	}
	return router.Objects(table.Object, routesPath...)
}

// targets are those of one. Its only destination has all of the weight.
func targets(one route) []target {
	if only, found, _ := unstructured.NestedFieldNoCopy(one, "routeAction", "single"); found {
		return []target{{"destination": only, "weight": int64(rollout.ToPrimary().Primary)}}
	}
	return router.Objects(one, "routeAction", "multi", "destinations")
}

// upstreamOf is the name of the Upstream that t leads to, if it is in the canary's namespace, or "".
func upstreamOf(c *v1beta1.Canary, t target) string {
	namespace, _, _ := unstructured.NestedString(t, "destination", "upstream", "namespace")
	if namespace != "" && namespace != c.Namespace {
		return ""
	}
	name, _, _ := unstructured.NestedString(t, "destination", "upstream", "name")
	return name
}

// find returns the first of list that leads to one of sides, which are tried in order, or nil.
func find(c *v1beta1.Canary, list []target, sides ...side) target {
	for _, s := range sides {
		at := slices.IndexFunc(list, func(t target) bool { return s.has(upstreamOf(c, t)) })
		if at >= 0 {
			return list[at]
		}
	}
	return nil
}

// leadsTo says whether a route of table, which may be nil, has the Upstream of the name among its destinations.
func leadsTo(c *v1beta1.Canary, table *unstructured.Unstructured, upstream string) bool {
	for _, one := range routes(table) {
		if slices.ContainsFunc(targets(one), func(t target) bool { return upstreamOf(c, t) == upstream }) {
			return true
		}
	}
	return false
}

// lead makes the weighted destination of a side, with what like has besides; like may be nil.
func lead(c *v1beta1.Canary, like target, s side, weight rollout.Weight) target {
	t := target{}
	if like != nil {
		t = runtime.DeepCopyJSON(like)
	}
	destination, ok := t["destination"].(map[string]any)
	if !ok {
		destination = map[string]any{}
	}
	delete(destination, "kube")
	destination["upstream"] = map[string]any{"name": s.upstream, "namespace": c.Namespace}
	t["destination"] = destination
	t["weight"] = int64(weight)
	return t
}

// weightOf is the target's; Gloo's default is 0.
func weightOf(t target) int64 {
	weight, _ := t["weight"].(int64)
	return weight
}
