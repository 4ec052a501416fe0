package configs

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Kind is the kind of a config, in the spelling of status.trackedConfigs.
type Kind string

// The kinds that are tracked.
const (
	ConfigMap Kind = "configmap"
	Secret    Kind = "secret"
)

// kinds are all of them, sorted.
var kinds = []Kind{ConfigMap, Secret}

// Metadata returns an empty object to read, watch and cache the kind by.
func (k Kind) Metadata() *metav1.PartialObjectMetadata {
	name := "ConfigMap"
	if k == Secret {
		name = "Secret"
	}
	return &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: name}}
}

// newObject is an empty object of the kind with room for its data.
func (k Kind) newObject() client.Object {
	if k == Secret {
		return &corev1.Secret{}
	}
	return &corev1.ConfigMap{}
}

// Key names a config in status.trackedConfigs and in the index of workloads: "configmap/name" or "secret/name".
func Key(kind Kind, name string) string { return string(kind) + "/" + name }

// Reference is one mention of a config in a pod template.
type Reference struct {
	Kind Kind
	Name string
	// Optional: the pods start without it, too.
	Optional bool
}

// References lists what a template refers to, each config once, sorted by kind and name. One that is mandatory in any
// place is mandatory.
func References(template *corev1.PodTemplateSpec) []Reference {
	found := mentions{}
	pod := &template.Spec
	for i := range pod.Volumes {
		found.addVolume(&pod.Volumes[i].VolumeSource)
	}
	for i := range pod.InitContainers {
		found.addEnvironment(pod.InitContainers[i].Env, pod.InitContainers[i].EnvFrom)
	}
	for i := range pod.Containers {
		found.addEnvironment(pod.Containers[i].Env, pod.Containers[i].EnvFrom)
	}
	for i := range pod.EphemeralContainers {
		found.addEnvironment(pod.EphemeralContainers[i].Env, pod.EphemeralContainers[i].EnvFrom)
	}
	return found.sorted()
}

// mentions tell of each config whether every mention of it is optional.
type mentions map[mention]bool

type mention struct {
	kind Kind
	name string
}

func (m mentions) add(kind Kind, name string, optional *bool) {
	if name == "" {
		return
	}
	key := mention{kind: kind, name: name}
	soFar, known := m[key]
	m[key] = optional != nil && *optional && (soFar || !known)
}

func (m mentions) addVolume(source *corev1.VolumeSource) {
	if source.ConfigMap != nil {
		m.add(ConfigMap, source.ConfigMap.Name, source.ConfigMap.Optional)
	}
	if source.Secret != nil {
		m.add(Secret, source.Secret.SecretName, source.Secret.Optional)
	}
	if source.Projected == nil {
		return
	}
	for _, projection := range source.Projected.Sources {
		if projection.ConfigMap != nil {
			m.add(ConfigMap, projection.ConfigMap.Name, projection.ConfigMap.Optional)
		}
		if projection.Secret != nil {
			m.add(Secret, projection.Secret.Name, projection.Secret.Optional)
		}
	}
}

func (m mentions) addEnvironment(variables []corev1.EnvVar, sources []corev1.EnvFromSource) {
	for i := range variables {
		from := variables[i].ValueFrom
		if from == nil {
			continue
		}
		if from.ConfigMapKeyRef != nil {
			m.add(ConfigMap, from.ConfigMapKeyRef.Name, from.ConfigMapKeyRef.Optional)
		}
		if from.SecretKeyRef != nil {
			m.add(Secret, from.SecretKeyRef.Name, from.SecretKeyRef.Optional)
		}
	}
	for _, from := range sources {
		if from.ConfigMapRef != nil {
			m.add(ConfigMap, from.ConfigMapRef.Name, from.ConfigMapRef.Optional)
		}
		if from.SecretRef != nil {
			m.add(Secret, from.SecretRef.Name, from.SecretRef.Optional)
		}
	}
}

func (m mentions) sorted() []Reference {
	references := make([]Reference, 0, len(m))
	for key, optional := range m {
		references = append(references, Reference{Kind: key.kind, Name: key.name, Optional: optional})
	}
	slices.SortFunc(references, func(a, b Reference) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return references
}
