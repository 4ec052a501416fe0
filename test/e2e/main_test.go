//go:build e2e && linux

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/test/lab"
	"flagger.app/flagger/test/story"
)

// stage is where all stories take place.
var stage *story.Stage

// figures are the lines printed at the end.
var figures struct {
	sync.Mutex
	lines []string
}

// figure notes something that was measured, here and for the end.
func figure(t *testing.T, format string, arguments ...any) {
	t.Helper()
	line := fmt.Sprintf(format, arguments...)
	t.Log(line)
	figures.Lock()
	defer figures.Unlock()
	figures.lines = append(figures.lines, fmt.Sprintf("%-32s %s", t.Name(), line))
}

func TestMain(m *testing.M) {
	ctx := context.Background()
	first, err := lab.Enter(ctx, os.Args[1:], time.Now)
	if first {
		exit(0, err)
	}
	code, err := run(ctx, m)
	exit(code, err)
}

func exit(code int, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

// run sets the stage, runs the stories and clears the stage. Its folder is kept where something went wrong.
func run(ctx context.Context, m *testing.M) (int, error) {
	state, err := os.MkdirTemp("", "flagger-e2e-")
	if err != nil {
		return 1, fmt.Errorf("make the state folder: %w", err)
	}
	stage, err = story.Open(ctx, story.Options{
		Root:     testkit.Root(),
		State:    lab.State(state),
		Lifetime: lab.WithStarter,
		Progress: os.Stdout,
		Now:      time.Now,
	})
	if err != nil {
		return 1, err
	}
	code := m.Run()
	err = stage.Close()
	for _, line := range figures.lines {
		fmt.Println("figure:", line)
	}
	if code != 0 || err != nil {
		fmt.Println("e2e: the logs are in", filepath.Join(state, "logs"))
		return code, err
	}
	return 0, errors.Join(err, os.RemoveAll(state))
}
