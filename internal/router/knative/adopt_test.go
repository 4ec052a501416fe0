package knative

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

// What Flagger left is taken over with the traffic that it has.
func TestFlaggersServiceIsTakenOver(t *testing.T) {
	for name, test := range map[string]struct {
		reason  string
		primary string
		left    []any
		traffic rollout.Traffic
		writes  int
		after   []entry
	}{
		"AtRest": {
			reason:  "It is what we would have written.",
			primary: second, left: []any{latest(0), pinned(second, whole)}, traffic: rollout.ToPrimary(),
			after: []entry{latest(0), pinned(second, whole)},
		},
		"AStep": {
			reason:  "Users stay where they are, but the next revision does not come in by itself any more.",
			primary: first, left: []any{latest(40), pinned(first, 60)}, traffic: rollout.Split(40),
			writes: 1, after: []entry{pinned(second, 40), pinned(first, 60)},
		},
		"Switched": {
			reason:  "All users are at the canary and stay there.",
			primary: first, left: []any{latest(whole), pinned(first, 0)}, traffic: rollout.ToCanary(),
			writes: 1, after: []entry{pinned(second, whole)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := canary()
			c.Status = v1beta1.CanaryStatus{LastPromotedSpec: "5498f4fcd6", LastAppliedSpec: "6c7b4fcd65"}
			object := service(test.left...)
			object.SetAnnotations(map[string]string{primaryAnnotation: test.primary})
			b := bench(t, c, object)
			if got := b.Observe().Traffic; got != test.traffic {
				t.Errorf("%s Found %+v, want %+v", test.reason, got, test.traffic)
			}
			b.Apply(test.traffic, test.writes)
			b.Apply(test.traffic, 0)
			if diff := cmp.Diff(test.after, trafficOf(b)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
			next := rollout.Split(test.traffic.Canary / 2)
			if err := b.Router.Apply(t.Context(), b.Canary, next); err != nil {
				t.Errorf("the step after: %v", err)
			}
		})
	}
}

func TestTheServiceStaysTheUsers(t *testing.T) {
	b := bench(t, canary(), service(latest(whole)))
	b.Settle(aQuarter)
	routed := b.Routing()
	if owners := routed.GetOwnerReferences(); len(owners) > 0 {
		t.Errorf("it would go with the canary: %v", owners)
	}
	for guard := range kube.Guards {
		if _, found := routed.GetAnnotations()[guard]; found {
			t.Errorf("%s keeps new revisions from being delivered", guard)
		}
	}
	if diff := cmp.Diff(map[string]string{"app": "podinfo"}, routed.GetLabels()); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
}

func TestAServiceThatIsNotTakenOverIsLeftAlone(t *testing.T) {
	yes := true
	controlled := func(object *unstructured.Unstructured) {
		object.SetOwnerReferences([]metav1.OwnerReference{{
			APIVersion: "example.com/v1", Kind: "Shop", Name: "shop", UID: "8a1f4c0e-0000-4000-8000-000000000003", Controller: &yes,
		}})
	}
	for name, test := range map[string]struct {
		reason string
		change func(*unstructured.Unstructured, *v1beta1.Canary)
		says   string
	}{
		"AnotherController": {
			reason: "Its controller would write it back.",
			change: func(object *unstructured.Unstructured, _ *v1beta1.Canary) { controlled(object) },
			says:   "is controlled by Shop shop",
		},
		"MadeAnew": {
			reason: "None of its revisions is the one that was promoted, so nobody knows which serves.",
			change: func(_ *unstructured.Unstructured, c *v1beta1.Canary) {
				c.Status.LastPromotedSpec = identity("podinfo-00007")
			},
			says: "primary revision annotation not found: set flagger.app/primary-revision",
		},
		"NothingPromoted": {
			reason: "To take the latest revision for the primary is the workload's to decide.",
			change: func(_ *unstructured.Unstructured, c *v1beta1.Canary) { c.Status.LastPromotedSpec = "" },
			says:   "primary revision annotation not found",
		},
	} {
		t.Run(name, func(t *testing.T) {
			object, c := service(latest(whole)), canary()
			test.change(object, c)
			b := bench(t, c, object)
			c, before := b.Canary, b.Routing()
			if _, err := b.Router.Observe(t.Context(), c); !errors.Is(err, router.ErrNotFound) {
				t.Errorf("%s observe: got error %v", test.reason, err)
			}
			for _, want := range []rollout.Traffic{rollout.ToPrimary(), aQuarter} {
				err := b.Router.Apply(t.Context(), c, want)
				if !errors.Is(err, router.ErrForeign) || !strings.Contains(err.Error(), test.says) {
					t.Errorf("%s apply %+v: got error %v", test.reason, want, err)
				}
			}
			if err := b.Router.Release(t.Context(), c); err != nil {
				t.Errorf("%s release: got error %v", test.reason, err)
			}
			if diff := cmp.Diff(before.Object, b.Routing().Object); diff != "" {
				t.Errorf("%s It was written (-before +after):\n%s", test.reason, diff)
			}
		})
	}
	t.Run("TakenOverBefore", func(t *testing.T) {
		object := taken(latest(0), pinned(first, whole))
		controlled(object)
		bench(t, canary(), object).Settle(aQuarter) // Flagger divided it too
	})
}

func TestRelease(t *testing.T) {
	tag := func(e entry, name string) entry {
		e["tag"] = name
		return e
	}
	for name, test := range map[string]struct {
		reason        string
		before, after []any
	}{
		"AtRest": {
			reason: "What is pushed from now on reaches the users.",
			before: []any{latest(0), pinned(first, whole)}, after: []any{latest(whole)},
		},
		"AStep": {
			reason: "The latest revision is what the user wants to run.",
			before: []any{pinned(second, 25), pinned(first, 75)}, after: []any{latest(whole)},
		},
		"Tags": {
			reason: "Addresses of the user's stay.",
			before: []any{pinned(second, whole), tag(latest(0), "next")},
			after:  []any{latest(whole), tag(latest(0), "next")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := bench(t, canary(), taken(test.before...))
			b.Release()
			if writes := b.Writes(); writes != 1 {
				t.Errorf("%d writes, want 1", writes)
			}
			want := service(test.after...)
			if diff := cmp.Diff(want.Object["spec"], b.Routing().Object["spec"]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
			if diff := cmp.Diff(want.GetAnnotations(), b.Routing().GetAnnotations()); diff != "" {
				t.Errorf("annotations (-want +got):\n%s", diff)
			}
		})
	}
}

// A canary with an autoscaler is refused, but one that got it later must still be let go.
func TestReleaseOfASpecThatIsRefused(t *testing.T) {
	b := bench(t, canary(), taken(latest(0), pinned(first, whole)))
	b.Canary.Spec.AutoscalerRef = &v1beta1.AutoscalerReference{}
	if err := b.Router.Release(t.Context(), b.Canary); err != nil || b.Writes() != 1 {
		t.Errorf("got error %v, and it must be written", err)
	}
	b.Canary.Spec.TargetRef.APIVersion = "v1"
	if err := b.Router.Release(t.Context(), b.Canary); err != nil {
		t.Errorf("a plain Service was never divided: got error %v", err)
	}
}
