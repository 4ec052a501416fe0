//go:build linux

package story_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"flagger.app/flagger/test/story"
)

func TestHonourable(t *testing.T) {
	fromSecret := &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{Key: "a"}}
	secret := corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "a"}}
	tests := map[string]struct {
		reason string
		change func(*corev1.PodSpec)
		want   string // the end of the error; empty for none
	}{
		"Plain": {"What the charts say by default.", func(*corev1.PodSpec) {}, ""},
		"Secrets": {"Variables and files of Secrets are there.", func(p *corev1.PodSpec) {
			p.Volumes = []corev1.Volume{{Name: "a", VolumeSource: secret}}
			p.Containers[0].Env = []corev1.EnvVar{{Name: "A", ValueFrom: fromSecret}, {Name: "B", Value: "b"}}
			p.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "a", MountPath: "/a"}}
		}, ""},
		"Command": {"The image's program is the only one.", func(p *corev1.PodSpec) { p.Containers[0].Command = []string{"sh"} }, "containers.command"},
		"Sidecar": {"One process is one container.", func(p *corev1.PodSpec) { p.Containers = append(p.Containers, corev1.Container{}) }, "2 containers"},
		"Init":    {"Nothing runs before it.", func(p *corev1.PodSpec) { p.InitContainers = p.Containers }, "initContainers"},
		"Network": {"All share the lab's network, not the host's.", func(p *corev1.PodSpec) { p.HostNetwork = true }, "hostNetwork"},
		"Claim":   {"There is no storage.", func(p *corev1.PodSpec) { p.Volumes = []corev1.Volume{{Name: "a"}} }, "volumes.a"},
		"Field": {"There is no pod to tell of.", func(p *corev1.PodSpec) {
			p.Containers[0].Env = []corev1.EnvVar{{Name: "A", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{}}}}
		}, "containers.env.A"},
		"Reference": {"Values are taken as they are.", func(p *corev1.PodSpec) {
			p.Containers[0].Env = []corev1.EnvVar{{Name: "A", Value: "$(B)"}}
		}, "containers.env.A"},
		"SubPath": {"Volumes are mounted whole.", func(p *corev1.PodSpec) {
			p.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "a", SubPath: "b"}}
		}, "containers.volumeMounts.a"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			pod := corev1.PodSpec{ServiceAccountName: "flagger", Containers: []corev1.Container{{Name: "flagger", Args: []string{"-a"}}}}
			test.change(&pod)
			err := story.Honourable(pod)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.HasSuffix(err.Error(), test.want)) {
				t.Errorf("%s got error %v, want %q", test.reason, err, test.want)
			}
		})
	}
}

func TestContainerCommand(t *testing.T) {
	folder, binary := t.TempDir(), filepath.Join(t.TempDir(), "flagger")
	if err := os.WriteFile(binary, []byte("program"), 0o600); err != nil {
		t.Fatal(err)
	}
	container := &story.Container{
		Arguments: []string{"-a=1"}, Environment: []string{"A=b", "C=d"}, Files: map[string][]byte{"/etc/app/key": []byte("value")},
	}
	command, err := container.Command(binary, folder, "-port=2")
	if err != nil {
		t.Fatal(err)
	}
	begins, ends := []string{"/usr/bin/env", "-i", "A=b", "C=d"}, []string{folder, "/program", "-a=1", "-port=2"}
	if !slices.Equal(command[:4], begins) || !slices.Equal(command[len(command)-4:], ends) {
		t.Errorf("command %q: want one that begins with %q and ends with %q", command, begins, ends)
	}
	for file, want := range map[string]string{"program": "program", "etc/app/key": "value"} {
		if got, err := os.ReadFile(filepath.Join(folder, file)); err != nil || string(got) != want {
			t.Errorf("file %s of the container is %q, %v; want %q", file, got, err, want)
		}
	}
}
