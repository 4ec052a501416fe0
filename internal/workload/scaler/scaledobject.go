package scaler

import (
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
)

const (
	// nameLabel is the label by which KEDA finds a ScaledObject; it has the object's name.
	nameLabel = "scaledobject.keda.sh/name"
	// pausePrefix begins the annotations that stop KEDA from scaling, all the way or in one direction.
	pausePrefix = "autoscaling.keda.sh/paused"
	// pauseAnnotation makes KEDA keep a workload at that number of pods; ours is noPods.
	pauseAnnotation = pausePrefix + "-replicas"
	noPods          = "0"
)

var scaledObject = kind{
	gvk:      schema.GroupVersionKind{Group: "keda.sh", Version: "v1alpha1", Kind: "ScaledObject"},
	least:    "minReplicaCount",
	most:     "maxReplicaCount",
	scales:   "Deployment",
	adapt:    adaptScaledObject,
	annotate: annotateScaledObject,
	texts: texts{
		readTarget:  "Keda ScaledObject %s.%s get query error: %w",
		readPrimary: "Keda ScaledObject %s.%s get query failed: %w",
		create:      "creating Keda ScaledObject %s.%s failed: %w",
		update:      "updating ScaledObject %s.%s failed: %w",
	},
}

// annotateScaledObject is the target's annotations without a pause, and with those pauses of the primary that are its
// user's.
func annotateScaledObject(target, live map[string]string) map[string]string {
	isOwn := func(key string) bool {
		return strings.HasPrefix(key, pausePrefix) && (key != pauseAnnotation || live[key] != noPods)
	}
	kept := keep(kube.WithoutTracking(target), func(key string) bool {
		return isPortable(key) && !strings.HasPrefix(key, pausePrefix)
	})
	paused := keep(live, isOwn)
	if kept == nil {
		return paused
	}
	maps.Copy(kept, paused)
	return kept
}

func adaptScaledObject(c *v1beta1.Canary, primary *unstructured.Unstructured) error {
	labels := primary.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[nameLabel] = primary.GetName()
	primary.SetLabels(labels)
	if err := renameHPA(primary); err != nil {
		return err
	}
	return rewriteTriggers(c, primary)
}

// renameHPA gives the HorizontalPodAutoscaler that KEDA makes for the primary a name of its own, where it has one.
func renameHPA(primary *unstructured.Unstructured) error {
	path := []string{"spec", "advanced", "horizontalPodAutoscalerConfig"}
	config, _, err := unstructured.NestedMap(primary.Object, path...)
	if err != nil {
		return err
	}
	if config == nil {
		config = map[string]any{}
	}
	if name, _ := config["name"].(string); name != "" {
		config["name"] = name + suffix
	}
	return unstructured.SetNestedMap(primary.Object, config, path...)
}

// rewriteTriggers makes the triggers ask about the primary: by the canary's queries where it has any, and else by the
// target's queries with the target's name exchanged.
func rewriteTriggers(c *v1beta1.Canary, primary *unstructured.Unstructured) error {
	triggers, found, err := unstructured.NestedSlice(primary.Object, "spec", "triggers")
	if err != nil || !found {
		return err
	}
	query := derived(c.Spec.TargetRef.Name)
	if own := c.Spec.AutoscalerRef.PrimaryScalerQueries; own != nil {
		query = chosen(own)
	}
	for _, item := range triggers {
		trigger, _ := item.(map[string]any)
		if metadata, ok := trigger["metadata"].(map[string]any); ok {
			query(trigger, metadata)
		}
	}
	return unstructured.SetNestedSlice(primary.Object, triggers, "spec", "triggers")
}

// derived puts the primary's name where the target's is, or the canary's. What speaks of the primary already is left.
func derived(target string) func(trigger, metadata map[string]any) {
	rename := strings.NewReplacer(target+suffix, target+suffix, target+"-canary", target+suffix, target, target+suffix)
	return func(_, metadata map[string]any) {
		if query, ok := metadata["query"].(string); ok {
			metadata["query"] = rename.Replace(query)
		}
	}
}

// chosen takes the queries by the names of the triggers.
func chosen(queries map[string]string) func(trigger, metadata map[string]any) {
	return func(trigger, metadata map[string]any) {
		name, _ := trigger["name"].(string)
		if query, found := queries[name]; found {
			metadata["query"] = query
		}
	}
}
