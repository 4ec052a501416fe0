package configs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// A cache that is behind neither hides a change that was read nor has it read again, before and after it catches up.
func TestObserveWithACacheThatIsBehind(t *testing.T) {
	k := newCluster(t)
	k.apply(configMap("settings", map[string]string{"color": "red"}))
	stale := &frozen{Reader: k}
	live := k.newLedger()
	tracker := New(Options{Client: k, Live: live, Metadata: stale})
	look := func(requests ...string) {
		t.Helper()
		got, err := tracker.Observe(t.Context(), k.canary("podinfo"), templateOf(mandatory(ConfigMap, "settings")...))
		k.must(err)
		if want := contentOf(configMap("", map[string]string{"color": "blue"})).sum(); got.Sums["configmap/settings"] != want {
			t.Errorf("observed %+v, want %s", got, want)
		}
		if diff := cmp.Diff(requests, live.settled()); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	}
	stale.take(k)
	k.apply(configMap("settings", map[string]string{"color": "blue"}))
	look("list ConfigMap", "get configmap/settings")
	look()
	stale.take(k)
	look()
}

// A config that the cache has not seen yet is no obstacle, and one that nobody has seen is.
func TestObserveWithAnEmptyCache(t *testing.T) {
	k := newCluster(t)
	k.apply(configMap("settings", nil), configMap("extra", nil))
	unseen := failing{apierrors.NewNotFound(corev1.Resource("configmaps"), "settings")}
	metadata := &detour{Reader: k, objects: map[string]client.Reader{"settings": unseen, "extra": unseen}}
	live := k.newLedger()
	tracker := New(Options{Client: k, Live: live, Metadata: metadata})
	template := templateOf(Reference{Kind: ConfigMap, Name: "settings"}, Reference{Kind: ConfigMap, Name: "extra", Optional: true})
	for _, step := range []struct {
		reason   string
		act      func()
		requests []string
		observed Observed
	}{
		{
			reason:   "The pods need settings, so it is looked for; extra comes with an event when the cache has seen it.",
			act:      func() {},
			requests: []string{"list ConfigMap", "get configmap/settings"},
			observed: Observed{Sums: map[string]string{"configmap/settings": "74234e98afe7498f"}},
		},
		{
			reason:   "What the cache sees then has been read.",
			act:      func() { metadata.objects = nil },
			requests: []string{"get configmap/extra"},
			observed: Observed{Sums: map[string]string{"configmap/settings": "74234e98afe7498f", "configmap/extra": "74234e98afe7498f"}},
		},
		{
			reason:   "A config that is gone is looked for each time.",
			act:      func() { k.remove(configMap("settings", nil)) },
			requests: []string{"get configmap/settings"},
			observed: Observed{Obstacle: fmt.Sprintf("configmap settings.%[1]s is missing, but deployment podinfo.%[1]s refers to it", k.namespace)},
		},
	} {
		step.act()
		got, err := tracker.Observe(t.Context(), k.canary("podinfo"), template)
		k.must(err)
		if diff := cmp.Diff(step.observed, got); diff != "" {
			t.Errorf("%s Observed (-want +got):\n%s", step.reason, diff)
		}
		if diff := cmp.Diff(step.requests, live.settled()); diff != "" {
			t.Errorf("%s Requests (-want +got):\n%s", step.reason, diff)
		}
	}
}

// An optional config may be gone before the cache has seen it go.
func TestObserveWithAGhostInTheCache(t *testing.T) {
	k := newCluster(t)
	k.apply(configMap("settings", nil))
	stale := &frozen{Reader: k}
	stale.take(k)
	k.remove(configMap("settings", nil))
	tracker := New(Options{Client: k, Live: k, Metadata: stale})
	got, err := tracker.Observe(t.Context(), k.canary("podinfo"), templateOf(Reference{Kind: ConfigMap, Name: "settings", Optional: true}))
	k.must(err)
	if diff := cmp.Diff(Observed{Sums: map[string]string{}}, got); diff != "" {
		t.Errorf("observed (-want +got):\n%s", diff)
	}
}

// frozen is a cache of the ConfigMap settings that shows what it was when somebody took it.
type frozen struct {
	client.Reader
	taken *metav1.PartialObjectMetadata
}

func (r *frozen) take(k *cluster) {
	k.Helper()
	r.taken = ConfigMap.Metadata()
	k.must(r.Reader.Get(k.Context(), client.ObjectKey{Namespace: k.namespace, Name: "settings"}, r.taken))
}

func (r *frozen) Get(_ context.Context, _ client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	r.taken.DeepCopyInto(object.(*metav1.PartialObjectMetadata))
	return nil
}

