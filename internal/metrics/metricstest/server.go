package metricstest

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// server is a back end that counts its connections.
type server struct {
	*httptest.Server
	connections *counted
}

// serve starts a server with this answer. It ends with the test, its requests with it.
func serve(t *testing.T, answer http.HandlerFunc) server {
	t.Helper()
	s := httptest.NewUnstartedServer(answer)
	ctx, hangUp := context.WithCancel(t.Context())
	s.Config.BaseContext = func(net.Listener) context.Context { return ctx }
	s.Config.Protocols = &http.Protocols{}
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	connections := &counted{Listener: s.Listener}
	connections.changed.L = &connections.mu
	s.Listener = connections
	s.Start()
	t.Cleanup(func() {
		hangUp()
		s.Close()
	})
	return server{s, connections}
}

// counted is a listener that knows its connections.
type counted struct {
	net.Listener
	mu           sync.Mutex
	changed      sync.Cond
	open, opened int
}

// Accept waits for the next connection.
func (c *counted) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open++
	c.opened++
	return &countedConn{Conn: conn, closed: sync.OnceFunc(c.closed)}, nil
}

func (c *counted) closed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open--
	c.changed.Broadcast()
}

// ever returns how many connections there have been.
func (c *counted) ever() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.opened
}

// drain waits until the last connection is closed or ctx ends, and returns how many are left.
func (c *counted) drain(ctx context.Context) int {
	stop := context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.changed.Broadcast()
	})
	defer stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.open > 0 && ctx.Err() == nil {
		c.changed.Wait()
	}
	return c.open
}

type countedConn struct {
	net.Conn
	closed func()
}

// Close closes the connection and counts it once.
func (c *countedConn) Close() error {
	c.closed()
	return c.Conn.Close()
}
