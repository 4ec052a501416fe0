package workload

import (
	"fmt"
	"strings"
)

// suffix makes the name of the primary's from the name of the target's.
const suffix = "-primary"

// label is the one label by which Services and Deployments tell the primary's pods from the target's.
type label struct{ key, value string }

// primary is the value that the primary's pods carry.
func (l label) primary() string { return l.value + suffix }

// labelOf finds the first of keys in the target's selector; it returns ErrInvalidTarget if none is there.
func labelOf(target view, keys []string) (label, error) {
	labels := target.selected()
	for _, key := range keys {
		if value, found := labels[key]; found {
			return label{key: key, value: value}, nil
		}
	}
	err := fmt.Errorf("getSelectorLabel failed: %s spec.selector.matchLabels must contain one of %v", target, keys)
	return label{}, marked{error: err, mark: ErrInvalidTarget}
}

// isFlux says whether Flux put a label or annotation of this key on an object that it delivered; on a copy it would
// make Flux prune the copy.
func isFlux(key string) bool { return strings.Contains(key, "toolkit.fluxcd.io") }

// keep returns the entries of metadata whose key passes.
func keep(metadata map[string]string, passes func(key string) bool) map[string]string {
	kept := make(map[string]string, len(metadata)+1)
	for key, value := range metadata {
		if passes(key) {
			kept[key] = value
		}
	}
	return kept
}
