package workload

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
)

var fully = rollout.Plan{PrimaryReady: 100, CanaryReady: 50, Deadline: time.Minute}

// setStatus plays the Deployment controller.
func (c cluster) setStatus(t *testing.T, name string, status appsv1.DeploymentStatus) {
	t.Helper()
	found := c.readDeployment(t, name)
	found.Status = status
	found.Status.ObservedGeneration = found.Generation
	if err := c.Status().Update(t.Context(), found); err != nil {
		t.Fatal(err)
	}
}

func TestObserve(t *testing.T) {
	k := newCluster(t)
	c := k.canary()
	if _, err := k.deployment.Observe(t.Context(), c, fully); !errors.Is(err, ErrTargetNotFound) || !apierrors.IsNotFound(err) {
		t.Errorf("error %v for a missing target, want ErrTargetNotFound", err)
	}

	target := k.target()
	k.create(t, target)
	revision := revisionOf(t, target)
	since := metav1.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	k.setStatus(t, "podinfo", appsv1.DeploymentStatus{
		Replicas: 2, UpdatedReplicas: 2,
		Conditions: []appsv1.DeploymentCondition{
			{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue},
			{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionFalse, Reason: "MinimumReplicasUnavailable", LastUpdateTime: since},
		},
	})
	waiting := rollout.Workload{
		Exists: true, Revision: revision, Replicas: 2,
		Reason: "canary deployment podinfo." + k.namespace +
			" not ready: waiting for rollout to finish: 0 of 1 (readyThreshold 50%) updated replicas are available",
		Deadline: since.Add(time.Minute),
	}
	k.observes(t, Pair{Target: waiting}, "There is no primary yet.")

	if err := k.deployment.SyncPrimary(t.Context(), c, rollout.Version{Revision: revision}); err != nil {
		t.Fatal(err)
	}
	k.setStatus(t, "podinfo", appsv1.DeploymentStatus{Replicas: 2, UpdatedReplicas: 2, ReadyReplicas: 1, AvailableReplicas: 1})
	k.setStatus(t, "podinfo-primary", appsv1.DeploymentStatus{Replicas: 2, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1})
	ready := rollout.Workload{Exists: true, Revision: revision, Readiness: rollout.Ready, Replicas: 2, Available: 1}
	k.observes(t, Pair{
		Target: ready,
		Primary: rollout.Workload{
			Exists: true, Revision: revision, Replicas: 2, Available: 1,
			Reason: "podinfo-primary." + k.namespace +
				" not ready: waiting for rollout to finish: 1 out of 2 new replicas have been updated",
		},
	}, "One of two pods is half of the target, and not all of the primary.")
}

// observes compares what Observe reports.
func (c cluster) observes(t *testing.T, want Pair, reason string) {
	t.Helper()
	got, err := c.deployment.Observe(t.Context(), c.canary(), fully)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Target.Deadline.IsZero() {
		got.Target.Deadline = got.Target.Deadline.UTC()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", reason, diff)
	}
}

func TestThePrimaryIsMadeOnceAndFollowsThePromotedRevision(t *testing.T) {
	k := newCluster(t)
	c := k.canary()
	target := k.target()
	k.create(t, target)
	first := revisionOf(t, target)

	k.syncs(t, first)
	made := k.readDeployment(t, "podinfo-primary")
	if !kube.IsOwned(c, made) || image(made) != "app:1" {
		t.Errorf("owners %v, image %s", made.OwnerReferences, image(made))
	}
	k.syncs(t, first)
	if again := k.readDeployment(t, "podinfo-primary"); again.ResourceVersion != made.ResourceVersion {
		t.Error("a second call wrote the primary")
	}

	second := k.setImage(t, "app:2")
	k.setReplicas(t, "podinfo", 0)
	pair, err := k.deployment.Observe(t.Context(), c, fully)
	if err != nil {
		t.Fatal(err)
	}
	if pair.Target.Revision != second || pair.Primary.Revision != first {
		t.Errorf("revisions %s and %s, want the target's new one and the primary's old", pair.Target.Revision, pair.Primary.Revision)
	}
	k.syncs(t, second)
	promoted := k.readDeployment(t, "podinfo-primary")
	if image(promoted) != "app:2" || replicas(promoted) != 2 || promoted.Generation != made.Generation+1 {
		t.Errorf("image %s, %d replicas, generation %d after %d: want one change to app:2, the size kept",
			image(promoted), replicas(promoted), promoted.Generation, made.Generation)
	}
	k.syncs(t, second)
	if again := k.readDeployment(t, "podinfo-primary"); again.ResourceVersion != promoted.ResourceVersion {
		t.Error("a second call wrote the primary")
	}
}

