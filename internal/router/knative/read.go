package knative

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// read is the inverse of render: the traffic that service is configured for, where primary serves. Whoever is at
// another revision counts as the canary's, be that the one under analysis or not.
func read(service *unstructured.Unstructured, primary string) rollout.Traffic {
	list := entries(service, "spec")
	if len(list) == 0 {
		list = []entry{latest(whole)} // Knative's default
	}
	var atPrimary, elsewhere int64
	for _, e := range list {
		if target(service, e) == primary {
			atPrimary += percentOf(e)
		} else {
			elsewhere += percentOf(e)
		}
	}
	return router.Shares(atPrimary, elsewhere)
}

// others is the revision besides primary that has users, the first of several, or empty.
func others(service *unstructured.Unstructured, primary string) string {
	for _, e := range entries(service, "spec") {
		if name := target(service, e); percentOf(e) > 0 && name != primary {
			return name
		}
	}
	return ""
}
