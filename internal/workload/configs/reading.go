package configs

import (
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// sourceAnnotation is on a copy: the reading of the config that it was made from. It is what a memory that a restart has
// emptied begins with.
const sourceAnnotation = "flagger.app/copied-from"

// reading is what one look at a config's data gave.
type reading struct {
	uid types.UID
	// version is the resourceVersion that was read.
	version string
	// sum is empty for a config that is not tracked.
	sum string
}

// readingOf is the reading of a config with its data.
func readingOf(object client.Object) reading {
	r := reading{uid: object.GetUID(), version: object.GetResourceVersion()}
	if isTracked(object) {
		r.sum = contentOf(object).sum()
	}
	return r
}

// String is the value of sourceAnnotation: UID, resourceVersion and checksum, with slashes between them, which none of
// them has.
func (r reading) String() string { return strings.Join([]string{string(r.uid), r.version, r.sum}, "/") }

// noteSource writes on a copy what it is made from.
func noteSource(replica, source client.Object) {
	notes := map[string]string{}
	maps.Copy(notes, replica.GetAnnotations())
	notes[sourceAnnotation] = readingOf(source).String()
	replica.SetAnnotations(notes)
}

// sourceOf is the reading of the config that a copy was made from; empty where the copy does not tell, as one that
// Flagger made, or is no canary's.
func sourceOf(replica client.Object) reading {
	parts := strings.Split(replica.GetAnnotations()[sourceAnnotation], "/")
	if len(parts) != 3 || !isCanarys(replica) {
		return reading{}
	}
	return reading{uid: types.UID(parts[0]), version: parts[1], sum: parts[2]}
}
