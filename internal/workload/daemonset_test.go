package workload

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
)

// everywhere is a canary of the DaemonSet podinfo.
func (c cluster) everywhere() *v1beta1.Canary {
	canary := c.canary()
	canary.Spec.TargetRef.Kind = "DaemonSet"
	return canary
}

// agent is the DaemonSet podinfo as a user applies it.
func (c cluster) agent() *appsv1.DaemonSet {
	like := c.target()
	like.Spec.Template.Spec.NodeSelector = map[string]string{"disk": "ssd"}
	return &appsv1.DaemonSet{
		ObjectMeta: like.ObjectMeta,
		Spec:       appsv1.DaemonSetSpec{Selector: like.Spec.Selector, Template: like.Spec.Template},
	}
}

func (c cluster) readDaemonSet(t *testing.T, name string) *appsv1.DaemonSet {
	t.Helper()
	found := &appsv1.DaemonSet{}
	c.get(t, name, found)
	return found
}

// schedule plays the DaemonSet controller.
func (c cluster) schedule(t *testing.T, name string, status appsv1.DaemonSetStatus) {
	t.Helper()
	found := c.readDaemonSet(t, name)
	found.Status = status
	found.Status.ObservedGeneration = found.Generation
	if err := c.Status().Update(t.Context(), found); err != nil {
		t.Fatal(err)
	}
}

func (c cluster) scales(t *testing.T, to rollout.Direction) *appsv1.DaemonSet {
	t.Helper()
	if err := c.daemonSet.Scale(t.Context(), c.everywhere(), to); err != nil {
		t.Fatal(err)
	}
	return c.readDaemonSet(t, "podinfo")
}

func revisionOfAgent(t *testing.T, d *appsv1.DaemonSet) string {
	t.Helper()
	return revision(t, daemonSets{}.view(d).template)
}

// nodes are the numbers in the status of a DaemonSet.
type nodes struct{ desired, updated, available int32 }

func daemonSetOn(n nodes) *appsv1.DaemonSet {
	return &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "podinfo", Generation: 3},
		Status: appsv1.DaemonSetStatus{
			ObservedGeneration:     3,
			DesiredNumberScheduled: n.desired,
			UpdatedNumberScheduled: n.updated,
			NumberAvailable:        n.available,
		},
	}
}

