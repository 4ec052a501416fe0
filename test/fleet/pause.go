//go:build linux

package fleet

import (
	"context"
	"time"
)

// Pause lets time pass, in which something may happen or not. It returns the cause of ctx's end if that comes first.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
