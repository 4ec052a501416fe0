package kube

import "strings"

// Inherited returns a copy of those labels or annotations of a source that an object made from it takes over, as
// -include-label-prefix says it: the prefix "*" includes every key, another one the keys that begin with it, an empty
// one none. What Flux put there is never taken over, or Flux would prune the object as one that it no longer delivers.
func Inherited(metadata map[string]string, prefixes []string) map[string]string {
	inherited := make(map[string]string, len(metadata))
	for key, value := range metadata {
		if isIncluded(key, prefixes) && !strings.Contains(key, "toolkit.fluxcd.io") {
			inherited[key] = value
		}
	}
	return inherited
}

func isIncluded(key string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if prefix == "*" || prefix != "" && strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}
