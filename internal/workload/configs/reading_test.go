package configs

import (
	"errors"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// copied is a cluster where podinfo has a copy of the ConfigMap settings, and the tracker that wrote it, with a cache that
// is never behind.
func copied(t *testing.T) (*cluster, *ledger, *Tracker) {
	t.Helper()
	k := newCluster(t)
	k.apply(owned(configMap("settings", map[string]string{"color": "red"}), map[string]string{"team": "shop"}))
	requests := k.newLedger()
	tracker := k.teamTracker(requests)
	k.must(k.promote(tracker))
	requests.settled()
	return k, requests, tracker
}

// teamTracker copies the labels of teams.
func (k *cluster) teamTracker(requests *ledger) *Tracker {
	return New(Options{Client: requests, Live: requests, Metadata: k, IncludeLabelPrefix: []string{"team"}})
}

// promote looks at settings and copies it.
func (k *cluster) promote(tracker *Tracker) error {
	k.Helper()
	template := templateOf(mandatory(ConfigMap, "settings")...)
	_, err := tracker.Observe(k.Context(), k.canary("podinfo"), template)
	k.must(err)
	snapshot, err := tracker.Read(k.Context(), k.canary("podinfo"), template)
	k.must(err)
	return snapshot.Write(k.Context())
}

// edit changes the ConfigMap of that name.
func (k *cluster) edit(name string, change func(client.Object)) {
	k.Helper()
	object := k.find(ConfigMap, name)
	change(object)
	k.must(k.Update(k.Context(), object))
}

// colored gives a ConfigMap a color.
func colored(color string) func(client.Object) {
	return func(o client.Object) { content{text: map[string]string{"color": color}}.putInto(o) }
}

// withNote gives a copy a note of what it was made from.
func withNote(note string) func(client.Object) {
	return func(o client.Object) { o.SetAnnotations(map[string]string{sourceAnnotation: note}) }
}

// madeAnew is what its users see as the same ConfigMap.
func madeAnew(k *cluster) {
	source := k.find(ConfigMap, "settings")
	k.remove(source)
	source.SetResourceVersion("")
	k.apply(source)
}

// A promotion reads and writes what has changed since the last one, whoever changed it and on either side.
func TestAPromotionReadsWhatChanged(t *testing.T) {
	const source, replica = "get configmap/settings", "get configmap/settings-primary"
	updated := []string{source, replica, "update configmap/settings-primary"}
	noticed := append([]string{source}, updated...)
	for name, test := range map[string]struct {
		reason   string
		change   func(k *cluster)
		requests []string
		is       error
	}{
		"Nothing": {reason: "What was analysed is where it is to be.", change: func(*cluster) {}},
		"SourceEdited": {
			reason:   "The edit is what is promoted, and it is read anew at the moment of copying.",
			change:   func(k *cluster) { k.edit("settings", colored("blue")) },
			requests: noticed,
		},
		"SourceLabelled": {
			reason: "Labels are copied, too.",
			change: func(k *cluster) {
				k.edit("settings", func(o client.Object) { o.SetLabels(map[string]string{"team": "lab"}) })
			},
			requests: noticed,
		},
		"SourceMadeAnew": {
			reason:   "The copy has to tell of the new one, or the next restart would read it.",
			change:   madeAnew,
			requests: noticed,
		},
		"CopyEdited": {
			reason:   "Nobody has analysed that.",
			change:   func(k *cluster) { k.edit("settings-primary", colored("green")) },
			requests: updated,
		},
		"CopyWithoutANote": {
			reason:   "Who took it may have done more.",
			change:   func(k *cluster) { k.edit("settings-primary", func(o client.Object) { o.SetAnnotations(nil) }) },
			requests: updated,
		},
		"CopyGone": {
			reason:   "Pods that start next would not find it.",
			change:   func(k *cluster) { k.remove(configMap("settings-primary", nil)) },
			requests: []string{source, "create configmap/settings-primary"},
		},
		"CopyMadeAnew": {
			reason: "With the note of the old one, and other content.",
			change: func(k *cluster) {
				replica := k.find(ConfigMap, "settings-primary")
				k.remove(replica)
				replica.SetResourceVersion("")
				colored("green")(replica)
				k.apply(replica)
			},
			requests: updated,
		},
		"CopyOfSomebodyElse": {
			reason:   "It stays theirs.",
			change:   func(k *cluster) { k.edit("settings-primary", func(o client.Object) { o.SetOwnerReferences(nil) }) },
			requests: updated[:2],
			is:       ErrForeign,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(test.reason)
			k, requests, tracker := copied(t)
			test.change(k)
			if err := k.promote(tracker); !errors.Is(err, test.is) {
				t.Fatalf("error %v, want %v", err, test.is)
			}
			if diff := cmp.Diff(test.requests, requests.settled()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			if test.is != nil {
				return
			}
			source, replica := k.find(ConfigMap, "settings"), k.find(ConfigMap, "settings-primary")
			if !contentOf(source).equal(contentOf(replica)) || !maps.Equal(source.GetLabels(), replica.GetLabels()) {
				t.Errorf("the copy is %v of %v", replica, source)
			}
			k.must(k.promote(tracker))
			if again := requests.settled(); len(again) > 0 {
				t.Errorf("a second promotion asked for %v", again)
			}
		})
	}
}

// A canary that shares a copy which is right already becomes an owner, or the copy would go with the other canary.
func TestAPromotionMakesOwners(t *testing.T) {
	k, requests, tracker := copied(t)
	backend := k.canary("backend")
	template := templateOf(mandatory(ConfigMap, "settings")...)
	for _, want := range [][]string{{"get configmap/settings", "get configmap/settings-primary", "update configmap/settings-primary"}, nil} {
		snapshot, err := tracker.Read(t.Context(), backend, template)
		k.must(err)
		k.must(snapshot.Write(t.Context()))
		if diff := cmp.Diff(want, requests.settled()); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	}
}

// A change since the last look is seen at the moment of copying.
func TestAPromotionSeesLaterChanges(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		change func(client.Object)
		want   map[string]string
	}{
		"Edited":   {reason: "What was copied before is not what there is.", change: colored("blue"), want: map[string]string{"configmap/settings": "f234cb93c08ad64e"}},
		"OptedOut": {reason: "What was tracked once need not be now.", change: func(o client.Object) { annotated(o, "disabled") }, want: map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			k, _, tracker := copied(t)
			k.edit("settings", test.change)
			snapshot, err := tracker.Read(t.Context(), k.canary("podinfo"), templateOf(mandatory(ConfigMap, "settings")...))
			k.must(err)
			if diff := cmp.Diff(test.want, snapshot.Sums()); diff != "" {
				t.Errorf("%s Sums (-want +got):\n%s", test.reason, diff)
			}
		})
	}
}

