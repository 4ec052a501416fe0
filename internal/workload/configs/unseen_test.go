package configs

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/internal/kube"
)

// A cache that is behind costs requests, and neither a copy nor what is somebody else's.
func TestWriteWhatTheCacheHasNotSeen(t *testing.T) {
	ours := kube.OwnerReference((&cluster{}).canary("podinfo"))
	red, blue := map[string]string{"color": "red"}, map[string]string{"color": "blue"}
	const refused, looked = "create configmap/b-primary", "get configmap/b-primary"
	for name, test := range map[string]struct {
		reason string
		// unseen is b-primary. The cache has seen a-primary, which is red, and a and b are blue.
		unseen   *corev1.ConfigMap
		requests []string
		is       error
		// want are the colors of both copies afterwards.
		want []string
	}{
		"None": {
			reason: "It is as the cache says.", want: []string{"blue", "blue"},
			requests: []string{"get configmap/a-primary", "create configmap/b-primary", "update configmap/a-primary"},
		},
		"Outdated": {
			reason: "A write of ours that has not come back yet.",
			unseen: owned(configMap("b-primary", red), nil, ours), want: []string{"blue", "blue"},
			requests: []string{
				"get configmap/a-primary", refused,
				"get configmap/a-primary", looked, "update configmap/a-primary", "update configmap/b-primary",
			},
		},
		"Foreign": {
			reason: "It is met before anything is overwritten.",
			unseen: configMap("b-primary", red), is: ErrForeign, want: []string{"red", "red"},
			requests: []string{"get configmap/a-primary", refused, "get configmap/a-primary", looked},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(test.reason)
			k := newCluster(t)
			k.apply(configMap("a", blue), configMap("b", blue), owned(configMap("a-primary", red), nil, ours))
			requests, unseen := k.newLedger(), failing{apierrors.NewNotFound(corev1.Resource("configmaps"), "b-primary")}
			tracker := New(Options{
				Client: requests, Live: requests,
				Metadata: &detour{Reader: k, objects: map[string]client.Reader{"b-primary": unseen}},
			})
			template := templateOf(mandatory(ConfigMap, "a", "b")...)
			_, err := tracker.Observe(t.Context(), k.canary("podinfo"), template)
			k.must(err)
			snapshot, err := tracker.Read(t.Context(), k.canary("podinfo"), template)
			k.must(err)
			if test.unseen != nil {
				k.apply(test.unseen)
			}
			requests.settled()
			if err := snapshot.Write(t.Context()); !errors.Is(err, test.is) {
				t.Fatalf("error %v, want %v", err, test.is)
			}
			if diff := cmp.Diff(test.requests, requests.settled()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			var got []string
			for _, name := range []string{"a-primary", "b-primary"} {
				got = append(got, contentOf(k.find(ConfigMap, name)).text["color"])
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("colors (-want +got):\n%s", diff)
			}
		})
	}
}
