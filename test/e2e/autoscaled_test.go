//go:build e2e && linux

package e2e

import (
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/story"
)

// TestAutoscaledTargetIsPromoted releases a target with a HorizontalPodAutoscaler, for which the lab has no metrics: it
// holds its workload at the least number of pods. The primary's least number is another one.
func TestAutoscaledTargetIsPromoted(t *testing.T) {
	t.Parallel()
	const atTarget, atPrimary, most = 2, 3, 5
	app := story.App{Namespace: "autoscaled", Version: "6.0.0", Replicas: atTarget, Change: func(c *v1beta1.Canary) {
		oneStep(c)
		c.Spec.AutoscalerRef = &v1beta1.AutoscalerReference{
			APIVersion: "autoscaling/v2", Kind: "HorizontalPodAutoscaler", Name: story.Name,
			PrimaryScalerReplicas: &v1beta1.ScalerReplicas{MinReplicas: ptr.To[int32](atPrimary)},
		}
	}}
	app.Before = []client.Object{newScaler(app, atTarget, most)}
	s := Given(t, app, 50)
	s.await("primary scaled", func(m story.Moment) bool { return m.Primary.Wanted == atPrimary })

	s.When(NewRevision("6.1.0"), newMost(most+1))
	s.await("the step", routed(50))
	s.Then(PrimaryScales(atPrimary, most))
	s.Then(
		Promoted(),
		PrimaryScales(atPrimary, most+1),
		Sized([]int32{0, atTarget, 0}, []int32{atPrimary}),
		Weighted(50),
		RolledOnce(),
		Warned(),
		NoPlatformFailure(),
	)
}

func newScaler(app story.App, least, most int32) *autoscalingv2.HorizontalPodAutoscaler {
	return &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: app.Namespace, Name: story.Name},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: story.Name},
			MinReplicas:    ptr.To(least),
			MaxReplicas:    most,
		},
	}
}

// newMost gives the target's autoscaler another greatest number of pods.
func newMost(most int32) Step {
	return func(s *scene) {
		s.Helper()
		scaler := &autoscalingv2.HorizontalPodAutoscaler{}
		s.must(stage.Client.Get(s.ctx, s.app.Key(), scaler))
		before := scaler.DeepCopy()
		scaler.Spec.MaxReplicas = most
		s.must(stage.Client.Patch(s.ctx, scaler, client.MergeFrom(before)))
	}
}

// PrimaryScales checks the primary's autoscaler.
func PrimaryScales(least, most int32) Outcome {
	return func(s *scene) {
		s.Helper()
		scaler := &autoscalingv2.HorizontalPodAutoscaler{}
		s.must(stage.Client.Get(s.ctx, client.ObjectKey{Namespace: s.app.Namespace, Name: story.Name + "-primary"}, scaler))
		s.same("workload that is scaled", story.Name+"-primary", scaler.Spec.ScaleTargetRef.Name)
		s.same("least and most pods", []int32{least, most}, []int32{ptr.Deref(scaler.Spec.MinReplicas, 1), scaler.Spec.MaxReplicas})
	}
}
