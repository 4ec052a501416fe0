package workload

import (
	"maps"
	"slices"
	"strings"

	"flagger.app/flagger/internal/workload/configs"
)

// references are the places in a pod template that name a ConfigMap or a Secret. Paths leave out the indices of lists.
var references = referencePlaces()

// apart are the places in a pod template with the selectors by which pods keep apart from each other.
var apart = []string{
	"spec.topologySpreadConstraints.labelSelector",
	"spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution.labelSelector",
	"spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution.podAffinityTerm.labelSelector",
}

func referencePlaces() map[string]configs.Kind {
	found := map[string]configs.Kind{
		"spec.volumes.configMap.name":                   configs.ConfigMap,
		"spec.volumes.secret.secretName":                configs.Secret,
		"spec.volumes.projected.sources.configMap.name": configs.ConfigMap,
		"spec.volumes.projected.sources.secret.name":    configs.Secret,
	}
	for _, containers := range []string{"containers", "initContainers", "ephemeralContainers"} {
		maps.Copy(found, map[string]configs.Kind{
			"spec." + containers + ".env.valueFrom.configMapKeyRef.name": configs.ConfigMap,
			"spec." + containers + ".env.valueFrom.secretKeyRef.name":    configs.Secret,
			"spec." + containers + ".envFrom.configMapRef.name":          configs.ConfigMap,
			"spec." + containers + ".envFrom.secretRef.name":             configs.Secret,
		})
	}
	return found
}

// isReference says whether a config is named at path.
func isReference(path string) bool {
	_, found := references[path]
	return found
}

// isApart says whether at path is a value by which pods keep apart.
func isApart(path string) bool {
	return slices.ContainsFunc(apart, func(place string) bool {
		below, found := strings.CutPrefix(path, place)
		return found && (below == ".matchExpressions.values" || strings.HasPrefix(below, ".matchLabels."))
	})
}

// isRenamable says whether the primary may have "x-primary" at path where the target has "x".
func isRenamable(path string) bool { return isReference(path) || isApart(path) }