func (c cluster) syncs(t *testing.T, revision string) {
	t.Helper()
	if err := c.deployment.SyncPrimary(t.Context(), c.canary(), rollout.Version{Revision: revision}); err != nil {
		t.Fatal(err)
	}
}

// TestACrashedPromotionIsNotRolledTwice plays a primary whose mark was lost after the template was written.
func TestACrashedPromotionIsNotRolledTwice(t *testing.T) {
	k := newCluster(t)
	target := k.target()
	k.create(t, target)
	revision := revisionOf(t, target)
	k.syncs(t, revision)
	primary := k.readDeployment(t, "podinfo-primary")
	want := primary.Spec
	primary.Annotations[revisionAnnotation] = "h1:0000000000000000"
	if err := k.Update(t.Context(), primary); err != nil {
		t.Fatal(err)
	}
	k.syncs(t, revision)
	got := k.readDeployment(t, "podinfo-primary")
	if diff := cmp.Diff(want, got.Spec); diff != "" {
		t.Errorf("the pods roll a second time (-before +after):\n%s", diff)
	}
	if got.Annotations[revisionAnnotation] != revision {
		t.Errorf("the mark is %q, want %q", got.Annotations[revisionAnnotation], revision)
	}
}

func TestNothingIsPromotedThatChangedMeanwhile(t *testing.T) {
	k := newCluster(t)
	target := k.target()
	k.create(t, target)
	analysed := revisionOf(t, target)
	k.syncs(t, analysed)
	before := k.readDeployment(t, "podinfo-primary")
	k.setImage(t, "app:unseen")
	if err := k.deployment.SyncPrimary(t.Context(), k.canary(), rollout.Version{Revision: analysed}); !errors.Is(err, ErrVersionChanged) {
		t.Errorf("error %v, want ErrVersionChanged", err)
	}
	if after := k.readDeployment(t, "podinfo-primary"); after.ResourceVersion != before.ResourceVersion {
		t.Error("the primary was written nevertheless")
	}
}

func TestAWriteThatMeetsAnothersIsRepeated(t *testing.T) {
	k := newCluster(t)
	k.create(t, k.target())
	k.syncs(t, revisionOf(t, k.readDeployment(t, "podinfo")))
	revision := k.setImage(t, "app:2")
	k.deployment.options.Client = readingThrough{k.Client, &interrupted{Reader: k.Client, name: "podinfo-primary", act: func() {
		other := k.readDeployment(t, "podinfo-primary")
		other.Labels["somebody"] = "else"
		if err := k.Update(t.Context(), other); err != nil {
			t.Error(err)
		}
	}}}
	k.syncs(t, revision)
	if got := k.readDeployment(t, "podinfo-primary"); image(got) != "app:2" {
		t.Errorf("image %s, want app:2", image(got))
	}
}

func TestARevisionThatChangesBetweenTwoAttemptsIsNotPromoted(t *testing.T) {
	k := newCluster(t)
	k.create(t, k.target())
	k.syncs(t, revisionOf(t, k.readDeployment(t, "podinfo")))
	revision := k.setImage(t, "app:2")
	k.deployment.options.Client = readingThrough{k.Client, &interrupted{Reader: k.Client, name: "podinfo-primary", act: func() {
		k.setReplicas(t, "podinfo-primary", 3)
		k.setImage(t, "app:unseen")
	}}}
	if err := k.deployment.SyncPrimary(t.Context(), k.canary(), rollout.Version{Revision: revision}); !errors.Is(err, ErrVersionChanged) {
		t.Errorf("error %v, want ErrVersionChanged", err)
	}
	if got := k.readDeployment(t, "podinfo-primary"); image(got) != "app:1" {
		t.Errorf("image %s, want app:1", image(got))
	}
}

