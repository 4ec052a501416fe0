package scaler

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"flagger.app/flagger/api/v1beta1"
)

// hpa is always read in this version, whatever spec.autoscalerRef.apiVersion says. A paused target needs nothing done
// to it: a HorizontalPodAutoscaler does not act on a workload of no pods.
var hpa = kind{
	gvk:      schema.GroupVersionKind{Group: "autoscaling", Version: "v2", Kind: "HorizontalPodAutoscaler"},
	least:    "minReplicas",
	most:     "maxReplicas",
	adapt:    func(*v1beta1.Canary, *unstructured.Unstructured) error { return nil },
	annotate: func(_, live map[string]string) map[string]string { return live },
	texts: texts{
		readTarget:  "HorizontalPodAutoscaler %s.%s get query error: %w",
		readPrimary: "HorizontalPodAutoscaler v2 %s.%s get query failed: %w",
		create:      "creating HorizontalPodAutoscaler v2 %s.%s failed: %w",
		update:      "updating HorizontalPodAutoscaler v2 %s.%s failed: %w",
	},
}
