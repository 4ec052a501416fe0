package configs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var errRefused = errors.New("connection refused")

// tracker tracks with live reads of its own and the cluster in place of a cache that is never behind.
func (k *cluster) tracker(live client.Reader) *Tracker {
	return New(Options{Client: k, Live: live, Namespace: k.namespace})
}

func TestObserve(t *testing.T) {
	red := func() client.Object { return configMap("settings", map[string]string{"color": "red"}) }
	key := func() client.Object {
		return secret("key", corev1.SecretTypeOpaque, map[string]string{"apiKey": "test"})
	}
	for name, test := range map[string]struct {
		reason  string
		configs []client.Object
		refers  []Reference
		want    map[string]string
		// obstacle says SPACE for the namespace.
		obstacle string
	}{
		"Nothing": {
			reason: "Tracked and none found is empty, not nil.",
			want:   map[string]string{},
		},
		"Both": {
			reason:  "Both kinds count, by Flagger's keys and with its values.",
			configs: []client.Object{red(), key()},
			refers:  []Reference{{Kind: ConfigMap, Name: "settings"}, {Kind: Secret, Name: "key"}},
			want:    map[string]string{"configmap/settings": "241889ca0604e333", "secret/key": "3930f0692c2295eb"},
		},
		"NotReferredTo": {
			reason:  "Configs of others do not count.",
			configs: []client.Object{red(), key()},
			refers:  mandatory(ConfigMap, "settings"),
			want:    map[string]string{"configmap/settings": "241889ca0604e333"},
		},
		"BinaryData": {
			reason:  "It counts beside the data.",
			configs: []client.Object{&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "logo"}, BinaryData: map[string][]byte{"apiKey": []byte("test")}}},
			refers:  mandatory(ConfigMap, "logo"),
			want:    map[string]string{"configmap/logo": "74234e98afe7498f+3930f0692c2295eb"},
		},
		"OptedOut": {
			reason:  "A config that its user shares does not count.",
			configs: []client.Object{annotated(red(), "disabled"), annotated(key(), "disabled")},
			refers:  []Reference{{Kind: ConfigMap, Name: "settings"}, {Kind: Secret, Name: "key"}},
			want:    map[string]string{},
		},
		"AnotherType": {
			reason:  "A Secret that a controller keeps does not count.",
			configs: []client.Object{secret("lease", "example.com/lease", nil)},
			refers:  mandatory(Secret, "lease"),
			want:    map[string]string{},
		},
		"OptionalIsMissing": {
			reason:  "The pods start without it, and so does the rollout.",
			configs: []client.Object{red()},
			refers:  []Reference{{Kind: ConfigMap, Name: "settings"}, {Kind: Secret, Name: "key", Optional: true}},
			want:    map[string]string{"configmap/settings": "241889ca0604e333"},
		},
		"Missing": {
			reason:   "The user has to make it.",
			configs:  []client.Object{key()},
			refers:   []Reference{{Kind: ConfigMap, Name: "settings"}, {Kind: Secret, Name: "key"}},
			obstacle: "configmap settings.SPACE is missing, but deployment podinfo.SPACE refers to it",
		},
		"SeveralAreMissing": {
			reason: "All are told at once, sorted, or the user would learn of them one by one.",
			refers: append(mandatory(Secret, "key"), mandatory(ConfigMap, "b", "a")...),
			obstacle: "configmap a.SPACE is missing, but deployment podinfo.SPACE refers to it; " +
				"configmap b.SPACE is missing, but deployment podinfo.SPACE refers to it; " +
				"secret key.SPACE is missing, but deployment podinfo.SPACE refers to it",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(test.reason)
			k := newCluster(t)
			k.apply(test.configs...)
			got, err := k.tracker(k).Observe(t.Context(), k.canary("podinfo"), templateOf(test.refers...))
			k.must(err)
			want := Observed{Sums: test.want, Obstacle: strings.ReplaceAll(test.obstacle, "SPACE", k.namespace)}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("observed (-want +got):\n%s", diff)
			}
		})
	}
}

