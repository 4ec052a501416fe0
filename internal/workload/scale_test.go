package workload

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/internal/workload/scaler"
)

// The kinds of autoscaler that a canary may refer to.
const (
	kindHPA          = "HorizontalPodAutoscaler"
	kindScaledObject = "ScaledObject"
)

// least is a HorizontalPodAutoscaler of the target with a minimum.
func (c cluster) least(minimum int32) *autoscalingv2.HorizontalPodAutoscaler {
	return &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Name: "podinfo", Namespace: c.namespace},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "podinfo"},
			MinReplicas:    &minimum,
			MaxReplicas:    9,
		},
	}
}

// scaled is a ScaledObject of the target with a minimum.
func (c cluster) scaled(minimum int64) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "keda.sh/v1alpha1",
		"kind":       "ScaledObject",
		"metadata":   map[string]any{"name": "podinfo", "namespace": c.namespace},
		"spec": map[string]any{
			"minReplicaCount": minimum,
			"scaleTargetRef":  map[string]any{"name": "podinfo"},
			"triggers":        []any{},
		},
	}}
}

const noPrimary = -1

func TestScalingUp(t *testing.T) {
	cases := map[string]struct {
		reason          string
		target, primary int32
		scaler          string
		minimum         int32 // of the autoscaler; 0 for none in the cluster
		deleting        bool
		want            int32
	}{
		"Running": {
			reason: "A target that runs keeps its size: the user's or the autoscaler's.",
			target: 3, primary: 5, want: 3,
		},
		"LikeThePrimary": {
			reason: "It is to stand in for the primary.",
			target: 0, primary: 5, want: 5,
		},
		"WithoutPrimary": {
			reason: "There is nothing to go by.",
			target: 0, primary: noPrimary, want: 1,
		},
		"PrimaryAtZero": {
			reason: "Up is at least one pod.",
			target: 0, primary: 0, want: 1,
		},
		"LeastOfTheHPA": {
			reason: "The autoscaler takes it from its minimum.",
			target: 0, primary: 5, scaler: kindHPA, minimum: 3, want: 3,
		},
		"HPAThatIsNotThere": {
			reason: "The autoscaler may come later, one pod serves until then.",
			target: 0, primary: 5, scaler: kindHPA, want: 1,
		},
		"RunningUnderAnHPA": {
			reason: "The size is the autoscaler's business.",
			target: 4, primary: 5, scaler: kindHPA, minimum: 2, want: 4,
		},
		"LeastOfTheScaledObject": {
			reason: "KEDA names its minimum differently.",
			target: 0, primary: 5, scaler: kindScaledObject, minimum: 2, want: 2,
		},
		"ScaledObjectThatIsNotThere": {
			reason: "One pod serves until it comes.",
			target: 0, primary: 5, scaler: kindScaledObject, want: 1,
		},
		"UnknownAutoscaler": {
			reason: "A kind that we do not know counts as none.",
			target: 0, primary: 5, scaler: "VerticalPodAutoscaler", want: 5,
		},
		"TakingOverFromThePrimary": {
			reason: "A canary that goes leaves all traffic to the target, so it needs the primary's size.",
			target: 0, primary: 5, scaler: kindHPA, minimum: 2, deleting: true, want: 5,
		},
		"TakingOverWhileRunning": {
			reason: "Two pods for an analysis are too few for all the traffic.",
			target: 2, primary: 5, deleting: true, want: 5,
		},
		"TakingOverAlreadyLarger": {
			reason: "Nobody gains by taking pods away now.",
			target: 7, primary: 5, deleting: true, want: 7,
		},
		"TakingOverUnderAnHPA": {
			reason: "The autoscaler runs again and knows better.",
			target: 2, primary: 5, scaler: kindHPA, minimum: 2, deleting: true, want: 2,
		},
		"TakingOverFromNobody": {
			reason: "A primary that is gone cannot say how many pods are needed.",
			target: 0, primary: noPrimary, scaler: kindHPA, minimum: 3, deleting: true, want: 3,
		},
		"TakingOverFromNobodyAlone": {
			reason: "Without an autoscaler one pod is all there is to say.",
			target: 0, primary: noPrimary, deleting: true, want: 1,
		},
	}
	testkit.StartAPIServer(t, "internal/workload/testdata/crds")
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			k := newCluster(t)
			c := k.canary()
			target := k.target()
			target.Spec.Replicas = &tc.target
			k.create(t, target)
			if tc.primary != noPrimary {
				primary := k.target()
				primary.Name = "podinfo-primary"
				primary.Spec.Replicas = &tc.primary
				k.create(t, primary)
			}
			if tc.scaler != "" {
				c.Spec.AutoscalerRef = &v1beta1.AutoscalerReference{Kind: tc.scaler, Name: "podinfo"}
			}
			if tc.minimum > 0 {
				k.create(t, map[string]client.Object{
					kindHPA:          k.least(tc.minimum),
					kindScaledObject: k.scaled(int64(tc.minimum)),
				}[tc.scaler])
			}
			if tc.deleting {
				now := metav1.Unix(1, 0)
				c.DeletionTimestamp = &now
			}
			for range 2 {
				if err := k.deployment.Scale(t.Context(), c, rollout.Up); err != nil {
					t.Fatal(err)
				}
			}
			got := k.readDeployment(t, "podinfo")
			if replicas(got) != tc.want {
				t.Errorf("%d replicas, want %d; %s", replicas(got), tc.want, tc.reason)
			}
			if wrote := got.ResourceVersion != target.ResourceVersion; wrote != (tc.want != tc.target) {
				t.Errorf("wrote: %t, from %d to %d replicas", wrote, tc.target, tc.want)
			}
		})
	}
}

