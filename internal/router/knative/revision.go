package knative

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

// recorded is how the identities begin that a canary's status has of us; Flagger's do not.
const recorded = "h1:"

// identity is what a canary's status records of the revision of the name, as package workload observes it.
func identity(name string) string { return rollout.Fingerprint(map[string]string{latestCreated: name}) }

// isUnderAnalysis says whether the run that c's status tells of is about the revision. What Flagger recorded tells
// nothing, and its run is taken for one of the latest revision.
func isUnderAnalysis(c *v1beta1.Canary, name string) bool {
	applied := c.Status.LastAppliedSpec
	return applied == identity(name) || !strings.HasPrefix(applied, recorded)
}

// primaryOf is the name of the revision that serves: the annotation says which or, where that is lost, what c promoted
// last. It is empty where that cannot be told.
func primaryOf(c *v1beta1.Canary, service *unstructured.Unstructured) string {
	if name := service.GetAnnotations()[primaryAnnotation]; name != "" {
		return name
	}
	names := named(service)
	at := slices.IndexFunc(names, func(name string) bool { return identity(name) == c.Status.LastPromotedSpec })
	if at < 0 {
		return ""
	}
	return names[at]
}

// named are the revisions that service names anywhere.
func named(service *unstructured.Unstructured) []string {
	names := []string{statusOf(service, latestCreated), statusOf(service, latestReady)}
	for _, part := range []string{"spec", "status"} {
		for _, e := range entries(service, part) {
			name, _ := e["revisionName"].(string)
			names = append(names, name)
		}
	}
	return names
}

// statusOf is a text of the service's status.
func statusOf(service *unstructured.Unstructured, field string) string {
	value, _, _ := unstructured.NestedString(service.Object, "status", field)
	return value
}