// An edit costs one read of the config that was edited, and a look without one costs nothing.
func TestObserveReadsWhatChanged(t *testing.T) {
	k := newCluster(t)
	live := k.newLedger()
	tracker := k.tracker(live)
	template := templateOf(Reference{Kind: ConfigMap, Name: "settings"}, Reference{Kind: Secret, Name: "key"},
		Reference{Kind: Secret, Name: "lease"}, Reference{Kind: Secret, Name: "extra", Optional: true})
	key := func(value string) client.Object {
		return secret("key", corev1.SecretTypeOpaque, map[string]string{"apiKey": value})
	}
	settings := func() client.Object { return configMap("settings", map[string]string{"color": "red"}) }
	before := map[string]string{}

	for _, step := range []struct {
		reason   string
		act      func()
		requests []string
		// changed are the keys whose sums are new, or gone.
		changed []string
	}{
		{
			reason: "The first look asks whether it may list, and reads what there is.",
			act:    func() { k.apply(settings(), key("1"), secret("lease", "example.com/lease", nil)) },
			requests: []string{"list ConfigMap " + k.namespace, "list Secret " + k.namespace,
				"get configmap/settings", "get secret/key", "get secret/lease"},
			changed: []string{"configmap/settings", "secret/key"},
		},
		{
			reason: "Nothing has changed.",
			act:    func() {},
		},
		{
			reason:   "An edit is read, of that config alone.",
			act:      func() { k.apply(key("2")) },
			requests: []string{"get secret/key"},
			changed:  []string{"secret/key"},
		},
		{
			reason: "Only metadata changed; that cannot be known without a look at the data, but it is no change.",
			act: func() {
				labelled := settings()
				labelled.SetLabels(map[string]string{"team": "shop"})
				k.apply(labelled)
			},
			requests: []string{"get configmap/settings"},
		},
		{
			reason:  "To opt out is seen in the metadata.",
			act:     func() { k.apply(annotated(settings(), "disabled")) },
			changed: []string{"configmap/settings"},
		},
		{
			reason:   "To opt in again is a reason to read.",
			act:      func() { k.apply(annotated(settings(), "enabled")) },
			requests: []string{"get configmap/settings"},
			changed:  []string{"configmap/settings"},
		},
		{
			reason: "A config made anew is another one, even with the same data.",
			act: func() {
				k.remove(key("2"))
				k.apply(key("2"))
			},
			requests: []string{"get secret/key"},
		},
		{
			reason: "An optional config appears.",
			act: func() {
				k.apply(secret("extra", corev1.SecretTypeTLS, map[string]string{"tls.key": "", "tls.crt": ""}))
			},
			requests: []string{"get secret/extra"},
			changed:  []string{"secret/extra"},
		},
		{
			reason:  "And is gone.",
			act:     func() { k.remove(secret("extra", "", nil)) },
			changed: []string{"secret/extra"},
		},
	} {
		step.act()
		got, err := tracker.Observe(t.Context(), k.canary("podinfo"), template)
		k.must(err)
		if got.Obstacle != "" {
			t.Fatalf("%s Obstacle: %s", step.reason, got.Obstacle)
		}
		if diff := cmp.Diff(step.requests, live.settled()); diff != "" {
			t.Errorf("%s Requests (-want +got):\n%s", step.reason, diff)
		}
		if diff := cmp.Diff(step.changed, differing(before, got.Sums)); diff != "" {
			t.Errorf("%s Changed (-want +got):\n%s", step.reason, diff)
		}
		before = got.Sums
	}
	if _, err := tracker.Observe(t.Context(), k.canary("another"), template); err != nil || len(live.settled()) > 0 {
		t.Error("another canary of the same configs reads them again")
	}
}

// differing are the sorted keys whose values are not the same in both maps; nil for none.
func differing(a, b map[string]string) []string {
	keys := maps.Clone(a)
	maps.Copy(keys, b)
	maps.DeleteFunc(keys, func(key, _ string) bool { return a[key] == b[key] })
	return slices.Sorted(maps.Keys(keys))
}