func TestReadinessOfDaemonSets(t *testing.T) {
	unseen, idle := daemonSetOn(nodes{3, 3, 3}), daemonSetOn(nodes{})
	unseen.Generation = 4
	idle.Spec.Template.Spec.NodeSelector = map[string]string{idleKey: "true"}
	const waiting, overdue = "waiting for rollout to finish: ", "exceeded its progressDeadlineSeconds: 60"
	for name, tc := range map[string]struct {
		reason  string
		in      *appsv1.DaemonSet
		percent int
		want    finding
	}{
		"AllAvailable": {
			reason: "Every node runs the present revision.",
			in:     daemonSetOn(nodes{3, 3, 3}), percent: 100,
			want: finding{readiness: rollout.Ready},
		},
		"GenerationNotSeen": {
			reason: "The status speaks of an earlier spec, and nobody knows how long the controller takes.",
			in:     unseen, percent: 100,
			want: finding{reason: waiting + "observed daemonset generation less than desired generation"},
		},
		"ScaledToZero": {
			reason: "Nobody serves, and that is as it should be, however long it takes.",
			in:     idle, percent: 100,
			want: finding{reason: waiting + "the daemonset is scaled to zero"},
		},
		"NoNodes": {
			reason: "A complete rollout to no node serves nobody either.",
			in:     daemonSetOn(nodes{}), percent: 100,
			want: finding{reason: waiting + "0 of 1 (readyThreshold 100%) updated pods are available", overdue: overdue},
		},
		"NotYetUpdated": {
			reason: "One node runs the old revision.",
			in:     daemonSetOn(nodes{3, 2, 3}), percent: 50,
			want: finding{reason: waiting + "2 out of 3 new pods have been updated", overdue: overdue},
		},
		"NotAvailable": {
			reason: "All must be available unless the spec says otherwise.",
			in:     daemonSetOn(nodes{3, 3, 2}), percent: 100,
			want: finding{reason: waiting + "2 of 3 (readyThreshold 100%) updated pods are available", overdue: overdue},
		},
		"ThresholdRoundsUp": {
			reason: "Half of three is two: one pod is less than half.",
			in:     daemonSetOn(nodes{3, 3, 1}), percent: 50,
			want: finding{reason: waiting + "1 of 2 (readyThreshold 50%) updated pods are available", overdue: overdue},
		},
		"ThresholdReached": {
			reason: "Two of three are more than half.",
			in:     daemonSetOn(nodes{3, 3, 2}), percent: 50,
			want: finding{readiness: rollout.Ready},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := daemonSets{}.judge(tc.in, bar{percent: tc.percent, deadline: time.Minute})
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(finding{})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestObservingDaemonSets(t *testing.T) {
	k := newCluster(t)
	c := k.everywhere()
	if _, err := k.daemonSet.Observe(t.Context(), c, fully); !errors.Is(err, ErrTargetNotFound) {
		t.Errorf("error %v for a missing target, want ErrTargetNotFound", err)
	}
	target := k.agent()
	k.create(t, target)
	version := rollout.Version{Revision: revisionOfAgent(t, target)}
	if err := k.daemonSet.SyncPrimary(t.Context(), c, version); err != nil {
		t.Fatal(err)
	}
	k.schedule(t, "podinfo", appsv1.DaemonSetStatus{DesiredNumberScheduled: 4, UpdatedNumberScheduled: 1})
	k.schedule(t, "podinfo-primary", appsv1.DaemonSetStatus{DesiredNumberScheduled: 4, UpdatedNumberScheduled: 4, NumberAvailable: 3})
	want := Pair{
		Target: rollout.Workload{
			Exists: true, Revision: version.Revision, Replicas: 4, Limit: time.Minute,
			Reason: "canary damonset podinfo." + k.namespace +
				" not ready with retryable true: waiting for rollout to finish: 1 out of 4 new pods have been updated",
			StuckReason: "canary damonset podinfo." + k.namespace +
				" not ready with retryable false: exceeded its progressDeadlineSeconds: 60",
		},
		Primary: rollout.Workload{
			Exists: true, Revision: version.Revision, Replicas: 4, Available: 3, Limit: time.Minute,
			Reason: "primary daemonset podinfo-primary." + k.namespace +
				" not ready: waiting for rollout to finish: 3 of 4 (readyThreshold 100%) updated pods are available",
			StuckReason: "primary daemonset podinfo-primary." + k.namespace +
				" not ready: exceeded its progressDeadlineSeconds: 60",
		},
	}
	got, err := k.daemonSet.Observe(t.Context(), c, fully)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestADaemonSetStopsAndStartsByOneKey(t *testing.T) {
	k := newCluster(t)
	target := k.agent()
	k.create(t, target)
	first := revisionOfAgent(t, target)

	stopped := k.scales(t, rollout.Down)
	want := map[string]string{"disk": "ssd", idleKey: "true"}
	if got := stopped.Spec.Template.Spec.NodeSelector; !maps.Equal(got, want) {
		t.Errorf("node selector %v, want %v", got, want)
	}
	if again := k.scales(t, rollout.Down); again.ResourceVersion != stopped.ResourceVersion {
		t.Error("a second call wrote the target")
	}
	pair, err := k.daemonSet.Observe(t.Context(), k.everywhere(), fully)
	if err != nil || pair.Target.Revision != first || pair.Target.Replicas != 0 || pair.Target.Readiness == rollout.Ready {
		t.Errorf("at rest %+v (%v), want no pods of the same revision", pair.Target, err)
	}

	for _, leaving := range []appsv1.DaemonSetStatus{{CurrentNumberScheduled: 1}, {NumberMisscheduled: 1}} {
		k.schedule(t, "podinfo", leaving)
		if got := k.scales(t, rollout.Up); !isIdle(got) {
			t.Errorf("started while a pod that was told to stop would be taken for a new one: %+v", leaving)
		}
	}
	k.schedule(t, "podinfo", appsv1.DaemonSetStatus{})
	started := k.scales(t, rollout.Up)
	if diff := cmp.Diff(target.Spec, started.Spec); diff != "" {
		t.Errorf("after a rest (-before +after):\n%s", diff)
	}
	if again := k.scales(t, rollout.Up); again.ResourceVersion != started.ResourceVersion {
		t.Error("a second call wrote the target")
	}
	pair, err = k.daemonSet.Observe(t.Context(), k.everywhere(), fully)
	if err != nil || pair.Target.Replicas == 0 {
		t.Errorf("%+v (%v): a DaemonSet that its controller has not seen yet asks for pods", pair.Target, err)
	}
}

func TestAnOldCopyDoesNotScaleADaemonSet(t *testing.T) {
	k := newCluster(t)
	k.create(t, k.agent())
	k.daemonSet.options.Client = readingThrough{k.Client, &interrupted{Reader: k.Client, name: "podinfo", act: func() {
		other := k.readDaemonSet(t, "podinfo")
		other.Spec.Template.Spec.NodeSelector = map[string]string{"disk": "nvme"}
		if err := k.Update(t.Context(), other); err != nil {
			t.Error(err)
		}
	}}}
	if err := k.daemonSet.Scale(t.Context(), k.everywhere(), rollout.Down); !apierrors.IsConflict(err) {
		t.Errorf("error %v, want a conflict", err)
	}
	if got := k.scales(t, rollout.Down).Spec.Template.Spec.NodeSelector; got["disk"] != "nvme" || got[idleKey] == "" {
		t.Errorf("node selector %v after another attempt", got)
	}
}

func TestThePrimaryDaemonSetRunsWhileTheTargetRests(t *testing.T) {
	k := newCluster(t)
	target := k.agent()
	k.create(t, target)
	version := rollout.Version{Revision: revisionOfAgent(t, target)}
	syncs := func() *appsv1.DaemonSet {
		t.Helper()
		if err := k.daemonSet.SyncPrimary(t.Context(), k.everywhere(), version); err != nil {
			t.Fatal(err)
		}
		return k.readDaemonSet(t, "podinfo-primary")
	}
	k.scales(t, rollout.Down)
	made := syncs()
	if !kube.IsOwned(k.everywhere(), made) || isIdle(made) || made.Spec.Template.Spec.NodeSelector["disk"] != "ssd" {
		t.Errorf("owners %v, node selector %v", made.OwnerReferences, made.Spec.Template.Spec.NodeSelector)
	}

	next := k.readDaemonSet(t, "podinfo")
	next.Spec.Template.Spec.Containers[0].Image = "app:2"
	if err := k.Update(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if err := k.daemonSet.SyncPrimary(t.Context(), k.everywhere(), version); !errors.Is(err, ErrVersionChanged) {
		t.Errorf("error %v, want ErrVersionChanged", err)
	}
	version.Revision = revisionOfAgent(t, next)
	promoted := syncs()
	if got := promoted.Spec.Template.Spec; got.Containers[0].Image != "app:2" || isIdle(promoted) {
		t.Errorf("image %s, node selector %v", got.Containers[0].Image, got.NodeSelector)
	}
	if again := syncs(); again.ResourceVersion != promoted.ResourceVersion {
		t.Error("a second call wrote the primary")
	}
}

func TestAPrimaryDaemonSetMadeByFlaggerIsMarked(t *testing.T) {
	k := newCluster(t)
	target, primary := k.agent(), k.agent()
	primary.Name = "podinfo-primary"
	primary.OwnerReferences = []metav1.OwnerReference{kube.OwnerReference(k.everywhere())}
	primary.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "podinfo-primary"}}
	primary.Spec.Template.Labels = primary.Spec.Selector.MatchLabels
	primary.Spec.Template.Annotations = map[string]string{idAnnotation: "c6a4a4f8-2d1f-4b5e-9a8c-0c7c0f7c1d11"}
	k.create(t, target, primary)
	k.scales(t, rollout.Down)
	pair, err := k.daemonSet.Observe(t.Context(), k.everywhere(), fully)
	if err != nil || pair.Primary.Revision != pair.Target.Revision {
		t.Errorf("%+v (%v), want the same revision", pair, err)
	}
	if err := k.daemonSet.SyncPrimary(t.Context(), k.everywhere(), rollout.Version{Revision: pair.Target.Revision}); err != nil {
		t.Fatal(err)
	}
	got := k.readDaemonSet(t, "podinfo-primary")
	if diff := cmp.Diff(primary.Spec, got.Spec); diff != "" || recordedOn(got).Revision != pair.Target.Revision {
		t.Errorf("marked %v, want the target's revision and the same spec (-before +after):\n%s", recordedOn(got), diff)
	}
}

func TestDaemonSetsThatDoNotRoll(t *testing.T) {
	k := newCluster(t)
	target := k.agent()
	target.Spec.UpdateStrategy.Type = appsv1.OnDeleteDaemonSetStrategyType
	k.create(t, target)
	err := k.daemonSet.SyncPrimary(t.Context(), k.everywhere(), rollout.Version{Revision: revisionOfAgent(t, target)})
	want := "daemonset podinfo." + k.namespace + " must have RollingUpdate strategy but have OnDelete"
	if !errors.Is(err, ErrInvalidTarget) || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want ErrInvalidTarget: %s", err, want)
	}
	if _, err := k.daemonSet.Observe(t.Context(), k.everywhere(), fully); err != nil {
		t.Errorf("observing it fails: %v; then its canary could not even be deleted", err)
	}
}

func TestServicesOfADaemonSet(t *testing.T) {
	k := newCluster(t)
	target := k.agent()
	target.Spec.Template.Spec.Containers[0].Ports = []corev1.ContainerPort{{Name: "metrics", ContainerPort: 9797}}
	k.create(t, target)
	c := k.everywhere()
	c.Spec.Service.PortDiscovery = true
	k.ensures(t, c)
	for name, value := range map[string]string{"podinfo": "podinfo-primary", "podinfo-primary": "podinfo-primary", "podinfo-canary": "podinfo"} {
		service := k.readService(t, name)
		if service.Spec.Selector["app"] != value || len(service.Spec.Ports) != 2 {
			t.Errorf("%s selects %v on %d ports, want %s and two ports", name, service.Spec.Selector, len(service.Spec.Ports), value)
		}
	}
}
