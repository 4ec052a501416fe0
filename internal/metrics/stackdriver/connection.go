package stackdriver

import (
	"context"
	"sync"

	monitoring "cloud.google.com/go/monitoring/apiv3/v2"
)

// session is a client of Cloud Monitoring and the project that it asks about.
type session struct {
	client  *monitoring.QueryClient
	project string
}

// connection opens a session when one is needed, shares it, and closes it without disturbing who uses it. It is safe
// for concurrent use.
type connection struct {
	open func(context.Context) (*session, error)

	mu      sync.Mutex
	session *session // nil: none is open
	users   int
	dropped bool
}

// acquire returns the session; every success is followed by one release.
func (c *connection) acquire(ctx context.Context) (*session, error) {
	if s := c.join(); s != nil {
		return s, nil
	}
	opened, err := c.open(ctx) // without the lock: it may look for credentials in the network
	if err != nil {
		return nil, err
	}
	return c.keep(opened), nil
}

func (c *connection) join() *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session != nil {
		c.users++
	}
	return c.session
}

// keep returns the session for all, which is opened unless another was faster.
func (c *connection) keep(opened *session) *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users++
	if c.session == nil {
		c.session = opened
	} else {
		_ = opened.client.Close() // it was never used
	}
	return c.session
}

func (c *connection) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users--
	c.closeIfIdle()
}

// drop closes the session once nobody uses it. A later acquire opens another.
func (c *connection) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropped = c.session != nil
	c.closeIfIdle()
}

func (c *connection) closeIfIdle() {
	if !c.dropped || c.users > 0 {
		return
	}
	_ = c.session.client.Close() // what could fail was not asked to last
	c.session, c.dropped = nil, false
}
