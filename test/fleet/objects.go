//go:build linux

package fleet

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
)

const (
	servicePort = 80
	podPort     = 9898
	valueKey    = "value" // of the ConfigMaps and Secrets
	image       = "ghcr.io/stefanprodan/podinfo"
)

// What targets begin with.
const (
	FirstTag    = "1.0.0"
	FirstConfig = "blue"
)

// Tag is the tag of the image that a workload of a fleet runs.
func Tag(d *appsv1.Deployment) string {
	return strings.TrimPrefix(d.Spec.Template.Spec.Containers[0].Image, image+":")
}

// Config is the value of a fleet's ConfigMap.
func Config(m *corev1.ConfigMap) string { return m.Data[valueKey] }

func named(key types.NamespacedName) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}
}

func configMap(key types.NamespacedName) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: named(key), Data: map[string]string{valueKey: FirstConfig}}
}

func secret(key types.NamespacedName) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: named(key), StringData: map[string]string{valueKey: "red"}}
}

func (f *Fleet) deployment(key types.NamespacedName) *appsv1.Deployment {
	labels := map[string]string{"app": key.Name}
	reference := corev1.LocalObjectReference{Name: key.Name}
	return &appsv1.Deployment{
		ObjectMeta: named(key),
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To(int32(f.Replicas)),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{
					Name:  "app",
					Image: image + ":" + FirstTag,
					Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: podPort}},
					Env: []corev1.EnvVar{
						{Name: "COLOUR", ValueFrom: &corev1.EnvVarSource{
							ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: reference, Key: valueKey},
						}},
						{Name: "KEY", ValueFrom: &corev1.EnvVarSource{
							SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: reference, Key: valueKey},
						}},
					},
				}}},
			},
		},
	}
}

func (f *Fleet) canary(key types.NamespacedName) *v1beta1.Canary {
	interval := fmt.Sprintf("%ds", int(f.Interval.Seconds()))
	return &v1beta1.Canary{
		ObjectMeta: named(key),
		Spec: v1beta1.CanarySpec{
			TargetRef: v1beta1.LocalObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: key.Name},
			Service: v1beta1.CanaryService{
				Port: servicePort, TargetPort: intstr.FromInt32(podPort), Hosts: []string{key.Name + ".example.com"},
				GatewayRefs: []gatewayv1.ParentReference{f.Gateway.parent()},
				Headless:    f.Gateway == StandIn, // the API server goes through all addresses to give one: seconds with 10,000
			},
			Analysis: &v1beta1.CanaryAnalysis{
				Interval:    interval,
				Threshold:   v1beta1.Number(f.Threshold),
				StepWeights: f.Steps,
				Metrics: []v1beta1.CanaryMetric{{
					Name: "request-success-rate", Interval: interval, ThresholdRange: &v1beta1.CanaryThresholdRange{Min: ptr.To(99.0)},
				}},
			},
		},
	}
}
