package workload

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"flagger.app/flagger/internal/rollout"
)

// unsettled is noted in place of configs while others are being copied. No set of configs has this fingerprint.
const unsettled = revisionPrefix + "unsettled"

// recordedOn is the version that the primary says it was copied from; what it does not say is empty, as is what Flagger
// may have noted.
func recordedOn(primary metav1.Object) rollout.Version {
	notes := primary.GetAnnotations()
	version := rollout.Version{Revision: notes[revisionAnnotation], Configs: notes[configsAnnotation]}
	if !Recorded(version.Revision) {
		version.Revision = ""
	}
	if !Recorded(version.Configs) {
		version.Configs = ""
	}
	return version
}

// record returns a copy of annotations that says which version a primary was copied from.
func record(annotations map[string]string, version rollout.Version) map[string]string {
	notes := make(map[string]string, len(annotations)+2)
	maps.Copy(notes, annotations)
	for key, value := range map[string]string{revisionAnnotation: version.Revision, configsAnnotation: version.Configs} {
		notes[key] = value
		if value == "" {
			delete(notes, key)
		}
	}
	return notes
}

// agrees says whether a primary that bears no mark of ours has the blueprint's template. It may refer to a copy where
// none would be made now, but not the other way around. Fields that our types do not know are not compared: Flagger's
// own may have lost them on the way.
func (b blueprint) agrees(primary view) (bool, error) {
	b.kind.apart = nil // of these Flagger renames fewer, so both names are taken
	tree := b.template(primary.selected())
	b.rename(tree["spec"], "spec")
	wanted := &corev1.PodTemplateSpec{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(tree, wanted); err != nil {
		return false, err
	}
	present := *primary.template
	present.Annotations = maps.Clone(present.Annotations)
	delete(present.Annotations, idAnnotation)

	source, err := canonical(wanted)
	if err != nil {
		return false, err
	}
	replica, err := canonical(&present)
	if err != nil {
		return false, err
	}
	return isCopy(source, replica, ""), nil
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
