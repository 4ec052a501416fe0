//go:build linux

package story

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/test/lab/podserver"
)

// Kind is that of an app's workload.
type Kind string

// The kinds of workload.
const (
	Deployment Kind = "Deployment"
	DaemonSet  Kind = "DaemonSet" // a pod on each of the lab's nodes
)

// configKey is where an app's ConfigMap has its value.
const configKey = "value"

func (a App) kind() Kind { return cmp.Or(a.Kind, Deployment) }

func (a App) workload() client.Object {
	meta := metav1.ObjectMeta{Namespace: a.Namespace, Name: Name}
	labels := map[string]string{"app": Name}
	selector := &metav1.LabelSelector{MatchLabels: labels}
	template := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{a.container()}},
	}
	if a.kind() == DaemonSet {
		return &appsv1.DaemonSet{ObjectMeta: meta, Spec: appsv1.DaemonSetSpec{Selector: selector, Template: template}}
	}
	return &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{
		Replicas: ptr.To(a.Replicas), Selector: selector, Template: template,
	}}
}

func (a App) container() corev1.Container {
	container := corev1.Container{
		Name:  Name,
		Image: Image + ":" + a.Version,
		Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: port}},
	}
	if a.Config != "" {
		container.Env = []corev1.EnvVar{{Name: podserver.Variable, ValueFrom: &corev1.EnvVarSource{
			ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: config}, Key: configKey},
		}}}
	}
	return container
}

func (a App) configMap() *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: a.Namespace, Name: config},
		Data:       map[string]string{configKey: a.Config},
	}
}

// Release deploys another image tag, as `kubectl set image` does. It returns the time at which the request was sent.
func (s *Stage) Release(ctx context.Context, a App, version string) (time.Time, error) {
	return s.change(ctx, a.workload(), types.StrategicMergePatchType, map[string]any{
		"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
			"containers": []map[string]string{{"name": Name, "image": Image + ":" + version}},
		}}},
	})
}

// Configure gives the app's ConfigMap another value, and leaves the workload alone. It returns the time at which the
// request was sent.
func (s *Stage) Configure(ctx context.Context, a App, value string) (time.Time, error) {
	return s.change(ctx, a.configMap(), types.MergePatchType, map[string]any{"data": map[string]string{configKey: value}})
}

func (s *Stage) change(ctx context.Context, object client.Object, kind types.PatchType, patch map[string]any) (time.Time, error) {
	encoded, err := json.Marshal(patch)
	if err != nil {
		return time.Time{}, fmt.Errorf("encode a patch of %T %s: %w", object, object.GetName(), err)
	}
	sent := s.now()
	if err := s.Client.Patch(ctx, object, client.RawPatch(kind, encoded), fieldOwner); err != nil {
		return time.Time{}, fmt.Errorf("change %T %s: %w", object, object.GetName(), err)
	}
	return sent, nil
}

// PrimaryConfig reads the value that the primary's pods start with.
func (s *Stage) PrimaryConfig(ctx context.Context, a App) (string, error) {
	copied := &corev1.ConfigMap{}
	key := client.ObjectKey{Namespace: a.Namespace, Name: config + "-primary"}
	if err := s.Client.Get(ctx, key, copied); err != nil {
		return "", fmt.Errorf("get the primary's config map: %w", err)
	}
	return copied.Data[configKey], nil
}