// TestTheCacheMayBeBehind promotes with caches that do not catch up in time.
func TestTheCacheMayBeBehind(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		cache  func(k cluster) client.Reader
		calls  []string
	}{
		"UpToDate": {
			reason: "One read, of what is promoted, and one write.",
			cache:  func(k cluster) client.Reader { return k.Client },
			calls:  []string{"get podinfo", "overwrite podinfo-primary"},
		},
		"Old": {
			reason: "What somebody did meanwhile to the primary is not undone.",
			cache: func(k cluster) client.Reader {
				old := k.readDeployment(t, "podinfo-primary")
				k.setReplicas(t, "podinfo-primary", 7)
				return frozen{k.Client, old}
			},
			calls: []string{"get podinfo", "get podinfo", "get podinfo-primary", "overwrite podinfo-primary", "overwrite podinfo-primary"},
		},
		"Empty": {
			reason: "A primary that the cache has not seen is there all the same.",
			cache:  func(k cluster) client.Reader { return late{k.Client, "podinfo-primary"} },
			calls:  []string{"get podinfo", "get podinfo-primary", "overwrite podinfo-primary"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := newCluster(t)
			k.create(t, k.target())
			k.syncs(t, revisionOf(t, k.readDeployment(t, "podinfo")))
			revision := k.setImage(t, "app:2")
			k.setReplicas(t, "podinfo", 0) // so that it tells the primary no size
			cache := tc.cache(k)
			size := replicas(k.readDeployment(t, "podinfo-primary"))
			through := &recorder{Client: k.Client}
			k.deployment.options.Client, k.deployment.options.Live = readingThrough{through, cache}, through
			k.syncs(t, revision)
			if diff := cmp.Diff(tc.calls, through.took()); diff != "" {
				t.Errorf("%s Calls (-want +got):\n%s", tc.reason, diff)
			}
			if got := k.readDeployment(t, "podinfo-primary"); image(got) != "app:2" || replicas(got) != size {
				t.Errorf("%s Image %s, %d replicas and not %d", tc.reason, image(got), replicas(got), size)
			}
		})
	}
}

// frozen is a cache that does not get to know what becomes of one Deployment.
type frozen struct {
	client.Reader
	known *appsv1.Deployment
}

func (r frozen) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	found, wanted := object.(*appsv1.Deployment)
	if !wanted || key.Name != r.known.Name {
		return r.Reader.Get(ctx, key, object, options...)
	}
	r.known.DeepCopyInto(found)
	return nil
}

// TestWhatIsCopiedIsReplacedWhole leaves nothing of what the target had before, and alone what is the primary's own.
func TestWhatIsCopiedIsReplacedWhole(t *testing.T) {
	k := newCluster(t)
	before := k.target()
	deadline := int32(120)
	before.Spec.MinReadySeconds, before.Spec.ProgressDeadlineSeconds = 5, &deadline
	before.Spec.Strategy.Type = appsv1.RecreateDeploymentStrategyType
	before.Spec.Template.Spec.NodeSelector = map[string]string{"disk": "nvme"}
	k.create(t, before)
	k.syncs(t, revisionOf(t, before))
	primary := k.readDeployment(t, "podinfo-primary")
	primary.Spec.Paused = true
	if err := k.Update(t.Context(), primary); err != nil {
		t.Fatal(err)
	}

	after := k.target()
	if err := k.Update(t.Context(), after); err != nil {
		t.Fatal(err)
	}
	k.syncs(t, revisionOf(t, after))
	got := k.readDeployment(t, "podinfo-primary").Spec
	if !got.Paused || got.MinReadySeconds != 0 {
		t.Errorf("paused %t, minReadySeconds %d", got.Paused, got.MinReadySeconds)
	}
	if diff := cmp.Diff([]any{after.Spec.Strategy, after.Spec.ProgressDeadlineSeconds, after.Spec.Template.Spec},
		[]any{got.Strategy, got.ProgressDeadlineSeconds, got.Template.Spec}); diff != "" {
		t.Errorf("copied (-target +primary):\n%s", diff)
	}
}