func TestScalingDown(t *testing.T) {
	k := newCluster(t)
	if err := k.deployment.Scale(t.Context(), k.canary(), rollout.Down); !errors.Is(err, ErrTargetNotFound) {
		t.Errorf("error %v for a missing target, want ErrTargetNotFound", err)
	}
	target := k.target()
	k.create(t, target)
	var first string
	for call := range 2 {
		if err := k.deployment.Scale(t.Context(), k.canary(), rollout.Down); err != nil {
			t.Fatal(err)
		}
		got := k.readDeployment(t, "podinfo")
		if replicas(got) != 0 || revisionOf(t, got) != revisionOf(t, target) {
			t.Errorf("%d replicas of %s, want none of the same revision", replicas(got), image(got))
		}
		if call == 0 {
			first = got.ResourceVersion
		} else if got.ResourceVersion != first {
			t.Error("a second call wrote the target")
		}
	}
}

// TestATargetStopsBeforeItStarts plays the Deployment controller, which counts pods for a while that it was told to stop.
func TestATargetStopsBeforeItStarts(t *testing.T) {
	k := newCluster(t)
	target := k.target()
	k.create(t, target)
	count := func(pods int32) {
		t.Helper()
		found := k.readDeployment(t, "podinfo")
		found.Status.Replicas, found.Status.UpdatedReplicas = pods, pods
		found.Status.ReadyReplicas, found.Status.AvailableReplicas = pods, pods
		if err := k.Status().Update(t.Context(), found); err != nil {
			t.Fatal(err)
		}
	}
	steps := []struct {
		reason string
		pods   int32 // that the status counts
		want   int32 // replicas after Up
	}{
		{reason: "Pods that are told to stop would be taken for those that were started.", pods: 2, want: 0},
		{reason: "One of them is enough for that.", pods: 1, want: 0},
		{reason: "With the last one gone, whatever is counted next is new.", pods: 0, want: 1},
		{reason: "A target that runs is not stopping.", pods: 1, want: 1},
	}
	count(2)
	if err := k.deployment.Scale(t.Context(), k.canary(), rollout.Down); err != nil {
		t.Fatal(err)
	}
	for _, step := range steps {
		count(step.pods)
		if err := k.deployment.Scale(t.Context(), k.canary(), rollout.Up); err != nil {
			t.Fatal(err)
		}
		if got := replicas(k.readDeployment(t, "podinfo")); got != step.want {
			t.Errorf("%d replicas while %d pods are counted, want %d; %s", got, step.pods, step.want, step.reason)
		}
	}
}

func TestAPrimaryThatCannotBeReadDoesNotSizeTheTarget(t *testing.T) {
	k := newCluster(t)
	target := k.target()
	none := int32(0)
	target.Spec.Replicas = &none
	k.create(t, target)
	k.deployment.options.Client = readingThrough{k.Client, unreadable{k.Client, "podinfo-primary"}}
	if err := k.deployment.Scale(t.Context(), k.canary(), rollout.Up); !errors.Is(err, errUnreadable) {
		t.Errorf("error %v, want the read's", err)
	}
	if got := k.readDeployment(t, "podinfo"); replicas(got) != 0 {
		t.Errorf("%d replicas, guessed", replicas(got))
	}
}

