package configs

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/internal/kube"
)

func TestRead(t *testing.T) {
	red := map[string]string{"color": "red"}
	for name, test := range map[string]struct {
		reason  string
		configs []client.Object
		refers  []Reference
		// want are the sums, and the keys that the primary has copies of.
		want map[string]string
		err  error
	}{
		"Nothing": {reason: "Tracked and none found is empty, not nil.", want: map[string]string{}},
		"Both": {
			reason:  "What is read has the sums that were observed.",
			configs: []client.Object{configMap("a", red), secret("a", corev1.SecretTypeOpaque, map[string]string{"apiKey": "test"})},
			refers:  []Reference{{Kind: ConfigMap, Name: "a"}, {Kind: Secret, Name: "a"}},
			want:    map[string]string{"configmap/a": "241889ca0604e333", "secret/a": "3930f0692c2295eb"},
		},
		"Shared": {
			reason:  "What its user or its type exempts stays shared, and the primary refers to it by its own name.",
			configs: []client.Object{annotated(configMap("a", red), "disabled"), secret("a", "example.com/lease", nil)},
			refers:  []Reference{{Kind: ConfigMap, Name: "a"}, {Kind: Secret, Name: "a"}},
			want:    map[string]string{},
		},
		"OptionalIsMissing": {
			reason: "There is nothing to copy, and the primary refers to the name that the target refers to.",
			refers: []Reference{{Kind: Secret, Name: "a", Optional: true}},
			want:   map[string]string{},
		},
		"MandatoryIsMissing": {
			reason:  "Half of a version is none.",
			configs: []client.Object{configMap("a", red)},
			refers:  []Reference{{Kind: ConfigMap, Name: "a"}, {Kind: Secret, Name: "a"}},
			err:     ErrMissing,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(test.reason)
			k := newCluster(t)
			k.apply(test.configs...)
			got, err := k.tracker(k).Read(t.Context(), k.canary("podinfo"), templateOf(test.refers...))
			if test.err != nil {
				if !errors.Is(err, test.err) || got != nil {
					t.Errorf("got %v, %v", got, err)
				}
				return
			}
			k.must(err)
			if diff := cmp.Diff(test.want, got.Sums()); diff != "" {
				t.Errorf("sums (-want +got):\n%s", diff)
			}
			for _, r := range append(test.refers, Reference{Kind: Secret, Name: "other"}) {
				if _, want := test.want[Key(r.Kind, r.Name)]; got.Renames(r.Kind, r.Name) != want {
					t.Errorf("renames %v: %t", r, !want)
				}
			}
		})
	}
}

func TestReadErrors(t *testing.T) {
	k := newCluster(t)
	k.apply(secret("key", corev1.SecretTypeOpaque, nil))
	for name, test := range map[string]struct {
		reason string
		reader client.Reader
		is     func(error) bool
	}{
		"Forbidden": {reason: "The caller can tell what a user has to mend.", reader: k.nobody(), is: apierrors.IsForbidden},
		"Outage":    {reason: "The caller can try again.", reader: failing{errRefused}, is: func(err error) bool { return errors.Is(err, errRefused) }},
	} {
		t.Run(name, func(t *testing.T) {
			optional := templateOf(Reference{Kind: Secret, Name: "key", Optional: true})
			if got, err := k.tracker(test.reader).Read(t.Context(), k.canary("podinfo"), optional); got != nil || !test.is(err) {
				t.Errorf("%s got %v, %v", test.reason, got, err)
			}
		})
	}
}

// An object that no canary made is somebody's, and then nothing at all is written: half of the copies would be a
// version that nobody ever analysed.
func TestWriteLeavesForeignObjects(t *testing.T) {
	mine := map[string]string{"mine": "yes"}
	for name, test := range map[string]struct {
		reason  string
		foreign []client.Object
		// named are the objects that the error names, with SPACE for the namespace.
		named string
	}{
		"One": {
			reason:  "What has no owner a user made.",
			foreign: []client.Object{configMap("b-primary", mine)},
			named:   "configmap b-primary.SPACE: ",
		},
		"Several": {
			reason: "All are named at once; one with another owner is foreign, too.",
			foreign: []client.Object{configMap("b-primary", mine),
				owned(secret("c-primary", corev1.SecretTypeOpaque, mine), nil, owner("apps/v1", "Deployment", "podinfo", new(true)))},
			named: "configmap b-primary.SPACE, secret c-primary.SPACE: ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(test.reason)
			k := newCluster(t)
			requests := k.newLedger()
			k.apply(configMap("a", nil), configMap("b", nil), secret("c", corev1.SecretTypeOpaque, nil))
			k.apply(test.foreign...)
			tracker := New(Options{Client: requests, Live: k})
			template := templateOf(append(mandatory(Secret, "c"), mandatory(ConfigMap, "a", "b")...)...)
			snapshot, err := tracker.Read(t.Context(), k.canary("podinfo"), template)
			k.must(err)

			err = snapshot.Write(t.Context())
			if !errors.Is(err, ErrForeign) {
				t.Fatalf("got %v", err)
			}
			if named := strings.ReplaceAll(test.named, "SPACE", k.namespace); !strings.HasPrefix(err.Error(), named) {
				t.Errorf("the error does not name the objects: %v", err)
			}
			if written := requests.settled(); len(written) > 0 {
				t.Errorf("wrote %v", written)
			}
			if _, err := snapshot.Copied(t.Context()); !errors.Is(err, ErrForeign) {
				t.Errorf("copied: %v", err)
			}
		})
	}
}