func TestADeploymentOfSomebodyElseIsNoPrimary(t *testing.T) {
	k := newCluster(t)
	target, other := k.target(), k.target()
	other.Name = "podinfo-primary"
	k.create(t, target, other)
	pair, err := k.deployment.Observe(t.Context(), k.canary(), fully)
	if err != nil {
		t.Fatal(err)
	}
	if want := "deployment podinfo-primary." + k.namespace + " belongs to somebody else"; pair.Primary != (rollout.Workload{}) || pair.Claim != want {
		t.Errorf("primary %+v, claim %q, want none, and %q", pair.Primary, pair.Claim, want)
	}
	if err := k.deployment.SyncPrimary(t.Context(), k.canary(), rollout.Version{Revision: revisionOf(t, target)}); !errors.Is(err, ErrForeign) {
		t.Errorf("error %v, want ErrForeign", err)
	}
	if got := k.readDeployment(t, "podinfo-primary"); got.ResourceVersion != other.ResourceVersion {
		t.Error("the user's Deployment was written")
	}
}

func TestTargetsThatCannotBeReleased(t *testing.T) {
	cases := map[string]struct {
		reason string
		change func(*appsv1.Deployment)
		want   string // the error's text, where it is pinned; %s is the namespace
	}{
		"NoSelectorLabel": {
			reason: "Without a label of its own the primary would get the target's traffic.",
			change: func(d *appsv1.Deployment) {
				d.Spec.Selector.MatchLabels = map[string]string{"tier": "web"}
				d.Spec.Template.Labels = map[string]string{"tier": "web"}
			},
			want: "getSelectorLabel failed: deployment podinfo.%s spec.selector.matchLabels must contain one of [app name app.kubernetes.io/name]",
		},
		"LabelTooLong": {
			reason: "The primary's value has eight characters more, and a label has at most 63.",
			change: func(d *appsv1.Deployment) {
				long := map[string]string{"app": "a-value-of-sixty-characters-is-fine-by-itself-but-not-with-more"}
				d.Spec.Selector.MatchLabels, d.Spec.Template.Labels = long, long
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			k := newCluster(t)
			target := k.target()
			tc.change(target)
			k.create(t, target)
			err := k.deployment.SyncPrimary(t.Context(), k.canary(), rollout.Version{Revision: revisionOf(t, target)})
			if !errors.Is(err, ErrInvalidTarget) {
				t.Errorf("error %v, want ErrInvalidTarget; %s", err, tc.reason)
			}
			if want := strings.Replace(tc.want, "%s", k.namespace, 1); want != "" && err.Error() != want {
				t.Errorf("text %q, want %q", err, want)
			}
			if _, err := k.deployment.Observe(t.Context(), k.canary(), fully); err != nil {
				t.Errorf("observing it fails: %v; then its canary could not even be deleted", err)
			}
		})
	}
}

func TestAnUnreachableServerIsNotAMissingPrimary(t *testing.T) {
	k := newCluster(t)
	target := k.target()
	k.create(t, target)
	k.deployment.options.Live = unreadable{Reader: k.Client, name: "podinfo-primary"}
	err := k.deployment.SyncPrimary(t.Context(), k.canary(), rollout.Version{Revision: revisionOf(t, target)})
	if !errors.Is(err, errUnreadable) {
		t.Errorf("error %v, want the read's", err)
	}
	found := &appsv1.DeploymentList{}
	if err := k.List(t.Context(), found, client.InNamespace(k.namespace)); err != nil || len(found.Items) != 1 {
		t.Errorf("%d Deployments (%v), want the target alone", len(found.Items), err)
	}
}
