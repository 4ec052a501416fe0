package workload

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/workload/scaler"
)

// Scale implements Target. It compares with the cached target, and writes nothing but its size. Where the canary is being
// deleted the target takes over from the primary, and Up gives it as many pods at least. Up leaves a target alone whose
// pods have only just been told to stop; the end of the last changes its status, and that is the time.
//
// The autoscaler is paused before the pods stop and resumed before they start, or it would undo either.
func (p *PodTarget) Scale(ctx context.Context, c *v1beta1.Canary, to rollout.Direction) error {
	target, err := readTarget(ctx, p.options.Client, p.kind, c)
	if err != nil {
		return err
	}
	if to == rollout.Down {
		if err := p.options.Scaler.Pause(ctx, c); err != nil {
			return fmt.Errorf("pause autoscaler of %s: %w", target, err)
		}
		return p.resize(ctx, target, 0)
	}
	if target.stopping {
		return nil
	}
	floor, err := p.options.Scaler.Resume(ctx, c)
	if err != nil {
		return fmt.Errorf("resume autoscaler of %s: %w", target, err)
	}
	count, err := p.running(ctx, c, target, floor)
	if err != nil {
		return err
	}
	return p.resize(ctx, target, count)
}

// resize makes a workload ask for count pods, if it does not.
func (p *PodTarget) resize(ctx context.Context, v view, count int32) error {
	change := p.kind.resize(v.Object, count)
	if change.patch == nil {
		return nil
	}
	patch := client.RawPatch(types.MergePatchType, change.patch)
	if err := p.options.Client.Patch(ctx, v.Object, patch, client.FieldOwner(kube.FieldManager)); err != nil {
		return fmt.Errorf("%s: %w", change.failure, err)
	}
	return nil
}

// running is how many pods a target has that serves; floor are the least that its autoscaler allows.
func (p *PodTarget) running(ctx context.Context, c *v1beta1.Canary, target view, floor int32) (int32, error) {
	present := target.replicas
	ending := !c.DeletionTimestamp.IsZero()
	switch {
	case present > 0 && (!ending || isAutoscaled(c)):
		return present, nil
	case !ending && isAutoscaled(c):
		return floor, nil
	}
	primary, err := read(ctx, p.options.Client, p.kind, primaryKey(c))
	switch {
	case err == nil:
		return max(present, primary.replicas, 1), nil
	case !apierrors.IsNotFound(err):
		return 0, err
	}
	return max(present, floor, 1), nil
}

func isAutoscaled(c *v1beta1.Canary) bool {
	_, found := scaler.GVK(c)
	return found
}
