package testkit

import (
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
)

// Target makes the canary one of the target App of that version and kind.
func Target(apiVersion, kind string) CanaryOption {
	return func(c *v1beta1.Canary) {
		c.Spec.TargetRef = v1beta1.LocalObjectReference{APIVersion: apiVersion, Kind: kind, Name: App}
	}
}

// ScaledBy names the autoscaler App of that kind as the target's.
func ScaledBy(kind string) CanaryOption {
	return func(c *v1beta1.Canary) { c.Spec.AutoscalerRef = &v1beta1.AutoscalerReference{Kind: kind, Name: App} }
}

// DaemonSet is the target App with pods of that image on every node, as its user applies it.
func DaemonSet(image string) *appsv1.DaemonSet {
	like := Deployment(image)
	return &appsv1.DaemonSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "DaemonSet"},
		ObjectMeta: like.ObjectMeta,
		Spec:       appsv1.DaemonSetSpec{Selector: like.Spec.Selector, Template: like.Spec.Template},
	}
}

// HorizontalPodAutoscaler scales the Deployment App between that many pods, as its user applies it.
func HorizontalPodAutoscaler(least, most int32) *autoscalingv2.HorizontalPodAutoscaler {
	return &autoscalingv2.HorizontalPodAutoscaler{
		TypeMeta:   metav1.TypeMeta{APIVersion: "autoscaling/v2", Kind: "HorizontalPodAutoscaler"},
		ObjectMeta: metav1.ObjectMeta{Name: App},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: App},
			MinReplicas:    &least,
			MaxReplicas:    most,
		},
	}
}

// ScaledObject is KEDA's for the Deployment App, between that many pods, as its user applies it.
func ScaledObject(least, most int64) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "keda.sh/v1alpha1",
		"kind":       "ScaledObject",
		"metadata":   map[string]any{"name": App},
		"spec": map[string]any{
			"scaleTargetRef":  map[string]any{"name": App},
			"minReplicaCount": least,
			"maxReplicaCount": most,
			"triggers": []any{map[string]any{
				"type": "prometheus",
				"metadata": map[string]any{
					"serverAddress": "http://prometheus.invalid", "query": `load{app="web"}`, "threshold": "5",
				},
			}},
		},
	}}
}
