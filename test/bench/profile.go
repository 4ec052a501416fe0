//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
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
	url := fmt.Sprintf("http://127.0.0.1:%d/debug/pprof/%s", b.operator.port, what)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("ask for a profile: %w", err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask for a profile: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("ask for a profile: status %d", answer.StatusCode)
	}
	if err := os.MkdirAll(b.profiles, 0o755); err != nil {
		return fmt.Errorf("make the profiles' folder: %w", err)
	}
	file, err := os.Create(filepath.Join(b.profiles, fmt.Sprintf("%s-%d.pprof", name, b.canaries)))
	if err != nil {
		return fmt.Errorf("save a profile: %w", err)
	}
	defer func() { _ = file.Close() }()
	if _, err := io.Copy(file, answer.Body); err != nil {
		return fmt.Errorf("save a profile: %w", err)
	}
	return nil
}