// A copy that other pods refer to by its own name is looked at for them. That makes no edit of it right.
func TestACopyThatIsASourceIsMended(t *testing.T) {
	k, _, tracker := copied(t)
	k.edit("settings-primary", colored("green"))
	_, err := tracker.Observe(t.Context(), k.canary("backend"), templateOf(mandatory(ConfigMap, "settings-primary")...))
	k.must(err)
	k.must(k.promote(tracker))
	if got, want := contentOf(k.find(ConfigMap, "settings-primary")), contentOf(k.find(ConfigMap, "settings")); !got.equal(want) {
		t.Errorf("the copy holds %v", got.text)
	}
}

// After a restart a copy vouches for the version that it was made from, and for no other.
func TestARestartReadsWhatNoCopyTells(t *testing.T) {
	first, read := []string{"list ConfigMap"}, []string{"list ConfigMap", "get configmap/settings"}
	for name, test := range map[string]struct {
		reason   string
		change   func(k *cluster)
		requests []string
	}{
		"Nothing":      {reason: "The checksum of what was copied is noted.", change: func(*cluster) {}, requests: first},
		"SourceEdited": {reason: "The note is of another version.", change: func(k *cluster) { k.edit("settings", colored("blue")) }, requests: read},
		"SourceMadeAnew": {
			reason:   "The note is of another object.",
			change:   madeAnew,
			requests: read,
		},
		"CopyEdited": {
			reason:   "What the copy holds is not asked for, and its edit no change of the source.",
			change:   func(k *cluster) { k.edit("settings-primary", colored("green")) },
			requests: first,
		},
		"CopyOfFlagger": {
			reason:   "It has no note.",
			change:   func(k *cluster) { k.edit("settings-primary", func(o client.Object) { o.SetAnnotations(nil) }) },
			requests: read,
		},
		"CopyGone": {reason: "Nothing tells.", change: func(k *cluster) { k.remove(configMap("settings-primary", nil)) }, requests: read},
		"CopyOfSomebodyElse": {
			reason:   "Its note may be anything.",
			change:   func(k *cluster) { k.edit("settings-primary", func(o client.Object) { o.SetOwnerReferences(nil) }) },
			requests: read,
		},
		"NoteOfAnotherObject": {
			reason: "A cluster that was restored counts its versions anew.",
			change: func(k *cluster) {
				other := readingOf(k.find(ConfigMap, "settings"))
				other.uid = uidOf("another")
				k.edit("settings-primary", withNote(other.String()))
			},
			requests: read,
		},
		"NoteOfNothing": {
			reason: "What was not tracked was not copied.",
			change: func(k *cluster) {
				untracked := readingOf(k.find(ConfigMap, "settings"))
				untracked.sum = ""
				k.edit("settings-primary", withNote(untracked.String()))
			},
			requests: read,
		},
		"NoteInAnotherForm": {
			reason: "A later version of the operator may have written it.",
			change: func(k *cluster) {
				k.edit("settings-primary", withNote(readingOf(k.find(ConfigMap, "settings")).String()+"/more"))
			},
			requests: read,
		},
		"OptedOut": {
			reason:   "The user's word counts before any note.",
			change:   func(k *cluster) { k.edit("settings", func(o client.Object) { annotated(o, "disabled") }) },
			requests: first,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(test.reason)
			k, requests, _ := copied(t)
			test.change(k)
			tracker, template := k.teamTracker(requests), templateOf(mandatory(ConfigMap, "settings")...)
			got, err := tracker.Observe(t.Context(), k.canary("podinfo"), template)
			k.must(err)
			if diff := cmp.Diff(test.requests, requests.settled()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			want := map[string]string{}
			if source := readingOf(k.find(ConfigMap, "settings")); source.sum != "" {
				want["configmap/settings"] = source.sum
			}
			if diff := cmp.Diff(want, got.Sums); diff != "" {
				t.Errorf("sums (-want +got):\n%s", diff)
			}
			again, err := tracker.Observe(t.Context(), k.canary("podinfo"), template)
			if asked := requests.settled(); err != nil || len(asked) > 0 || !maps.Equal(again.Sums, want) {
				t.Errorf("a second look asked for %v and found %v (%v)", asked, again.Sums, err)
			}
		})
	}
}
