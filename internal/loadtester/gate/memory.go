package gate

import (
	"context"
	"sync"
)

// mostOpen is how many switches a Memory holds open, which is some three megabytes of names. Nobody rolls out so much
// at a time; somebody may try to fill the memory.
const mostOpen = 10_000

// Memory is a Store of this process alone, gone when it ends. Its zero value has every switch closed.
type Memory struct {
	mu   sync.Mutex
	open map[Key]struct{}
}

// IsOpen reports whether the switch is open.
func (m *Memory) IsOpen(_ context.Context, k Key) (bool, error) {
	if _, err := k.entry(); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, open := m.open[k]
	return open, nil
}

// Open opens the switch, unless too many are open.
func (m *Memory) Open(_ context.Context, k Key) error {
	if _, err := k.entry(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, open := m.open[k]; !open && len(m.open) >= mostOpen {
		return ErrFull
	}
	if m.open == nil {
		m.open = map[Key]struct{}{}
	}
	m.open[k] = struct{}{}
	return nil
}

// Close closes the switch, which is all it takes to forget it.
func (m *Memory) Close(_ context.Context, k Key) error {
	if _, err := k.entry(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.open, k)
	return nil
}
