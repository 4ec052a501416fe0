package configs

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// owner is an owner reference as the API server returns it.
func owner(apiVersion, kind, name string, controller *bool) metav1.OwnerReference {
	return metav1.OwnerReference{
		APIVersion: apiVersion, Kind: kind, Name: name, UID: uidOf(name), Controller: controller, BlockOwnerDeletion: controller,
	}
}

// owned adds owners and labels to a copy.
func owned[O client.Object](object O, labels map[string]string, owners ...metav1.OwnerReference) O {
	object.SetLabels(labels)
	object.SetOwnerReferences(owners)
	return object
}

func TestWrite(t *testing.T) {
	const v1, app = "flagger.app/v1beta1", "team"
	red, blue := map[string]string{"color": "red"}, map[string]string{"color": "blue"}
	ours := owner(v1, "Canary", "podinfo", new(true))
	theirs := owner(v1, "Canary", "backend", new(true))
	yielded := theirs
	yielded.Controller = new(false)
	immutable := func(c *corev1.ConfigMap) *corev1.ConfigMap { c.Immutable = new(true); return c }

	for name, test := range map[string]struct {
		reason string
		source client.Object
		// before is the copy that there is, want the one that Write leaves.
		before, want client.Object
		requests     []string
	}{
		"ConfigMap": {
			reason: "The copy has the data, the labels that the operator takes over, and nothing else of its source.",
			source: annotated(immutable(owned(configMap("a", red), map[string]string{app: "shop", "app": "podinfo"})), "enabled"),
			want:   owned(configMap("a-primary", red), map[string]string{app: "shop"}, ours), requests: []string{"create"},
		},
		"BinaryData": {
			reason: "It is half of the content.",
			source: &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Data: red, BinaryData: map[string][]byte{"logo": {0, 255}}},
			want: owned(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a-primary"}, Data: red,
				BinaryData: map[string][]byte{"logo": {0, 255}}}, nil, ours),
			requests: []string{"create"},
		},
		"Secret": {
			reason: "The copy has the type, too.",
			source: secret("a", corev1.SecretTypeTLS, map[string]string{"tls.key": "key", "tls.crt": "crt"}),
			want: owned(secret("a-primary", corev1.SecretTypeTLS, map[string]string{"tls.key": "key", "tls.crt": "crt"}),
				nil, ours),
			requests: []string{"create"},
		},
		"Same": {
			reason: "A copy that is one already is left alone.",
			source: owned(configMap("a", red), map[string]string{app: "shop"}),
			before: owned(configMap("a-primary", red), map[string]string{app: "shop"}, ours),
			want:   owned(configMap("a-primary", red), map[string]string{app: "shop"}, ours),
		},
		"Edited": {
			reason: "The content and the labels of the source replace those of the copy, and nothing else does.",
			source: owned(configMap("a", blue), map[string]string{app: "shop"}),
			before: annotated(owned(configMap("a-primary", map[string]string{"color": "red", "size": "1"}),
				map[string]string{"team.old": "yes", "theirs": "yes"}, ours), "theirs"),
			want:     annotated(owned(configMap("a-primary", blue), map[string]string{app: "shop", "theirs": "yes"}, ours), "theirs"),
			requests: []string{"update"},
		},
		"BinaryDataIsGone": {
			reason: "What the source has no more the copy loses.",
			source: configMap("a", red),
			before: owned(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a-primary"}, Data: red,
				BinaryData: map[string][]byte{"logo": {0, 255}}}, nil, ours),
			want: owned(configMap("a-primary", red), nil, ours), requests: []string{"update"},
		},
		"JoinsAnotherCanary": {
			reason: "Canaries may share a config; the one that wrote last is the controller, as there can be but one.",
			source: configMap("a", red),
			before: owned(configMap("a-primary", red), nil, theirs),
			want:   owned(configMap("a-primary", red), nil, ours, yielded), requests: []string{"update"},
		},
		"SharesWithAnotherCanary": {
			reason: "An owner is an owner: canaries that share a copy do not take it from each other for ever.",
			source: configMap("a", red),
			before: owned(configMap("a-primary", red), nil, theirs, owner(v1, "Canary", "podinfo", new(false))),
			want:   owned(configMap("a-primary", red), nil, theirs, owner(v1, "Canary", "podinfo", new(false))),
		},
		"KeepsOtherOwners": {
			reason: "Owners that are no canaries stay, too.",
			source: configMap("a", blue),
			before: owned(configMap("a-primary", red), nil, owner("apps/v1", "Deployment", "backend", nil), ours),
			want: owned(configMap("a-primary", blue), nil, ours,
				metav1.OwnerReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "backend", UID: uidOf("backend"), Controller: new(false)}),
			requests: []string{"update"},
		},
		"AnotherVersionOfTheAPI": {
			reason: "A canary of any version is a canary.",
			source: configMap("a", red),
			before: owned(configMap("a-primary", red), nil, owner("flagger.app/v1alpha3", "Canary", "podinfo", new(true))),
			want:   owned(configMap("a-primary", red), nil, owner("flagger.app/v1alpha3", "Canary", "podinfo", new(true))),
		},
		"AnotherType": {
			reason: "The type of a Secret cannot be changed, so the copy is made anew, for all of its owners.",
			source: secret("a", corev1.SecretTypeOpaque, map[string]string{"apiKey": "test"}),
			before: owned(secret("a-primary", corev1.SecretTypeTLS, map[string]string{"tls.key": "", "tls.crt": ""}),
				map[string]string{"theirs": "yes"}, theirs),
			want: owned(secret("a-primary", corev1.SecretTypeOpaque, map[string]string{"apiKey": "test"}),
				map[string]string{"theirs": "yes"}, ours, yielded),
			requests: []string{"delete", "create"},
		},
		"Immutable": {
			reason: "An immutable copy cannot be changed either.",
			source: configMap("a", blue),
			before: immutable(owned(configMap("a-primary", red), nil, ours)),
			want:   owned(configMap("a-primary", blue), nil, ours), requests: []string{"delete", "create"},
		},
		"ImmutableAndSame": {
			reason: "But nobody makes it anew for what it holds already.",
			source: owned(configMap("a", red), map[string]string{app: "shop"}),
			before: immutable(owned(configMap("a-primary", red), nil, ours)),
			want:   immutable(owned(configMap("a-primary", red), map[string]string{app: "shop"}, ours)), requests: []string{"update"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(test.reason)
			k := newCluster(t)
			kind, requests := ConfigMap, k.newLedger()
			if _, isSecret := test.source.(*corev1.Secret); isSecret {
				kind = Secret
			}
			k.apply(test.source)
			if test.before != nil {
				noteSource(test.before, test.source)
				k.apply(test.before)
			}
			tracker := New(Options{Client: requests, Live: requests, IncludeLabelPrefix: []string{app}})
			snapshot, err := tracker.Read(t.Context(), k.canary("podinfo"), templateOf(mandatory(kind, "a")...))
			k.must(err)

			copied, err := snapshot.Copied(t.Context())
			k.must(err)
			same := test.before != nil && contentOf(test.before).equal(contentOf(test.want))
			if copied != same {
				t.Errorf("copied beforehand: %t", copied)
			}
			requests.settled()
			for _, want := range [][]string{test.requests, nil} {
				k.must(snapshot.Write(t.Context()))
				if diff := cmp.Diff(noted(kind, want), requests.settled()); diff != "" {
					t.Errorf("requests (-want +got):\n%s", diff)
				}
			}
			found := k.find(kind, "a-primary")
			if got, want := sourceOf(found), readingOf(test.source); got != want {
				t.Errorf("the copy says that it was made from %v and not %v", got, want)
			}
			delete(found.GetAnnotations(), sourceAnnotation)
			if diff := cmp.Diff(test.want, found, asWritten); diff != "" {
				t.Errorf("copy (-want +got):\n%s", diff)
			}
			if copied, err := snapshot.Copied(t.Context()); !copied || err != nil {
				t.Errorf("copied afterwards: %t, %v", copied, err)
			}
		})
	}
}

