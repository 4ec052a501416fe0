//go:build linux

package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// State is the folder in which a lab keeps everything it writes; the package's comment lists the files.
type State string

func (s State) path(elements ...string) string {
	return filepath.Join(append([]string{string(s)}, elements...)...)
}

// Kubeconfig is the file with an administrator's credentials. It works inside and outside of the lab.
func (s State) Kubeconfig() string { return s.path("kubeconfig") }

// OperatorKubeconfig is the file with the credentials of the user whose requests are audited.
func (s State) OperatorKubeconfig() string { return s.path("operator.kubeconfig") }

// AuditLog is the file that the API server logs that user's requests to.
func (s State) AuditLog() string { return s.path("audit.log") }

// Environment is the file of shell assignments with the outside addresses.
func (s State) Environment() string { return s.path("env") }

func (s State) log(component string) string { return s.path("logs", component+".log") }

func (s State) socket() string { return s.path("control.sock") }

// errRunning is returned where a lab lives in the state folder already.
var errRunning = errors.New("a lab runs there already: `lab down` ends it, another --state keeps apart from it")

// claim locks the state folder, making it if need be. The lock lasts as long as somebody has the file open, so
// handing the file to the lab's first process makes it last as long as the lab.
func (s State) claim() (*os.File, error) {
	if err := os.MkdirAll(string(s), 0o755); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	entries, err := os.ReadDir(string(s))
	if err != nil {
		return nil, fmt.Errorf("read the state folder: %w", err)
	}
	if _, err := os.Stat(s.path("lock")); err != nil && len(entries) > 0 {
		return nil, fmt.Errorf("state folder %s holds files that are no lab's; they would be lost", s)
	}
	lock, err := os.OpenFile(s.path("lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the lock: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("lock state folder %s: %w", s, errRunning)
	}
	return lock, nil
}

// clear empties the folder but for its lock, which the caller holds.
func (s State) clear() error {
	entries, err := os.ReadDir(string(s))
	if err != nil {
		return fmt.Errorf("read the state folder: %w", err)
	}
	for _, entry := range entries {
		if entry.Name() == "lock" {
			continue
		}
		if err := os.RemoveAll(s.path(entry.Name())); err != nil {
			return fmt.Errorf("empty the state folder: %w", err)
		}
	}
	for _, folder := range []string{"logs", "bin", "config"} {
		if err := os.Mkdir(s.path(folder), 0o755); err != nil {
			return fmt.Errorf("make the state folder: %w", err)
		}
	}
	return nil
}
