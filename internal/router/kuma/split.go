package kuma

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/internal/router"
)

// serviceTag is by what Kuma selects a service.
const serviceTag = "kuma.io/service"

// Paths of a TrafficRoute's fields.
var (
	sourcesPath      = []string{"spec", "sources"}
	destinationsPath = []string{"spec", "destinations"}
	splitPath        = []string{"spec", "conf", "split"}
	destinationPath  = []string{"spec", "conf", "destination"}
	httpPath         = []string{"spec", "conf", "http"}
)

// selector selects the services that have a tag, as sources and destinations do.
func selector(tag string) any {
	return map[string]any{"match": map[string]any{serviceTag: tag}}
}

// portion is an entry of a split.
func portion(tag string, weight int64) any {
	return map[string]any{"weight": weight, "destination": map[string]any{serviceTag: tag}}
}

// selected are the services that the selectors at a path of route select.
func selected(route *unstructured.Unstructured, path []string) []string {
	var tags []string
	for _, one := range router.Objects(route.Object, path...) {
		tag, _, _ := unstructured.NestedString(one, "match", serviceTag)
		tags = append(tags, tag)
	}
	return tags
}

// targets are the services that route leads to when it does not look at the request, and their weights. A single
// destination has all the weight that there is.
func targets(route *unstructured.Unstructured) map[string]int64 {
	weights := map[string]int64{}
	for _, one := range router.Objects(route.Object, splitPath...) {
		tag, _, _ := unstructured.NestedString(one, "destination", serviceTag)
		weight, _, _ := unstructured.NestedInt64(one, "weight")
		weights[tag] += weight
	}
	if tag, found, _ := unstructured.NestedString(route.Object, append(destinationPath, serviceTag)...); found {
		weights[tag]++
	}
	return weights
}
