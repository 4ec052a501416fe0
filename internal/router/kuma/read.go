package kuma

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// read is the inverse of render: the traffic that route asks for, by whichever port. It returns false where route leads
// to neither side.
func read(c *v1beta1.Canary, route *unstructured.Unstructured) (rollout.Traffic, bool) {
	var primary, canary int64
	found := false
	for tag, weight := range targets(route) {
		switch {
		case isFor(c, tag, router.PrimaryService(c)):
			primary += weight
		case isFor(c, tag, router.CanaryService(c)):
			canary += weight
		default:
			continue
		}
		found = true
	}
	return router.Shares(primary, canary), found
}

// concerns says whether route is about the requests for the apex Service: a second one beside it would be its rival. One
// in another mesh is none, unless it divides them between our sides, as ours does before its canary changes meshes.
func concerns(c *v1beta1.Canary, route *unstructured.Unstructured) bool {
	if _, divides := read(c, route); !divides && meshOf(route) != mesh(c) {
		return false
	}
	return slices.ContainsFunc(selected(route, destinationsPath), func(tag string) bool {
		return isFor(c, tag, router.ApexService(c))
	})
}

// isLeft says whether route divides the traffic of c and was made by Flagger, which claims nothing, or for a canary
// that had the sides before. A user's that was taken over is not.
func isLeft(c *v1beta1.Canary, route *unstructured.Unstructured) bool {
	_, taken := route.GetAnnotations()[router.OriginalAnnotation]
	_, divides := read(c, route)
	return !taken && divides && concerns(c, route) && metav1.GetControllerOf(route) == nil
}
