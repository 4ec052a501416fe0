package skipper

import (
	"encoding/json"
	"strings"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// Annotations that Skipper reads of an Ingress.
const (
	backendWeights = "zalando.org/backend-weights"
	predicate      = "zalando.org/skipper-predicate"
	extraRoutes    = "zalando.org/skipper-routes"
)

// Predicates that a canary Ingress begins with.
const (
	preferred = "Weight(100)"
	disabled  = "False()"
)

// weights are Skipper's of the Services, by name. Those that are not there, or cannot be read, are none.
func weights(annotations map[string]string) map[string]float64 {
	read := map[string]float64{}
	if err := json.Unmarshal([]byte(annotations[backendWeights]), &read); err != nil || read == nil {
		return map[string]float64{}
	}
	return read
}

// divide sets those of annotations, which are the user's, that make Skipper divide traffic as want says.
func divide(c *v1beta1.Canary, annotations map[string]string, want rollout.Traffic) {
	shares := weights(annotations)
	delete(shares, router.ApexService(c))
	shares[router.PrimaryService(c)] = float64(want.Primary)
	shares[router.CanaryService(c)] = float64(want.Canary)
	content, _ := json.Marshal(shares) // JSON has no number that it could not write again
	annotations[backendWeights] = string(content)
	annotations[predicate] = predicates(want, annotations[predicate])
}

// predicates are ours and, after it, the user's.
func predicates(want rollout.Traffic, users string) string {
	ours := preferred
	if want.Canary == 0 {
		ours = disabled
	}
	if users = strings.TrimSpace(users); users == "" {
		return ours
	}
	return ours + " && " + users
}
