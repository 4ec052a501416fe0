package knative

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// entry is one of the list traffic, in the API's JSON.
type entry = map[string]any

// entries are those that the service's spec, or its status, has. They are parts of it.
func entries(service *unstructured.Unstructured, part string) []entry {
	return router.Objects(service.Object, part, "traffic")
}

// pinned leads to the revision of the name, with what Knative sets by default spelled out.
func pinned(name string, percent rollout.Weight) entry {
	return entry{"revisionName": name, "latestRevision": false, "percent": int64(percent)}
}

// latest leads to the last revision that was ready, whichever that is.
func latest(percent rollout.Weight) entry {
	return entry{"latestRevision": true, "percent": int64(percent)}
}

// target is the name of the revision that e leads to.
func target(service *unstructured.Unstructured, e entry) string {
	if name, _ := e["revisionName"].(string); name != "" {
		return name
	}
	return statusOf(service, latestReady)
}

func percentOf(e entry) int64 {
	percent, _ := e["percent"].(int64)
	return percent
}

// tagged are copies of the entries with addresses of their own, by which no users come.
func tagged(service *unstructured.Unstructured) []any {
	var list []any
	for _, e := range entries(service, "spec") {
		if tag, _ := e["tag"].(string); tag == "" {
			continue
		}
		e = runtime.DeepCopyJSON(e)
		e["percent"] = int64(0)
		list = append(list, e)
	}
	return list
}
