package podserver

import (
	"net/http"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func TestVersion(t *testing.T) {
	tests := map[string]struct {
		reason    string
		variables []corev1.EnvVar
		want      string
	}{
		"NoEnvironment": {reason: "Most apps differ by their images alone.", want: "1.0.0"},
		"Config":        {reason: "Configuration makes another app of the same image.", variables: []corev1.EnvVar{{Name: Variable, Value: "blue"}}, want: "1.0.0+blue"},
		"EmptyConfig":   {reason: "No value is no configuration.", variables: []corev1.EnvVar{{Name: Variable}}, want: "1.0.0"},
		"Others":        {reason: "Other variables change no answer.", variables: []corev1.EnvVar{{Name: "PORT", Value: "80"}}, want: "1.0.0"},
		"GivenTwice": {
			reason:    "The last value is the one that a process gets.",
			variables: []corev1.EnvVar{{Name: Variable, Value: "blue"}, {Name: Variable, Value: "green"}},
			want:      "1.0.0+green",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := version(corev1.Container{Image: "app:1.0.0", Env: test.variables}); got != test.want {
				t.Errorf("%s Got %q, want %q.", test.reason, got, test.want)
			}
		})
	}
}

// configured is a pod whose variable comes out of a ConfigMap.
func configured(name, address, configMap string) *corev1.Pod {
	pod := running(name, address, "app:1.0.0")
	pod.Spec.Containers[0].Env = []corev1.EnvVar{
		{Name: "PORT", Value: "80"},
		{Name: Variable, ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: configMap}, Key: "color",
		}}},
	}
	return pod
}

func TestPodsKeepTheConfigThatTheyStartWith(t *testing.T) {
	b := newBench(t, firstAddress, secondAddress)
	config := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "app"},
		Data:       map[string]string{"color": "blue"},
	}
	cluster := fake.NewClientset(config)
	first := configured("first", firstAddress, "app")
	b.admit(t.Context(), cluster.CoreV1(), first)

	config.Data["color"] = "green-err100"
	if _, err := cluster.CoreV1().ConfigMaps("test").Update(t.Context(), config, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	b.admit(t.Context(), cluster.CoreV1(), terminating(first))
	b.admit(t.Context(), cluster.CoreV1(), configured("second", secondAddress, "app"))

	for address, want := range map[string]struct {
		version string
		status  int
	}{
		firstAddress:  {version: "1.0.0+blue", status: http.StatusOK},
		secondAddress: {version: "1.0.0+green-err100", status: http.StatusInternalServerError},
	} {
		response, _ := b.get(b.client(), address, "/")
		if got := response.Header.Get(VersionHeader); got != want.version || response.StatusCode != want.status {
			t.Errorf("%s answered %d as %q, want %d as %q", address, response.StatusCode, got, want.status, want.version)
		}
	}
	if first.Spec.Containers[0].Env[1].ValueFrom == nil {
		t.Error("a pod out of a cache was changed")
	}
}

func TestPodWithoutItsConfigDoesNotStart(t *testing.T) {
	s := New(Options{})
	pod := configured("app", firstAddress, "missing")
	s.admit(t.Context(), fake.NewClientset().CoreV1(), pod)
	if s.knows(pod) {
		t.Error("a pod answers whose ConfigMap is missing")
	}
}
