package workload

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

func TestAKnativeServiceIsObserved(t *testing.T) {
	const failed = `Revision "podinfo-00002" failed with message: no such image`
	at := func(name string) rollout.Workload { return standing(knativeRevision(name)) }
	waiting := func(name, cause string) func(string) rollout.Workload {
		return func(namespace string) rollout.Workload {
			reason := "Knative Revision " + name + "." + namespace + " is not ready" + cause
			return rollout.Workload{
				Exists: true, Revision: knativeRevision(name), Reason: reason, Replicas: 1,
				Limit: time.Minute, StuckReason: reason + ": exceeded its progressDeadlineSeconds: 60",
			}
		}
	}
	always := func(w rollout.Workload) func(string) rollout.Workload {
		return func(string) rollout.Workload { return w }
	}
	none := always(rollout.Workload{})
	change := func(changes ...func(*unstructured.Unstructured)) []func(*unstructured.Unstructured) { return changes }
	for name, test := range map[string]struct {
		reason   string
		changes  []func(*unstructured.Unstructured)
		revision string // status of the condition Ready of the first revision; empty for no such object
		deleting bool
		target   func(namespace string) rollout.Workload
		primary  func(namespace string) rollout.Workload
		lookedAt []string // past the caches
	}{
		"BeforeTheCanary": {
			reason: "Nobody has said yet which revision serves.",
			target: always(at(firstRevision)), primary: none,
		},
		"AtRest": {
			reason:  "The primary is the latest revision itself.",
			changes: change(servedBy(firstRevision)),
			target:  always(at(firstRevision)), primary: always(at(firstRevision)),
		},
		"ARun": {
			reason:  "Knative vouches for all revisions that it routes to, so there is no need to look.",
			changes: change(pushed(secondRevision), ready(secondRevision), servedBy(firstRevision), routed(secondRevision, firstRevision), says("RoutesReady", "True", "")),
			target:  always(at(secondRevision)), primary: always(at(firstRevision)),
		},
		"ARunOnItsWay": {
			reason:  "What Knative said was about the routes of before.",
			changes: change(pushed(secondRevision), ready(secondRevision), servedBy(firstRevision), routed(secondRevision, firstRevision), says("RoutesReady", "Unknown", "")),
			target:  always(at(secondRevision)), revision: "True", primary: always(at(firstRevision)), lookedAt: []string{"get podinfo-00001"},
		},
		"PrimaryOutOfTheRoutes": {
			reason:  "Nobody vouches for a revision without users.",
			changes: change(pushed(secondRevision), ready(secondRevision), servedBy(firstRevision), routed(secondRevision), says("RoutesReady", "True", "")),
			target:  always(at(secondRevision)), revision: "False", primary: waiting(firstRevision, ": Container failed with: exit 1"),
			lookedAt: []string{"get podinfo-00001"},
		},
		"PrimaryUndecided": {
			reason:  "Knative does not know yet.",
			changes: change(pushed(secondRevision), ready(secondRevision), servedBy(firstRevision)),
			target:  always(at(secondRevision)), revision: "Unknown", primary: waiting(firstRevision, ""), lookedAt: []string{"get podinfo-00001"},
		},
		"PrimaryGone": {
			reason:  "Somebody has deleted the revision.",
			changes: change(pushed(secondRevision), ready(secondRevision), servedBy(firstRevision)),
			target:  always(at(secondRevision)), primary: none, lookedAt: []string{"get podinfo-00001"},
		},
		"Starting": {
			reason:  "The last revision that was ready is another.",
			changes: change(pushed(secondRevision), servedBy(firstRevision), says("ConfigurationsReady", "Unknown", "")),
			target:  waiting(secondRevision, ""), revision: "True", primary: always(at(firstRevision)), lookedAt: []string{"get podinfo-00001"},
		},
		"Broken": {
			reason:  "Knative never gives up, so a deadline of ours does, and says what Knative says.",
			changes: change(pushed(secondRevision), servedBy(firstRevision), says("ConfigurationsReady", "False", failed)),
			target:  waiting(secondRevision, ": "+failed), revision: "True", primary: always(at(firstRevision)), lookedAt: []string{"get podinfo-00001"},
		},
		"BrokenAtTheEnd": {
			reason:  "Without a canary, users come to the last revision that was ready.",
			changes: change(pushed(secondRevision), servedBy(firstRevision), says("ConfigurationsReady", "False", failed)), deleting: true,
			target: always(at(secondRevision)), revision: "True", primary: always(at(firstRevision)), lookedAt: []string{"get podinfo-00001"},
		},
		"NeverReady": {
			reason:  "There is nobody to take over from the primary.",
			changes: change(ready(""), servedBy(firstRevision)), deleting: true,
			target: waiting(firstRevision, ""), primary: waiting(firstRevision, ""),
		},
		"NeverMade": {
			reason:  "Nothing has ever served, and the canary can go.",
			changes: change(pushed("")), deleting: true,
			target: none, primary: none,
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKnativeCluster(t, test.changes...)
			if test.revision != "" {
				k.revisionIs(t, firstRevision, test.revision)
			}
			if test.deleting {
				k.canary.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
			}
			got, err := k.target.Observe(t.Context(), k.canary, rollout.Plan{Deadline: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(Pair{Target: test.target(k.namespace), Primary: test.primary(k.namespace)}, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
			if diff := cmp.Diff(test.lookedAt, k.live.took()); diff != "" {
				t.Errorf("looked at past the caches (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAKnativeServiceCannotBeObserved(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		change func(*knativeCluster)
		is     error // nil for one that time mends
		says   string
	}{
		"Missing": {
			reason: "The user has to make it.",
			change: func(k *knativeCluster) { k.canary.Spec.TargetRef.Name = "other" },
			is:     ErrTargetNotFound, says: "Knative Service other.",
		},
		"NoRevisionYet": {
			reason: "Knative makes one in a moment, which is no news.",
			change: func(k *knativeCluster) { k.edit(t, pushed("")) },
			is:     errNoRevision, says: "no revision has been made yet",
		},
		"NoRevisionEver": {
			reason: "Only another template helps.",
			change: func(k *knativeCluster) {
				k.edit(t, pushed(""), says("ConfigurationsReady", "False", "admission denied"))
			},
			is: ErrInvalidTarget, says: "has no revision: admission denied",
		},
		"PrimaryUnreadable": {
			reason: "That is no answer about it.",
			change: func(k *knativeCluster) {
				k.edit(t, pushed(secondRevision), ready(secondRevision), servedBy(firstRevision))
				k.target.options.Live = unreadable{k.Client, firstRevision}
			},
			is: errUnreadable, says: "Knative Revision podinfo-00001.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKnativeCluster(t)
			test.change(&k)
			_, err := k.target.Observe(t.Context(), k.canary, rollout.Plan{})
			if !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%s Got error %v", test.reason, err)
			}
			for _, terminal := range []error{ErrTargetNotFound, ErrInvalidTarget, ErrForeign} {
				if errors.Is(err, terminal) != errors.Is(test.is, terminal) {
					t.Errorf("%s Whether it is %v: %t", test.reason, terminal, errors.Is(err, terminal))
				}
			}
		})
	}
}

func TestAMissingKnativeIsNamed(t *testing.T) {
	c := &v1beta1.Canary{}
	c.Spec.TargetRef.Name = "podinfo"
	bare := withoutKnative(t)
	_, err := NewKnativeService(Options{Client: bare, Live: bare}).Observe(t.Context(), c, rollout.Plan{})
	if !meta.IsNoMatchError(err) || !strings.Contains(err.Error(), "the CRD of Service in serving.knative.dev/v1 is not installed") {
		t.Errorf("got error %v", err)
	}
}

func TestAKnativeServiceIsPromoted(t *testing.T) {
	change := func(changes ...func(*unstructured.Unstructured)) []func(*unstructured.Unstructured) { return changes }
	second := change(pushed(secondRevision), ready(secondRevision))
	for name, test := range map[string]struct {
		reason  string
		changes []func(*unstructured.Unstructured)
		want    string
		is      error
		says    string
		primary string
		writes  int
	}{
		"First": {
			reason: "What users are at serves from now on.",
			want:   firstRevision, primary: firstRevision, writes: 1,
		},
		"FirstThatIsPinned": {
			reason:  "A name of the latest revision is the latest revision.",
			changes: change(routed(firstRevision)), want: firstRevision, primary: firstRevision, writes: 1,
		},
		"Next": {
			reason:  "To promote is to move the annotation, and no user.",
			changes: append(second, servedBy(firstRevision), routed(secondRevision, firstRevision)),
			want:    secondRevision, primary: secondRevision, writes: 1,
		},
		"Again": {
			reason:  "It is the primary already.",
			changes: change(servedBy(firstRevision)), want: firstRevision, primary: firstRevision,
		},
		"PushedSince": {
			reason:  "Nobody has analysed the second revision.",
			changes: append(second, servedBy(firstRevision)), want: firstRevision, is: ErrVersionChanged, primary: firstRevision,
		},
		"PinnedElsewhere": {
			reason:  "To make the second revision the primary would send it all users unanalysed.",
			changes: append(second, routed(firstRevision)), want: secondRevision, is: ErrInvalidTarget,
			says: "spec.traffic[0] sends users to podinfo-00001 and not to the latest revision, podinfo-00002",
		},
		"Controlled": {
			reason:  "Its controller would write it back.",
			changes: change(controlled), want: firstRevision, is: ErrForeign, says: "is controlled by Shop shop",
		},
		"ControlledBefore": {
			reason:  "Flagger took it over, so its controller does not mind.",
			changes: append(second, controlled, servedBy(firstRevision)), want: secondRevision, primary: secondRevision, writes: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKnativeCluster(t, test.changes...)
			before := k.stored(t)
			err := k.target.SyncPrimary(t.Context(), k.canary, rollout.Version{Revision: knativeRevision(test.want)})
			if !errors.Is(err, test.is) || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("%s Got error %v", test.reason, err)
			}
			after := k.stored(t)
			if got := after.GetAnnotations()[primaryRevisionAnnotation]; got != test.primary {
				t.Errorf("%s Got primary %q, want %q", test.reason, got, test.primary)
			}
			if diff := cmp.Diff(before.Object["spec"], after.Object["spec"]); diff != "" {
				t.Errorf("users were moved (-before +after):\n%s", diff)
			}
			if writes := k.cached.tookWrites(); len(writes) != test.writes {
				t.Errorf("%s It was written by %v", test.reason, writes)
			}
		})
	}
}

// Knative writes its status at any time; what it says then is read again.
func TestAKnativePromotionThatMeetsAnotherWrite(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		meets  func(*unstructured.Unstructured)
		is     error
		want   string
	}{
		"Status": {reason: "Nothing of it concerns the promotion.", meets: says("Ready", "True", ""), want: firstRevision},
		"Pushed": {reason: "There is something newer now.", meets: pushed(secondRevision), is: ErrVersionChanged},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKnativeCluster(t)
			k.target.options.Live = &interrupted{Reader: k.Client, name: "podinfo", act: func() { k.edit(t, test.meets) }}
			err := k.target.SyncPrimary(t.Context(), k.canary, rollout.Version{Revision: knativeRevision(firstRevision)})
			if !errors.Is(err, test.is) {
				t.Errorf("%s Got error %v", test.reason, err)
			}
			if got := k.stored(t).GetAnnotations()[primaryRevisionAnnotation]; got != test.want {
				t.Errorf("%s Got primary %q", test.reason, got)
			}
		})
	}
}

func TestKnativeHasNothingToScaleAndNoServices(t *testing.T) {
	k := newKnativeCluster(t, servedBy(firstRevision))
	before := k.stored(t).GetResourceVersion()
	err := errors.Join(
		k.target.Scale(t.Context(), k.canary, rollout.Down), k.target.Scale(t.Context(), k.canary, rollout.Up),
		k.target.Ensure(t.Context(), k.canary), k.target.EnsureApex(t.Context(), k.canary),
		k.target.Release(t.Context(), k.canary), k.target.Prune(t.Context(), k.canary),
	)
	if calls := append(k.cached.took(), k.live.took()...); err != nil || len(calls) > 0 {
		t.Errorf("got error %v and calls %v", err, calls)
	}
	if k.stored(t).GetResourceVersion() != before {
		t.Error("the target was written")
	}
}

// TestKnativeRevisionsArePinned pins identities: a change of any restarts every canary of every user on an upgrade.
func TestKnativeRevisionsArePinned(t *testing.T) {
	for name, want := range map[string]string{firstRevision: "h1:6d5f76fe456cfb4d", secondRevision: "h1:8adb03626e94997e"} {
		if got := knativeRevision(name); got != want || !Recorded(got) {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}
