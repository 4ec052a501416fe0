//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// profiling is how long CPU time is profiled: less than the minute in which the operator's server ends an answer.
const profiling = 45 * time.Second

// profileCPU begins to profile the operator's CPU time, if that is wanted. The function that it returns waits for the
// profile and returns what went wrong.
func (b *bench) profileCPU(ctx context.Context, name string) func() error {
	done := make(chan error, 1)
	go func() {
		done <- b.profile(ctx, fmt.Sprintf("profile?seconds=%d", int(profiling.Seconds())), name+"-cpu")
	}()
	return func() error { return <-done }
}

// profileHeap saves what the operator's heap holds and what was ever allocated there, if that is wanted.
func (b *bench) profileHeap(ctx context.Context, name string) error {
	return b.profile(ctx, "heap?gc=1", name+"-heap")
}

// profile saves one of the operator's profiles.
func (b *bench) profile(ctx context.Context, what, name string) error {
	if b.profiles == "" {
		return nil
	}
	content, err := b.operator.Profile(ctx, what)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(b.profiles, 0o755); err != nil {
		return fmt.Errorf("make the profiles' folder: %w", err)
	}
	file := filepath.Join(b.profiles, fmt.Sprintf("%s-%d.pprof", name, b.canaries))
	if err := os.WriteFile(file, content, 0o644); err != nil {
		return fmt.Errorf("save a profile: %w", err)
	}
	return nil
}
