package controller

import (
	"context"
	"errors"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/workload"
)

// errOvertaken says that the cluster has moved on since it was observed; nothing is wrong.
var errOvertaken = errors.New("overtaken by a change")

// perform carries actions out in their order and stops at the first error.
func (r *Reconciler) perform(ctx context.Context, c *v1beta1.Canary, w work, in rollout.Observation, actions []rollout.Action) (err error) {
	ctx, end := r.Tracer.Step(ctx, "perform")
	defer func() { end(err) }()
	for _, action := range actions {
		if route, routes := action.(rollout.Route); routes && route.Traffic != in.Routing.Traffic {
			r.past.moves(client.ObjectKeyFromObject(c), r.Clock.Now())
		}
		if err := r.act(ctx, c, w, action); err != nil {
			return fmt.Errorf("%s: %w", verb(action), err)
		}
	}
	return nil
}

func (r *Reconciler) act(ctx context.Context, c *v1beta1.Canary, w work, action rollout.Action) error {
	switch a := action.(type) {
	case rollout.EnsureServices:
		return prepare(ctx, c, w)
	case rollout.EnsureApex:
		return w.services.EnsureApex(ctx, c)
	case rollout.SyncPrimary:
		return r.copyTarget(ctx, c, w, rollout.Version(a))
	case rollout.Promote:
		return r.copyTarget(ctx, c, w, rollout.Version(a))
	case rollout.EnsureScaler:
		return r.Scaler.Ensure(ctx, c)
	case rollout.SyncScaler:
		return r.Scaler.Sync(ctx, c)
	case rollout.PruneConfigs:
		return w.target.Prune(ctx, c)
	case rollout.Route:
		return w.router.Apply(ctx, c, a.Traffic)
	case rollout.ScaleCanary:
		return w.target.Scale(ctx, c, a.Direction)
	case rollout.Release:
		return r.release(ctx, c, w)
	case rollout.Unroute:
		return w.router.Release(ctx, c)
	case rollout.Forget:
		return r.letGo(ctx, c)
	}
	return fmt.Errorf("action %T is not known", action)
}

// prepare makes what pods must find when they start.
func prepare(ctx context.Context, c *v1beta1.Canary, w work) error {
	if err := w.services.Ensure(ctx, c); err != nil {
		return err
	}
	if routing, early := w.router.(router.Preparer); early {
		return routing.Prepare(ctx, c)
	}
	return nil
}

// copyTarget makes the primary what was analysed; a target that has changed since is decided about anew.
func (r *Reconciler) copyTarget(ctx context.Context, c *v1beta1.Canary, w work, want rollout.Version) error {
	err := w.target.SyncPrimary(ctx, c, want)
	if errors.Is(err, workload.ErrVersionChanged) {
		return errOvertaken
	}
	return err
}

// release hands users back before the objects that served them go.
func (r *Reconciler) release(ctx context.Context, c *v1beta1.Canary, w work) error {
	if err := w.services.Release(ctx, c); err != nil {
		return fmt.Errorf("apex service: %w", err)
	}
	return w.router.Release(ctx, c)
}

func (r *Reconciler) letGo(ctx context.Context, c *v1beta1.Canary) error {
	before := c.DeepCopy()
	if !controllerutil.RemoveFinalizer(c, Finalizer) {
		return nil
	}
	return r.patchMetadata(ctx, c, before)
}

// verb names an action in errors.
func verb(action rollout.Action) string {
	switch action.(type) {
	case rollout.EnsureServices:
		return "reconcile services"
	case rollout.EnsureApex:
		return "reconcile apex service"
	case rollout.SyncPrimary:
		return "create primary"
	case rollout.Promote:
		return "promote"
	case rollout.Route:
		return "route traffic"
	case rollout.ScaleCanary:
		return "scale target"
	case rollout.EnsureScaler, rollout.SyncScaler:
		return "reconcile autoscaler"
	case rollout.PruneConfigs:
		return "remove copies of configs"
	case rollout.Unroute:
		return "take the route away"
	case rollout.Release:
		return "hand back"
	}
	return "remove finalizer"
}