// TestTheAutoscalerIsPausedFirstAndResumedFirst lets the operator crash with its first write.
func TestTheAutoscalerIsPausedFirstAndResumedFirst(t *testing.T) {
	testkit.StartAPIServer(t, "internal/workload/testdata/crds")
	k := newCluster(t)
	object := k.scaled(3)
	object.SetName("traffic")
	k.create(t, k.target(), object)
	through := &recorder{Client: k.Client}
	k.deployment.options.Client = through
	k.deployment.options.Scaler = scaler.New(scaler.Options{Client: through})
	c := k.canary()
	c.Spec.AutoscalerRef = &v1beta1.AutoscalerReference{Kind: kindScaledObject, Name: "traffic"}
	for _, step := range []struct {
		reason string
		to     rollout.Direction
		want   int32 // replicas once done
	}{
		{reason: "KEDA would start pods again that are stopped while it works.", to: rollout.Down, want: 0},
		{reason: "KEDA would stop pods again that are started while it is paused.", to: rollout.Up, want: 3},
	} {
		before := replicas(k.readDeployment(t, "podinfo"))
		through.crash = "patch traffic"
		if err := k.deployment.Scale(t.Context(), c, step.to); !errors.Is(err, errCrashed) {
			t.Errorf("error %v, want the crash", err)
		}
		if got := replicas(k.readDeployment(t, "podinfo")); got != before {
			t.Errorf("%d replicas after the first write, want %d still; %s", got, before, step.reason)
		}
		through.took()
		for range 2 {
			if err := k.deployment.Scale(t.Context(), c, step.to); err != nil {
				t.Fatal(err)
			}
		}
		if got := replicas(k.readDeployment(t, "podinfo")); got != step.want {
			t.Errorf("%d replicas, want %d", got, step.want)
		}
		if diff := cmp.Diff([]string{"patch podinfo", "patch traffic"}, through.tookWrites()); diff != "" {
			t.Errorf("writes of two calls (-want +got):\n%s", diff)
		}
	}
}

func TestAPromotedPrimaryFollowsTheTargetsSize(t *testing.T) {
	for name, tc := range map[string]struct {
		reason          string
		target, primary int32
		autoscaled      *v1beta1.AutoscalerReference
		want            int32
	}{
		"Larger":     {reason: "The user asked for more pods.", target: 5, primary: 2, want: 5},
		"Smaller":    {reason: "Or for fewer.", target: 1, primary: 2, want: 1},
		"Same":       {reason: "There is nothing to do.", target: 2, primary: 2, want: 2},
		"AtRest":     {reason: "A target at rest says nothing about size.", target: 0, primary: 2, want: 2},
		"FromZero":   {reason: "A primary without pods serves nobody.", target: 2, primary: 0, want: 2},
		"Autoscaled": {reason: "The autoscaler decides.", target: 5, primary: 2, want: 2, autoscaled: &v1beta1.AutoscalerReference{Kind: kindHPA, Name: "podinfo"}},
	} {
		t.Run(name, func(t *testing.T) {
			k := newCluster(t)
			k.create(t, k.target())
			k.promotes(t)
			k.setReplicas(t, "podinfo", tc.target)
			k.setReplicas(t, "podinfo-primary", tc.primary)
			before := k.readDeployment(t, "podinfo-primary")
			c := k.canary()
			c.Spec.AutoscalerRef = tc.autoscaled
			for range 2 {
				if err := k.deployment.SyncPrimary(t.Context(), c, k.version(t)); err != nil {
					t.Fatal(err)
				}
			}
			got := k.readDeployment(t, "podinfo-primary")
			if diff := cmp.Diff(before.Spec.Template, got.Spec.Template); diff != "" {
				t.Errorf("the pods roll (-before +after):\n%s", diff)
			}
			if replicas(got) != tc.want {
				t.Errorf("%d replicas, want %d; %s", replicas(got), tc.want, tc.reason)
			}
			if wrote := got.ResourceVersion != before.ResourceVersion; wrote != (tc.want != tc.primary) {
				t.Errorf("wrote: %t, from %d to %d replicas", wrote, tc.primary, tc.want)
			}
		})
	}
}
