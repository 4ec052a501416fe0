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
	// ErrRevisionChanged says that the target no longer carries the revision that was to be copied.
	ErrRevisionChanged = errors.New("revision changed")
	// ErrForeign says that an object of the name that we need belongs to somebody else and must not be overwritten.
	ErrForeign = errors.New("object belongs to somebody else")
	// ErrInvalidTarget says that the target cannot be released as it is; the wrapping text names field and cause.
	ErrInvalidTarget = errors.New("invalid target")
)

// Pair is the target and the primary made from it.
type Pair struct {
	Target, Primary rollout.Workload
}

// Target is the workload under spec.targetRef and its primary copy, for one kind. Calls are idempotent.
type Target interface {
	// Observe reads both workloads. A primary that does not exist, or is somebody else's, is reported as missing; a
	// missing target is ErrTargetNotFound. A target that cannot be released is no error here, so that its canary can
	// be deleted.
	Observe(ctx context.Context, c *v1beta1.Canary, plan rollout.Plan) (Pair, error)
	// SyncPrimary makes the primary a copy of the target, creating it if it is missing, and writes nothing if it
	// is one already. It reads the target anew and returns ErrRevisionChanged if that is not revision. Errors are also
	// ErrForeign and ErrInvalidTarget.
	SyncPrimary(ctx context.Context, c *v1beta1.Canary, revision string) error
	// Scale starts the target's pods or stops them. A target that runs keeps its size, unless c is being deleted and
	// the target is to take over from the primary. Starting one that is still stopping does nothing: call again when it
	// has changed.
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
