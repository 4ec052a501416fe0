//go:build linux

package rbac

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// configured are apps with ConfigMaps and Secrets. One of either is read by both apps, whose primaries so share the copies,
// and one by the first app alone. With its new revision the first app does without all of them, while the second stays.
func configured() []app {
	own := []client.Object{newConfig("own"), newSecret("own")}
	shared := []client.Object{newConfig("shared"), newSecret("shared")}
	leaving := newApp("leaving", reads("own"), reads("shared"), func(a *app) {
		a.beside = append(own, shared...)
		a.next = client.RawPatch(types.StrategicMergePatchType, []byte(
			`{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"app:2","envFrom":null}]}}}}`))
	})
	return []app{leaving, newApp("staying", reads("shared"))}
}

// reads makes the target's pods read the ConfigMap and the Secret of that name.
func reads(name string) func(*app) {
	return func(a *app) {
		container := &template(a.target).Spec.Containers[0]
		ref := corev1.LocalObjectReference{Name: name}
		container.EnvFrom = append(container.EnvFrom,
			corev1.EnvFromSource{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: ref}},
			corev1.EnvFromSource{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: ref}})
	}
}

func newConfig(name string) client.Object {
	config := &corev1.ConfigMap{Data: map[string]string{"key": "1"}}
	config.Name = name
	return config
}

func newSecret(name string) client.Object {
	secret := &corev1.Secret{StringData: map[string]string{"key": "1"}}
	secret.Name = name
	return secret
}
