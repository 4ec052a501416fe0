package gate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Errors of a Store.
var (
	// ErrInvalidKey is the error for a canary that cannot exist.
	ErrInvalidKey = errors.New("not the name and namespace of a canary")
	// ErrFull is the error for one open switch too many.
	ErrFull = errors.New("too many switches are open")
)

// Kind is what a switch does.
type Kind string

// The kinds of switches.
const (
	// Advance lets a rollout go on while it is open.
	Advance Kind = "gate"
	// Rollback rolls a canary back while it is open.
	Rollback Kind = "rollback"
)

// Key names one switch of one canary.
type Key struct {
	Kind Kind
	// Canary is <name>.<namespace>.
	Canary string
}

// String returns the key as the log has it: podinfo.test or rollback.podinfo.test.
func (k Key) String() string {
	if k.Kind == Advance {
		return k.Canary
	}
	return string(k.Kind) + "." + k.Canary
}

// entry is the key within a ConfigMap. Unlike String it tells the rollback of podinfo from the gate of a canary that is
// called rollback.podinfo.
func (k Key) entry() (string, error) {
	entry := string(k.Kind) + "." + k.Canary
	if reasons := validation.IsConfigMapKey(entry); len(reasons) > 0 {
		return "", fmt.Errorf("%.100q is %w: %s", k.Canary, ErrInvalidKey, strings.Join(reasons, ", "))
	}
	return entry, nil
}

// Store keeps switches. It is safe for concurrent use; a switch that was opened or closed is so for every later
// question, whoever asks. Every call fails with ErrInvalidKey for a canary that cannot exist.
type Store interface {
	// IsOpen reports whether the switch is open. One that was never touched is closed.
	IsOpen(ctx context.Context, k Key) (bool, error)
	// Open opens the switch, again if need be. It fails with ErrFull where no more can be kept.
	Open(ctx context.Context, k Key) error
	// Close closes the switch, again if need be.
	Close(ctx context.Context, k Key) error
}
