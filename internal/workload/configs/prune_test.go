package configs

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/internal/kube"
)

func TestPrune(t *testing.T) {
	const v1 = "flagger.app/v1beta1"
	ours, theirs := owner(v1, "Canary", "podinfo", new(true)), owner(v1, "Canary", "backend", new(false))
	left := func(name string, owners ...metav1.OwnerReference) client.Object {
		return owned(configMap(name, nil), nil, owners...)
	}
	template := templateOf(mandatory(ConfigMap, "settings-2-primary")...)

	for name, test := range map[string]struct {
		reason  string
		objects []client.Object
		want    []string
		// owners are those that settings-1-primary keeps.
		owners []string
	}{
		"Nothing": {
			reason:  "The primary refers to the one copy that there is.",
			objects: []client.Object{left("settings-2-primary", ours)},
		},
		"ACopyOfBefore": {
			reason: "A release that renames its config leaves one behind.",
			objects: []client.Object{
				left("settings-1-primary", ours), left("settings-2-primary", ours),
				owned(secret("key-primary", corev1.SecretTypeOpaque, nil), nil, ours),
			},
			want: []string{"delete configmap/settings-1-primary", "delete secret/key-primary"},
		},
		"AnothersToo": {
			reason:  "The other canary's primary refers to it.",
			objects: []client.Object{left("settings-1-primary", ours, theirs)},
			want:    []string{"patch configmap/settings-1-primary"}, owners: []string{"backend"},
		},
		"OnlyAnothers": {
			reason: "It is none of ours.", objects: []client.Object{left("settings-1-primary", theirs)}, owners: []string{"backend"},
		},
		"AUsers": {
			reason: "A name says nothing.", objects: []client.Object{left("settings-1-primary")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := newCluster(t)
			k.apply(test.objects...)
			l := k.newLedger()
			tracker := New(Options{Client: l, Live: k, Metadata: k, Namespace: k.namespace})
			_, err := tracker.Observe(t.Context(), k.canary("podinfo"), templateOf(append(mandatory(Secret, "x"), mandatory(ConfigMap, "x")...)...))
			k.must(err)
			l.requests = nil
			for range 2 {
				k.must(tracker.Prune(t.Context(), k.canary("podinfo"), template))
			}
			if diff := cmp.Diff(test.want, l.requests); diff != "" {
				t.Errorf("%s requests (-want +got):\n%s", test.reason, diff)
			}
			var owners []string
			if found := k.find(ConfigMap, "settings-1-primary"); found != nil {
				for _, owner := range found.GetOwnerReferences() {
					owners = append(owners, owner.Name)
				}
			}
			if diff := cmp.Diff(test.owners, owners); diff != "" {
				t.Errorf("%s owners (-want +got):\n%s", test.reason, diff)
			}
		})
	}
	var off *Tracker
	if err := off.Prune(t.Context(), nil, template); err != nil {
		t.Errorf("nothing is tracked, so nothing is removed: %v", err)
	}
}

// A promotion looks at the metadata of a whole namespace, each unpacked once and not copied again. What unpacking allocates
// is measured beside it, as the race detector empties pools at random.
func TestPruneUnpacksOnce(t *testing.T) {
	const each, runs = 200, 10
	k := newCluster(t)
	k.fill(each, 1)
	o := k.start()
	tracker, template := o.tracker(), templateOf(append(mandatory(Secret, "config-1"), mandatory(ConfigMap, "config-1")...)...)
	_, err := tracker.Observe(t.Context(), k.canary("podinfo"), template)
	k.must(err)
	o.catchUp()
	var packed []client.Object
	for _, kind := range kinds {
		list := &metav1.PartialObjectMetadataList{TypeMeta: kind.Metadata().TypeMeta}
		k.must(tracker.options.Metadata.List(t.Context(), list, client.InNamespace(k.namespace)))
		for i := range list.Items {
			p, err := kube.Pack(&list.Items[i])
			k.must(err)
			packed = append(packed, p.(client.Object))
		}
	}
	once := testing.AllocsPerRun(runs, func() {
		for _, p := range packed {
			kube.Unpack(p)
		}
	})
	got := testing.AllocsPerRun(runs, func() { k.must(tracker.Prune(t.Context(), k.canary("podinfo"), template)) })
	if got >= 1.5*once {
		t.Errorf("%v allocations, %v to unpack %d configs once", got, once, len(packed))
	}
}