func TestWatchable(t *testing.T) {
	k := newCluster(t)
	tracker := k.tracker(k)
	for _, step := range []struct {
		reason string
		refers []Reference
		want   []Kind
	}{
		{reason: "Nobody has asked."},
		{reason: "Secrets may be listed.", refers: mandatory(Secret, "a"), want: []Kind{Secret}},
		{reason: "ConfigMaps, too.", refers: mandatory(ConfigMap, "a"), want: []Kind{ConfigMap, Secret}},
	} {
		_, err := tracker.Observe(t.Context(), k.canary("podinfo"), templateOf(step.refers...))
		k.must(err)
		if got := tracker.Watchable(); !slices.Equal(got, step.want) {
			t.Errorf("%s got %v, want %v", step.reason, got, step.want)
		}
	}
}

// Without a tracker nothing is tracked, and nothing is read.
func TestNilTracker(t *testing.T) {
	var tracker *Tracker
	template := templateOf(mandatory(ConfigMap, "settings")...)
	observed, err := tracker.Observe(t.Context(), nil, template)
	if err != nil || observed.Sums != nil || observed.Obstacle != "" {
		t.Errorf("observed %+v, %v", observed, err)
	}
	snapshot, err := tracker.Read(t.Context(), nil, template)
	if err != nil || snapshot.Sums() != nil || snapshot.Renames(ConfigMap, "settings") {
		t.Errorf("read %+v, %v", snapshot, err)
	}
	if copied, err := snapshot.Copied(t.Context()); !copied || err != nil {
		t.Errorf("copied %t, %v", copied, err)
	}
	if err := snapshot.Write(t.Context()); err != nil {
		t.Errorf("write: %v", err)
	}
	if kinds := tracker.Watchable(); kinds != nil {
		t.Errorf("watchable: %v", kinds)
	}
}

// All who look at a kind for the first time wait for one list of it, and for no longer than they want to.
func TestOneListAnswersAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		live := &slow{answer: make(chan struct{})}
		tracker := New(Options{Live: live, Metadata: failing{apierrors.NewNotFound(corev1.Resource("configs"), "a")}})
		template := templateOf(Reference{Kind: ConfigMap, Name: "a", Optional: true}, Reference{Kind: Secret, Name: "a", Optional: true})
		var looking sync.WaitGroup
		look := func(ctx context.Context, want error) {
			looking.Go(func() {
				if _, err := tracker.Observe(ctx, (&cluster{}).canary("podinfo"), template); !errors.Is(err, want) {
					t.Errorf("error %v, want %v", err, want)
				}
			})
		}
		for range 16 {
			look(t.Context(), nil)
		}
		synctest.Wait()
		hurried, cancel := context.WithCancel(t.Context())
		look(hurried, context.Canceled)
		cancel()
		synctest.Wait()
		if live.lists != 1 {
			t.Errorf("%d lists at once", live.lists)
		}
		close(live.answer)
		looking.Wait()
		if live.lists != len(kinds) {
			t.Errorf("%d lists of %d kinds", live.lists, len(kinds))
		}
	})
}

// slow is a Reader whose lists have nothing in them and wait for the answer. It can do no more.
type slow struct {
	client.Reader
	answer chan struct{}
	lists  int
}

func (r *slow) List(context.Context, client.ObjectList, ...client.ListOption) error {
	r.lists++
	<-r.answer
	return nil
}

// Many canaries look at the same configs at once.
func TestObserveConcurrently(t *testing.T) {
	k := newCluster(t)
	k.apply(configMap("settings", nil), secret("key", corev1.SecretTypeOpaque, nil))
	tracker := k.tracker(k)
	template := templateOf(Reference{Kind: ConfigMap, Name: "settings"}, Reference{Kind: Secret, Name: "key"})
	var looking sync.WaitGroup
	for i := range 16 {
		looking.Go(func() {
			canary := k.canary(fmt.Sprint("podinfo-", i))
			canary.UID = types.UID(canary.Name)
			if got, err := tracker.Observe(t.Context(), canary, template); err != nil || len(got.Sums) != 2 {
				t.Errorf("observed %+v, %v", got, err)
			}
		})
	}
	looking.Wait()
}
