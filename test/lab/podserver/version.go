package podserver

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
)

// Variable is the environment variable whose value is part of the version.
const Variable = "CONFIG"

// Version is what pods answer with that run an image tag with a value of Variable; no value is empty.
func Version(tag, value string) string {
	if value == "" {
		return tag
	}
	return tag + "+" + value
}

// version is the one that a container answers with.
func version(container corev1.Container) string {
	value := ""
	for _, variable := range container.Env {
		if variable.Name == Variable {
			value = variable.Value
		}
	}
	return Version(tag(container.Image), value)
}

// tag returns the tag of an image reference, or "latest" where it has none, as container runtimes do.
func tag(image string) string {
	image, _, _ = strings.Cut(image, "@")
	slash := strings.LastIndexByte(image, '/')
	if colon := strings.LastIndexByte(image, ':'); colon > slash {
		return image[colon+1:]
	}
	return "latest"
}

// resolve returns a copy of a pod whose first container has the values that ConfigMaps hold for its environment now.
func resolve(ctx context.Context, maps typedcorev1.ConfigMapsGetter, from *corev1.Pod) (*corev1.Pod, error) {
	from = from.DeepCopy()
	variables := from.Spec.Containers[0].Env
	for i := range variables {
		source := variables[i].ValueFrom
		if source == nil || source.ConfigMapKeyRef == nil {
			continue
		}
		name := source.ConfigMapKeyRef.Name
		found, err := maps.ConfigMaps(from.Namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return nil, fmt.Errorf("get config map %s of pod %s.%s: %w", name, from.Name, from.Namespace, err)
		}
		variables[i].Value, variables[i].ValueFrom = found.Data[source.ConfigMapKeyRef.Key], nil
	}
	return from, nil
}
