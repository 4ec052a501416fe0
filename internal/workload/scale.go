package workload

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
)

// The kinds of autoscaler that a canary may refer to; any other counts as none.
const (
	kindHPA          = "HorizontalPodAutoscaler"
	kindScaledObject = "ScaledObject"
)

// Scale implements Target. It compares with the cached target, and writes the number of replicas alone. Where the canary
// is being deleted the target takes over from the primary, and Up gives it as many pods at least. Up leaves a target
// alone whose pods have only just been told to stop; the end of the last changes its status, and that is the time.
func (d *Deployment) Scale(ctx context.Context, c *v1beta1.Canary, to rollout.Direction) error {
	target, err := readTarget(ctx, d.options.Client, c)
	if err != nil {
		return err
	}
	if to == rollout.Down {
		if err := d.setReplicas(ctx, target, 0); err != nil {
			return fmt.Errorf("deployment %s.%s patch query error: %w", target.Name, target.Namespace, err)
		}
		return nil
	}
	if stopping(target) {
		return nil
	}
	count, err := d.running(ctx, c, target)
	if err != nil {
		return err
	}
	if err := d.setReplicas(ctx, target, count); err != nil {
		return fmt.Errorf("scaling up %s.%s to %d failed: %w", target.Name, target.Namespace, count, err)
	}
	return nil
}

// stopping tells whether a target that was scaled to zero still counts pods. Scaled up at once, it would report those as
// available until its ReplicaSet has seen both changes, while they are told to stop: traffic would be sent to nobody.
func stopping(target *appsv1.Deployment) bool {
	return replicas(target) == 0 && target.Status.Replicas > 0
}

func (d *Deployment) setReplicas(ctx context.Context, target *appsv1.Deployment, count int32) error {
	if replicas(target) == count {
		return nil
	}
	patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, count))
	return d.options.Client.Patch(ctx, target, patch, client.FieldOwner(kube.FieldManager))
}

// running is how many replicas a target has that serves.
func (d *Deployment) running(ctx context.Context, c *v1beta1.Canary, target *appsv1.Deployment) (int32, error) {
	present := replicas(target)
	ending := !c.DeletionTimestamp.IsZero()
	switch {
	case present > 0 && (!ending || isAutoscaled(c)):
		return present, nil
	case !ending && isAutoscaled(c):
		return d.floor(ctx, c), nil
	}
	primary, err := readDeployment(ctx, d.options.Client, c.Namespace, primaryName(c))
	switch {
	case err == nil:
		return max(present, replicas(primary), 1), nil
	case !apierrors.IsNotFound(err):
		return 0, err
	case present == 0 && isAutoscaled(c):
		return d.floor(ctx, c), nil
	}
	return max(present, 1), nil
}

func isAutoscaled(c *v1beta1.Canary) bool {
	ref := c.Spec.AutoscalerRef
	return ref != nil && (ref.Kind == kindHPA || ref.Kind == kindScaledObject)
}

// floor is the least number of replicas that the target's autoscaler allows, and one where it cannot be read: the
// autoscaler itself mends that. It is read live, for a cache of all autoscalers would cost more than one request.
func (d *Deployment) floor(ctx context.Context, c *v1beta1.Canary) int32 {
	key := client.ObjectKey{Namespace: c.Namespace, Name: c.Spec.AutoscalerRef.Name}
	if c.Spec.AutoscalerRef.Kind == kindHPA {
		hpa := &autoscalingv2.HorizontalPodAutoscaler{}
		if err := d.options.Live.Get(ctx, key, hpa); err != nil || hpa.Spec.MinReplicas == nil {
			return 1
		}
		return max(*hpa.Spec.MinReplicas, 1)
	}
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(schema.GroupVersionKind{Group: "keda.sh", Version: "v1alpha1", Kind: kindScaledObject})
	if err := d.options.Live.Get(ctx, key, object); err != nil {
		return 1
	}
	least, _, err := unstructured.NestedInt64(object.Object, "spec", "minReplicaCount")
	if err != nil {
		return 1
	}
	return int32(max(least, 1))
}