// asWritten compares objects without what the API server adds.
var asWritten = cmp.Options{
	cmpopts.EquateEmpty(),
	cmpopts.IgnoreTypes(metav1.TypeMeta{}),
	cmpopts.IgnoreFields(metav1.ObjectMeta{}, "Namespace", "UID", "ResourceVersion", "Generation", "CreationTimestamp", "ManagedFields"),
}

// noted are the requests of a Write: one read, and those writes.
func noted(kind Kind, verbs []string) []string {
	requests := []string{"get " + Key(kind, "a-primary")}
	for _, verb := range verbs {
		requests = append(requests, verb+" "+Key(kind, "a-primary"))
	}
	return requests
}

func TestIsCanarys(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		owners []metav1.OwnerReference
		want   bool
	}{
		"Nobodys":        {reason: "What nobody owns a user made."},
		"AnotherKind":    {reason: "Other controllers own objects, too.", owners: []metav1.OwnerReference{owner("apps/v1", "Deployment", "a", nil)}},
		"AnotherGroup":   {reason: "Others call their kinds Canary, too.", owners: []metav1.OwnerReference{owner("example.com/v1", "Canary", "a", nil)}},
		"NoGroupVersion": {reason: "What cannot be read is not ours.", owners: []metav1.OwnerReference{owner("a/b/c", "Canary", "a", nil)}},
		"ACanarys":       {reason: "It need not be the controller.", owners: []metav1.OwnerReference{owner("flagger.app/v1beta1", "Canary", "a", nil)}, want: true},
		"AnOldCanarys":   {reason: "Nor of this version.", owners: []metav1.OwnerReference{owner("flagger.app/v1alpha3", "Canary", "a", nil)}, want: true},
		"AmongOthers": {
			reason: "Nor the only one.",
			owners: []metav1.OwnerReference{owner("apps/v1", "Deployment", "a", nil), owner("flagger.app/v1beta1", "Canary", "b", nil)},
			want:   true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := isCanarys(owned(configMap("a", nil), nil, test.owners...)); got != test.want {
				t.Errorf("%s got %t", test.reason, got)
			}
		})
	}
}
