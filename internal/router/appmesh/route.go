package appmesh

import (
	"fmt"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// Priorities of the routes of an A/B test; App Mesh tries the smaller one first.
const (
	priorityOfTest = 10
	priorityOfRest = 20
)

// dialect is how a version writes down a route.
type dialect struct {
	// suffix follows the protocol in the name of the field that has its route.
	suffix string
	// target is a target that leads to a VirtualNode of the canary's namespace; its weight comes on top.
	target func(node string) map[string]any
	// node is the inverse of target. It returns "" for a VirtualNode of another namespace.
	node func(c *v1beta1.Canary, target map[string]any) string
	// tryTimeout is the field of a retry policy for the time-out of one try, and its value.
	tryTimeout func(milliseconds int64) (string, any)
}

// apexRoutes divide the traffic of the apex as want says: all of it or, in an A/B test, that which meets one of the
// conditions, while the rest goes to the primary.
func (d dialect) apexRoutes(c *v1beta1.Canary, s sheet) []any {
	apex := router.ObjectName(c)
	divided := d.targets(share{canaryNode(c), s.want.Canary}, share{primaryNode(c), s.want.Primary})
	if len(s.conditions) == 0 {
		return []any{d.route(s, apex, nil, divided)}
	}
	var routes []any
	for i, condition := range s.conditions {
		name := apex + "-a"
		if i > 0 {
			name = fmt.Sprintf("%s-%d", name, i+1)
		}
		one := d.route(s, name, condition, divided)
		one["priority"] = int64(priorityOfTest + i)
		routes = append(routes, one)
	}
	rest := d.route(s, apex+"-b", nil, d.targets(share{primaryNode(c), rollout.ToPrimary().Primary}))
	rest["priority"] = int64(priorityOfRest)
	return append(routes, rest)
}

// canaryRoutes lead to the canary whatever the weights.
func (d dialect) canaryRoutes(c *v1beta1.Canary, s sheet) []any {
	all := d.targets(share{canaryNode(c), rollout.ToCanary().Canary})
	return []any{d.route(s, router.ObjectName(c), nil, all)}
}

// share is what a VirtualNode gets of the traffic.
type share struct {
	node   string
	weight rollout.Weight
}

func (d dialect) targets(shares ...share) []any {
	var targets []any
	for _, one := range shares {
		target := d.target(one.node)
		target["weight"] = int64(one.weight)
		targets = append(targets, target)
	}
	return targets
}

// route leads the requests that meet condition, nil for all, to targets.
func (d dialect) route(s sheet, name string, condition []any, targets []any) map[string]any {
	match := map[string]any{}
	field := "metadata"
	if s.protocol == http {
		match["prefix"] = s.prefix
		field = "headers"
	}
	if len(condition) > 0 {
		match[field] = condition
	}
	routed := map[string]any{"match": match, "action": map[string]any{"weightedTargets": targets}}
	if s.retry != nil {
		routed["retryPolicy"] = d.retryPolicy(s.retry)
	}
	return map[string]any{"name": name, string(s.protocol) + d.suffix: routed}
}

func (d dialect) retryPolicy(r *retry) map[string]any {
	policy := map[string]any{"maxRetries": r.attempts}
	field, timeout := d.tryTimeout(r.tryTimeout.Milliseconds())
	policy[field] = timeout
	for field, events := range r.events {
		policy[field] = events
	}
	return policy
}