// A write that fails half way, or meets another's, is completed by the next.
func TestWriteIsCompleted(t *testing.T) {
	ours := kube.OwnerReference((&cluster{}).canary("podinfo"))
	copyOf := func(data map[string]string) *corev1.ConfigMap { return owned(configMap("b-primary", data), nil, ours) }
	fixed := func(c *corev1.ConfigMap) *corev1.ConfigMap { c.Immutable = new(true); return c }
	for name, test := range map[string]struct {
		reason string
		before client.Object
		// meanwhile acts after the copy was read for the first time.
		meanwhile func(k *cluster)
		is        func(error) bool
	}{
		"Conflict": {
			reason:    "Somebody edited the copy; a conflict is the caller's sign to read again.",
			before:    copyOf(nil),
			meanwhile: func(k *cluster) { k.apply(copyOf(map[string]string{"edited": "yes"})) },
			is:        apierrors.IsConflict,
		},
		"ConflictOfAReplacement": {
			reason:    "Nothing is removed that was not seen.",
			before:    fixed(copyOf(nil)),
			meanwhile: func(k *cluster) { k.apply(annotated(fixed(copyOf(nil)), "theirs")) },
			is:        apierrors.IsConflict,
		},
		"Gone": {
			reason:    "Somebody removed the copy.",
			before:    copyOf(nil),
			meanwhile: func(k *cluster) { k.remove(configMap("b-primary", nil)) },
			is:        apierrors.IsNotFound,
		},
		"JustMade": {
			reason:    "Somebody made the copy, which is completed at once.",
			meanwhile: func(k *cluster) { k.apply(copyOf(nil)) },
			is:        func(err error) bool { return err == nil },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(test.reason)
			k := newCluster(t)
			k.apply(configMap("a", map[string]string{"a": "1"}), configMap("b", map[string]string{"b": "1"}))
			if test.before != nil {
				k.apply(test.before)
			}
			live := &interrupted{Reader: k, name: "b-primary", act: func() { test.meanwhile(k) }}
			tracker := New(Options{Client: k, Live: live})
			snapshot, err := tracker.Read(t.Context(), k.canary("podinfo"), templateOf(mandatory(ConfigMap, "a", "b")...))
			k.must(err)

			if err := snapshot.Write(t.Context()); !test.is(err) {
				t.Fatalf("got %v", err)
			}
			k.must(snapshot.Write(t.Context()))
			for _, name := range []string{"a", "b"} {
				found := contentOf(k.find(ConfigMap, name+"-primary"))
				if want := map[string]string{name: "1"}; !maps.Equal(found.text, want) {
					t.Errorf("copy of %s holds %v", name, found.text)
				}
			}
		})
	}
}

// Two canaries that share a config promote it in turn; either may go without taking the copy with it.
func TestTwoCanariesShareAConfig(t *testing.T) {
	k := newCluster(t)
	template := templateOf(mandatory(ConfigMap, "settings")...)
	requests := k.newLedger()
	tracker := New(Options{Client: requests, Live: k})
	promote := func(canary string) {
		t.Helper()
		snapshot, err := tracker.Read(t.Context(), k.canary(canary), template)
		k.must(err)
		k.must(snapshot.Write(t.Context()))
	}
	for _, step := range []struct {
		data, canary string
		writes       []string
	}{
		{data: "1", canary: "frontend", writes: []string{"create configmap/settings-primary"}},
		{data: "1", canary: "backend", writes: []string{"update configmap/settings-primary"}},
		{data: "1", canary: "frontend"},
		{data: "1", canary: "backend"},
		{data: "2", canary: "frontend", writes: []string{"update configmap/settings-primary"}},
		{data: "2", canary: "backend"},
	} {
		k.apply(configMap("settings", map[string]string{"version": step.data}))
		promote(step.canary)
		if diff := cmp.Diff(step.writes, requests.settled()); diff != "" {
			t.Errorf("%s promotes %s (-want +got):\n%s", step.canary, step.data, diff)
		}
	}
	owners := map[string]bool{}
	for _, o := range k.find(ConfigMap, "settings-primary").GetOwnerReferences() {
		owners[o.Name] = *o.Controller
	}
	if diff := cmp.Diff(map[string]bool{"frontend": true, "backend": false}, owners); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
}
