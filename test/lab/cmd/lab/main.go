//go:build linux

// Command lab runs a real Kubernetes with a real proxy on one machine; package lab tells how.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"flagger.app/flagger/test/lab"
)

// exitCode is the exit code of a command that ran in the lab, as an error; zero is no error.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit status %d", int(c)) }

func main() {
	first, err := lab.Enter(context.Background(), os.Args[1:], time.Now)
	if !first {
		err = command().Execute()
	}
	var code exitCode
	switch {
	case err == nil:
	case errors.As(err, &code):
		os.Exit(int(code))
	default:
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	var root, state string
	top := &cobra.Command{
		Use:           "lab",
		Short:         "A real Kubernetes with a real proxy on this machine, without root, containers or downloads of images",
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) (err error) {
			if root == "" {
				if root, err = findRoot(); err != nil {
					return err
				}
			}
			if state == "" {
				state = filepath.Join(root, ".lab")
			}
			if state, err = filepath.Abs(state); err != nil {
				return fmt.Errorf("find the state folder: %w", err)
			}
			root, err = filepath.Abs(root)
			return err
		},
	}
	top.PersistentFlags().StringVar(&root, "root", "", "the repository (default: found from this program, or the working folder, upward)")
	top.PersistentFlags().StringVar(&state, "state", os.Getenv("LAB_STATE"), "the folder for everything the lab writes (default: .lab in the repository)")
	options := func(lifetime lab.Lifetime, progress *os.File) lab.Options {
		return lab.Options{Root: root, State: lab.State(state), Lifetime: lifetime, Progress: progress}
	}
	top.AddCommand(
		&cobra.Command{
			Use: "up", Args: cobra.NoArgs, Short: "Bring up the lab and leave it running",
			RunE: func(*cobra.Command, []string) error { return up(options(lab.Detached, os.Stdout)) },
		},
		&cobra.Command{
			Use: "down", Args: cobra.NoArgs, Short: "Take the lab down; none of its processes is left when this returns",
			RunE: func(*cobra.Command, []string) error { return down(lab.State(state)) },
		},
		&cobra.Command{
			Use: "run -- COMMAND", Args: cobra.MinimumNArgs(1), Short: "Bring up the lab, run a command inside, take the lab down, exit with the command's code",
			RunE: func(_ *cobra.Command, arguments []string) error {
				return run(options(lab.WithStarter, os.Stderr), arguments)
			},
		},
		&cobra.Command{
			Use: "exec -- COMMAND", Args: cobra.MinimumNArgs(1), Short: "Run a command inside the running lab and exit with its code",
			RunE: func(_ *cobra.Command, arguments []string) error {
				return execute(lab.State(state), arguments, signals())
			},
		},
		&cobra.Command{
			Use: "build [BINARY...]", Short: "Build the lab's binaries, or some, where they are not up to date",
			RunE: func(c *cobra.Command, names []string) error {
				ctx, cancel := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
				defer cancel()
				return lab.Build(ctx, root, names, os.Stdout, time.Now)
			},
		},
	)
	top.SetContext(context.Background())
	return top
}

func signals() chan os.Signal {
	received := make(chan os.Signal, 8)
	signal.Notify(received, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	return received
}

func up(o lab.Options) error {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	started := time.Now()
	running, err := lab.Start(ctx, o)
	if err != nil {
		return err
	}
	fmt.Printf("lab: ready in %.1f s. To use it from a shell:\n", time.Since(started).Seconds())
	for _, line := range running.Outside() {
		fmt.Println("  " + line)
	}
	fmt.Println("`lab exec -- COMMAND` runs a command inside, `lab down` takes it down")
	return nil
}

// down is content where there is nothing to take down.
func down(state lab.State) error {
	err := lab.Stop(state)
	if errors.Is(err, lab.ErrNotRunning) {
		fmt.Println("lab:", err)
		return nil
	}
	return err
}

// run keeps the lab for one command. A signal while the lab comes up ends it; later ones are the command's.
func run(o lab.Options, arguments []string) error {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	running, err := lab.Start(ctx, o)
	if err != nil {
		return err
	}
	received := signals()
	cancel()
	return errors.Join(execute(o.State, arguments, received), running.Stop())
}

func execute(state lab.State, arguments []string, received <-chan os.Signal) error {
	code, err := lab.Exec(state, arguments, received)
	if err != nil {
		return err
	}
	if code != 0 {
		return exitCode(code)
	}
	return nil
}

// findRoot looks for the repository's go.mod from this program's folder upward, then from the working folder.
func findRoot() (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	working, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the working folder: %w", err)
	}
	for _, dir := range []string{filepath.Dir(program), working} {
		for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
			module, err := os.ReadFile(filepath.Join(dir, "go.mod"))
			if err == nil && bytes.HasPrefix(module, []byte("module flagger.app/flagger\n")) {
				return dir, nil
			}
		}
	}
	return "", errors.New("find the repository: no go.mod of flagger.app/flagger above this program or the working folder; name it by --root")
}
