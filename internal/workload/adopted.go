package workload

import (
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
)

// renamable are the places in a pod template where Flagger writes "x-primary" for the target's "x". A place that
// ends in a dot stands for all below it.
var renamable = places()

func places() []string {
	found := []string{
		"spec.volumes.configMap.name",
		"spec.volumes.secret.secretName",
		"spec.volumes.projected.sources.configMap.name",
		"spec.volumes.projected.sources.secret.name",
	}
	for _, containers := range []string{"spec.containers.", "spec.initContainers."} {
		found = append(found,
			containers+"env.valueFrom.configMapKeyRef.name",
			containers+"env.valueFrom.secretKeyRef.name",
			containers+"envFrom.configMapRef.name",
			containers+"envFrom.secretRef.name",
		)
	}
	const apart = "spec.affinity.podAntiAffinity."
	for _, selector := range []string{
		"spec.topologySpreadConstraints.labelSelector.",
		apart + "requiredDuringSchedulingIgnoredDuringExecution.labelSelector.",
		apart + "preferredDuringSchedulingIgnoredDuringExecution.podAffinityTerm.labelSelector.",
	} {
		found = append(found, selector+"matchLabels.", selector+"matchExpressions.values")
	}
	return found
}

func isRenamable(path string) bool {
	return slices.ContainsFunc(renamable, func(place string) bool {
		return path == place || strings.HasSuffix(place, ".") && strings.HasPrefix(path, place)
	})
}

// recordedOn is the revision that the primary says it was copied from; empty if it says none of ours.
func recordedOn(primary *appsv1.Deployment) string {
	if recorded := primary.Annotations[revisionAnnotation]; Recorded(recorded) {
		return recorded
	}
	return ""
}

// copied is the revision that the primary was copied from: what it says itself or, where Flagger made it, the
// target's present revision if the two agree. It is empty where that cannot be told.
func (b blueprint) copied(primary *appsv1.Deployment) (string, error) {
	if recorded := recordedOn(primary); recorded != "" {
		return recorded, nil
	}
	wanted := b.template(primary.Spec.Selector)
	present := primary.Spec.Template
	present.Annotations = maps.Clone(present.Annotations)
	delete(present.Annotations, idAnnotation)

	source, err := canonical(&wanted)
	if err != nil {
		return "", err
	}
	replica, err := canonical(&present)
	if err != nil {
		return "", err
	}
	if !isCopy(source, replica, "") {
		return "", nil
	}
	return b.revision, nil
}

// isCopy says whether two canonical trees agree but for the renames of a copy. Path is where they are in the template,
// without the indices of lists.
func isCopy(source, replica any, path string) bool {
	switch source := source.(type) {
	case map[string]any:
		replica, ok := replica.(map[string]any)
		if !ok || len(source) != len(replica) {
			return false
		}
		for key, member := range source {
			twin, found := replica[key]
			if !found || !isCopy(member, twin, strings.TrimPrefix(path+"."+key, ".")) {
				return false
			}
		}
		return true
	case []any:
		replica, ok := replica.([]any)
		return ok && slices.EqualFunc(source, replica, func(a, b any) bool { return isCopy(a, b, path) })
	case string:
		replica, ok := replica.(string)
		return ok && (source == replica || source+suffix == replica && isRenamable(path))
	}
	return source == replica
}
