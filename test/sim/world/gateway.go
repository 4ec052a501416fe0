package world

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// temper is how a gateway answers routes.
type temper int

const (
	prompt temper = iota
	slow
	strict
	silent
)

// gateway is the one that the HTTPRoute names.
type gateway struct {
	temper temper
	// asked is the generation of the route that it looks at, answers when it has come to an end with that.
	asked   int
	answers time.Time
}

// verdict is the answer of a gateway.
type verdict struct {
	status metav1.ConditionStatus
	reason string
}

// judge returns the answer to a generation of the route, if there is one by now.
func (g *gateway) judge(now time.Time, generation int) (verdict, bool) {
	if g.asked != generation {
		g.asked, g.answers = generation, now
		if g.temper == slow {
			g.answers = now.Add(7 * time.Second)
		}
	}
	switch {
	case g.temper == silent, now.Before(g.answers):
		return verdict{}, false
	case g.temper == strict:
		return verdict{metav1.ConditionFalse, "NotAllowedByListeners"}, true
	}
	return verdict{metav1.ConditionTrue, "Accepted"}, true
}

// told tells whether the route's status says so already.
func (g *gateway) told(route tree, v verdict) bool {
	parents := list(route, "status", "parents")
	if len(parents) == 0 {
		return false
	}
	parent, _ := parents[0].(tree)
	accepted := condition(list(parent, "conditions"), "Accepted")
	return accepted["reason"] == v.reason && number(accepted, "observedGeneration") == number(route, "metadata", "generation")
}

// parents is the status of a route that the gateway has judged.
func (g *gateway) parents(route tree, v verdict) []any {
	var parents []any
	for _, ref := range list(route, "spec", "parentRefs") {
		parents = append(parents, tree{
			"parentRef": ref, "controllerName": "flagger.app/simulation",
			"conditions": []any{tree{
				"type": "Accepted", "status": string(v.status), "reason": v.reason, "message": "",
				"observedGeneration": number(route, "metadata", "generation"), "lastTransitionTime": dawn.Format(time.RFC3339),
			}},
		})
	}
	return parents
}

// split is how a route divides users.
type split struct{ primary, canary int }

// divided returns the weights of the rule that has both backends and is for users without a cookie; false for a route
// without one.
func divided(route tree) (split, bool) {
	for _, entry := range list(route, "spec", "rules") {
		rule, _ := entry.(tree)
		if weights, found := backends(rule); found && !needsCookie(rule) {
			return weights, true
		}
	}
	return split{primary: 100}, false
}

// backends returns the weights of a rule that has both sides behind it.
func backends(rule tree) (split, bool) {
	weights, sides := split{}, 0
	for _, entry := range list(rule, "backendRefs") {
		backend, _ := entry.(tree)
		switch text(backend, "name") {
		case primary:
			weights.primary = number(backend, "weight")
			sides++
		case canaryside:
			weights.canary = number(backend, "weight")
			sides++
		}
	}
	return weights, sides == 2
}

func needsCookie(rule tree) bool {
	for _, entry := range list(rule, "matches") {
		match, _ := entry.(tree)
		for _, entry := range list(match, "headers") {
			if header, _ := entry.(tree); text(header, "name") == "Cookie" {
				return true
			}
		}
	}
	return false
}
