package apisix

import "slices"

// lift is how far the copy of a rule ranks above the rule.
const lift = 10000

// priorityOf is the rule's; APISIX's default is 0.
func priorityOf(one rule) int64 {
	priority, _ := one["priority"].(int64)
	return priority
}

// takesFrom says whether the copy of one would take requests that other, which outranks one, gets now. It says so only
// for certain: of one that asks for more than host, method and path, nobody can tell. APISIX goes by priority among
// rules of the same path alone.
func takesFrom(one, other rule) bool {
	outranks := priorityOf(other) > priorityOf(one)
	if !outranks || priorityOf(other) > priorityOf(one)+lift {
		return false
	}
	match, _ := one["match"].(map[string]any)
	for condition := range match {
		if !slices.Contains([]string{"hosts", "methods", "paths"}, condition) {
			return false
		}
	}
	hosts, otherHosts := matched(one, "hosts"), matched(other, "hosts")
	methods, otherMethods := matched(one, "methods"), matched(other, "methods")
	return meet(matched(one, "paths"), matched(other, "paths")) &&
		(meet(hosts, otherHosts) || len(hosts)+len(otherHosts) == 0) &&
		(meet(methods, otherMethods) || len(methods)*len(otherMethods) == 0)
}

// matched are the values of a condition of one.
func matched(one rule, condition string) []any {
	match, _ := one["match"].(map[string]any)
	values, _ := match[condition].([]any)
	return values
}

// meet says whether a and b have a value in common.
func meet(a, b []any) bool {
	return slices.ContainsFunc(a, func(value any) bool { return slices.Contains(b, value) })
}
