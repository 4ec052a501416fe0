package router

import (
	"context"
	"errors"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

// ErrNotFound says that the routing object does not exist yet.
var ErrNotFound = errors.New("routing object not found")

// ErrForeign says that an object of the name that we need belongs to somebody else and must not be overwritten.
var ErrForeign = errors.New("object belongs to somebody else")

// Preparer is a Router whose objects pods must find when they start, long before any traffic is divided.
type Preparer interface {
	// Prepare makes those objects where they are missing.
	Prepare(ctx context.Context, c *v1beta1.Canary) error
}

// Router moves live traffic between primary and canary for one provider. Calls are idempotent, never block on
// readiness, and leave fields the operator does not own as they were.
type Router interface {
	// Observe reports the traffic the provider is configured for now and whether its data plane has taken it.
	// It returns ErrNotFound if Apply has never succeeded for c.
	Observe(ctx context.Context, c *v1beta1.Canary) (rollout.Routing, error)
	// Apply makes want the configured traffic, creating what is missing. A second call with the same want writes
	// nothing. It returns ErrForeign, wrapped, for an object that may not be taken over.
	Apply(ctx context.Context, c *v1beta1.Canary, want rollout.Traffic) error
	// Release hands the objects back as they were before the first Apply; a missing object is no error.
	Release(ctx context.Context, c *v1beta1.Canary) error
}
