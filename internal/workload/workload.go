package workload

import (
	"context"
	"errors"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

var (
	// ErrTargetNotFound says that the workload named by spec.targetRef does not exist.
	ErrTargetNotFound = errors.New("target not found")
	// ErrVersionChanged says that the target no longer carries the version that was to be copied.
	ErrVersionChanged = errors.New("version changed")
	// ErrForeign says that an object of the name that we need belongs to somebody else and must not be overwritten.
	ErrForeign = errors.New("object belongs to somebody else")
	// ErrInvalidTarget says that the target cannot be released as it is; the wrapping text names field and cause.
	ErrInvalidTarget = errors.New("invalid target")
)

// Pair is the target and the primary made from it.
type Pair struct {
	Target, Primary rollout.Workload
	// Configs, Obstacle and Claim are what rollout.Observation says of them.
	Configs         map[string]string
	Obstacle, Claim string
}

// Target is the workload under spec.targetRef and its primary copy, for one kind. Calls are idempotent.
type Target interface {
	// Observe reads both workloads. A primary that does not exist, or is somebody else's, which the Claim tells, is
	// reported as missing; a missing target is ErrTargetNotFound, with what can be told of the primary. A target that
	// cannot be released is no error here, so that its canary can be deleted.
	Observe(ctx context.Context, c *v1beta1.Canary, plan rollout.Plan) (Pair, error)
	// SyncPrimary makes the primary a copy of the target and its configs, creating it if it is missing. One that is a
	// copy already rolls nothing and gets the target's size alone, where no autoscaler says otherwise. It reads the
	// target and the configs anew and returns ErrVersionChanged if they are not want. Errors are also ErrForeign and
	// ErrInvalidTarget.
	SyncPrimary(ctx context.Context, c *v1beta1.Canary, want rollout.Version) error
	// Prune removes copies of configs that the primary refers to no longer.
	Prune(ctx context.Context, c *v1beta1.Canary) error
	// Scale starts the target's pods or stops them, and its autoscaler with them. A target that runs keeps its size,
	// unless c is being deleted and the target is to take over from the primary. Starting one that is still stopping
	// does nothing: call again when it has changed.
	Scale(ctx context.Context, c *v1beta1.Canary, to rollout.Direction) error
}

// Services are the three Services of a canary: apex, primary and canary.
type Services interface {
	// Ensure makes the Services of the primary and of the canary what the spec says; ErrForeign if one is not ours.
	Ensure(ctx context.Context, c *v1beta1.Canary) error
	// EnsureApex makes the apex Service select the primary. It adopts a user's Service, but not another canary's, which
	// is ErrForeign.
	EnsureApex(ctx context.Context, c *v1beta1.Canary) error
	// Release points an apex Service that is not ours back at the target; a missing one is no error.
	Release(ctx context.Context, c *v1beta1.Canary) error
}

// Scaler is the autoscaler of a canary: the target's, which is the user's, and the primary's, which is a copy of it.
// Calls do nothing for a canary without one.
type Scaler interface {
	// Observe says in words what is wrong with the autoscaler that spec.autoscalerRef names, for the user to mend; empty
	// for nothing.
	Observe(ctx context.Context, c *v1beta1.Canary) (obstacle string, err error)
	// Ensure makes the primary's autoscaler where it is missing; ErrForeign if somebody else's has its name.
	Ensure(ctx context.Context, c *v1beta1.Canary) error
	// Sync makes the primary's autoscaler what the target's is. A second call writes nothing.
	Sync(ctx context.Context, c *v1beta1.Canary) error
}
