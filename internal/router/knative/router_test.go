package knative

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
)

func TestConformance(t *testing.T) {
	routertest.Run(t, provider(t, canary(), service(latest(whole))))
}

// A service that serves nobody would be an outage.
func TestNoWeightsAreRefused(t *testing.T) {
	b := bench(t, canary(), taken(latest(0), pinned(first, whole)))
	err := b.Router.Apply(t.Context(), b.Canary, rollout.Traffic{})
	want := "Knative Service podinfo." + b.Canary.Namespace + " traffic spec invalid: no valid weights"
	if err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
	if writes := b.Writes(); writes != 0 {
		t.Errorf("it was written %d times", writes)
	}
}

func TestAMissingTargetIsNamed(t *testing.T) {
	b := bench(t, canary(), service(latest(whole)))
	b.Canary.Spec.TargetRef.Name = "other"
	want := "Knative Service other." + b.Canary.Namespace + " get query error: "
	_, observed := b.Router.Observe(t.Context(), b.Canary)
	for call, err := range map[string]error{"Observe": observed, "Apply": b.Router.Apply(t.Context(), b.Canary, rollout.ToPrimary())} {
		if !errors.Is(err, router.ErrNotFound) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got error %v, want %s", call, err, want)
		}
	}
	if err := b.Router.Release(t.Context(), b.Canary); err != nil {
		t.Errorf("Release: got error %v, but nothing is left to hand back", err)
	}
}

// A revision that was pushed after the decision to send users to the one before it must not get them.
func TestNobodyIsSentToARevisionThatIsNotUnderAnalysis(t *testing.T) {
	newer := func(list ...any) *unstructured.Unstructured {
		object := taken(list...)
		object.Object["status"].(map[string]any)[latestCreated] = third
		return object
	}
	for name, test := range map[string]struct {
		reason string
		before []any
		want   rollout.Traffic
		after  []entry // nil for a conflict
	}{
		"FirstStep": {
			reason: "Nobody has analysed it.",
			before: []any{latest(0), pinned(first, whole)}, want: aQuarter,
		},
		"NextStep": {
			reason: "The run is over for the revision that has users, too.",
			before: []any{pinned(second, 10), pinned(first, 90)}, want: aQuarter,
		},
		"SameStep": {
			reason: "Those that are there stay until there is where to go.",
			before: []any{pinned(second, 25), pinned(first, 75)}, want: aQuarter,
			after: []entry{pinned(second, 25), pinned(first, 75)},
		},
		"ByLatestRevision": {
			reason: "Somebody has reset the block, and the newest revision would get everybody once it is ready.",
			before: []any{latest(whole)}, want: aQuarter,
			after: []entry{pinned(second, 25), pinned(first, 75)},
		},
		"Back": {
			reason: "Users leave whatever has been pushed.",
			before: []any{pinned(second, 25), pinned(first, 75)}, want: rollout.ToPrimary(),
			after: []entry{latest(0), pinned(first, whole)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := bench(t, canary(), newer(test.before...))
			err := b.Router.Apply(t.Context(), b.Canary, test.want)
			if test.after == nil {
				if !apierrors.IsConflict(err) || b.Writes() != 0 {
					t.Errorf("%s Got error %v, want a conflict and no write", test.reason, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.after, trafficOf(b)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
		})
	}
}

// Once it is promoted the primary is the latest revision itself, and no step can divide its users.
func TestAfterThePromotionAllUsersAreThePrimarys(t *testing.T) {
	object := taken(pinned(second, 60), pinned(first, 40))
	object.SetAnnotations(map[string]string{primaryAnnotation: second})
	b := bench(t, canary(), object)
	if got, want := b.Observe().Traffic, rollout.Split(40); got != want {
		t.Errorf("those at the former primary count as away: got %+v, want %+v", got, want)
	}
	for _, want := range []rollout.Traffic{rollout.Split(60), rollout.Split(30), rollout.ToPrimary()} {
		if err := b.Router.Apply(t.Context(), b.Canary, want); err != nil {
			t.Fatal(err)
		}
		if got := b.Observe().Traffic; got != rollout.ToPrimary() {
			t.Errorf("after %+v got %+v", want, got)
		}
	}
	if writes := b.Writes(); writes != 1 {
		t.Errorf("%d writes, want the one that moved users", writes)
	}
}

// What the cache has not seen yet is left as it is: the next attempt knows more.
func TestAnEditThatTheCacheHasNotSeenIsAConflict(t *testing.T) {
	b := bench(t, canary(), taken(latest(0), pinned(first, whole)))
	stale := b.Routing()
	b.Edit(kind, "podinfo", func(object *unstructured.Unstructured) {
		setTraffic(object, latest(0), pinned(first, whole), map[string]any{"revisionName": first, "tag": "current"})
	})
	lagging := router.Deps{Client: readingOld{b.Deps.Client, stale}, Owned: true}
	for call, err := range map[string]error{
		"Apply":   New(lagging).Apply(t.Context(), b.Canary, aQuarter),
		"Release": New(lagging).Release(t.Context(), b.Canary),
	} {
		if !apierrors.IsConflict(err) {
			t.Errorf("%s: got error %v, want a conflict", call, err)
		}
	}
	if got := len(trafficOf(b)); got != 3 {
		t.Errorf("the user's edit is lost: %d entries", got)
	}
}

// readingOld is a client whose cache lags.
type readingOld struct {
	client.Client
	stale *unstructured.Unstructured
}

func (r readingOld) Get(_ context.Context, _ client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	r.stale.DeepCopyInto(into.(*unstructured.Unstructured))
	return nil
}