// What a user can mend is an obstacle, and it is one no longer as soon as it is mended.
func TestObserveForbidden(t *testing.T) {
	for name, test := range map[string]struct {
		reason   string
		restrict func(live *detour, nobody client.Reader)
		scope    string
		obstacle string
	}{
		"ToList": {
			reason:   "An informer that may not list would never fill, and whoever reads from it would wait.",
			restrict: func(live *detour, nobody client.Reader) { live.lists = nobody },
			obstacle: "the operator may not list configmaps: its role must allow list and watch of them; " +
				"the operator may not list secrets: its role must allow list and watch of them",
		},
		"ToListInANamespace": {
			reason:   "An operator of one namespace needs a right there and nowhere else.",
			restrict: func(live *detour, nobody client.Reader) { live.lists = nobody },
			scope:    "default",
			obstacle: "the operator may not list configmaps in namespace default: its role must allow list and watch of them; " +
				"the operator may not list secrets in namespace default: its role must allow list and watch of them",
		},
		"ToRead": {
			reason: "A role may name the configs that it allows.",
			restrict: func(live *detour, nobody client.Reader) {
				live.objects = map[string]client.Reader{"key": nobody}
			},
			obstacle: "the operator may not read secret key.SPACE, but deployment podinfo.SPACE refers to it: its role must allow get of secrets",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(test.reason)
			k := newCluster(t)
			k.apply(configMap("settings", nil), secret("key", corev1.SecretTypeOpaque, nil))
			live := &detour{Reader: k}
			tracker := New(Options{Client: k, Live: live, Namespace: test.scope})
			template := templateOf(Reference{Kind: ConfigMap, Name: "settings"}, Reference{Kind: Secret, Name: "key"})
			test.restrict(live, k.nobody())
			got, err := tracker.Observe(t.Context(), k.canary("podinfo"), template)
			k.must(err)
			want := Observed{Obstacle: strings.ReplaceAll(test.obstacle, "SPACE", k.namespace)}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("observed (-want +got):\n%s", diff)
			}

			live.objects, live.lists = nil, nil
			got, err = tracker.Observe(t.Context(), k.canary("podinfo"), template)
			k.must(err)
			if len(got.Sums) != 2 || got.Obstacle != "" {
				t.Errorf("with the right granted: %+v", got)
			}
		})
	}
}

// What may pass by itself is an error: nothing is known, so nothing has changed, and the caller tries again.
func TestObserveErrors(t *testing.T) {
	k := newCluster(t)
	k.apply(configMap("settings", nil))
	template := templateOf(mandatory(ConfigMap, "settings")...)
	for name, outage := range map[string]error{
		"Connection":   errRefused,
		"Unavailable":  apierrors.NewServiceUnavailable("the server is starting"),
		"Timeout":      apierrors.NewTimeoutError("etcd is slow", 1),
		"Unauthorized": apierrors.NewUnauthorized("the token has expired"),
	} {
		for place, restrict := range map[string]func(metadata, live *detour){
			"ListMetadata": func(_, live *detour) { live.lists = failing{outage} },
			"GetMetadata": func(metadata, _ *detour) {
				metadata.objects = map[string]client.Reader{"settings": failing{outage}}
			},
			"GetData": func(_, live *detour) { live.objects = map[string]client.Reader{"settings": failing{outage}} },
		} {
			t.Run(name+"/"+place, func(t *testing.T) {
				metadata, live := &detour{Reader: k}, &detour{Reader: k}
				restrict(metadata, live)
				tracker := New(Options{Client: k, Live: live, Metadata: metadata})
				got, err := tracker.Observe(t.Context(), k.canary("podinfo"), template)
				if !errors.Is(err, outage) || got.Sums != nil || got.Obstacle != "" {
					t.Errorf("got %+v, %v", got, err)
				}
			})
		}
	}
}

// An informer that does not fill, although it may, holds nobody up for long.
func TestObserveWithACacheThatDoesNotFill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker := New(Options{Live: failing{nil}, Metadata: unfilled{}})
		began := time.Now()
		_, err := tracker.Observe(t.Context(), (&cluster{}).canary("podinfo"), templateOf(mandatory(Secret, "key")...))
		if waited := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || waited != syncTimeout {
			t.Errorf("after %v: %v", waited, err)
		}
	})
}

// unfilled is a cache that has nothing to say.
type unfilled struct{ client.Reader }

func (unfilled) Get(ctx context.Context, _ client.ObjectKey, _ client.Object, _ ...client.GetOption) error {
	<-ctx.Done()
	return ctx.Err()
}
