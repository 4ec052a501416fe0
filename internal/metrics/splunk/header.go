package splunk

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
)

// maxHandshake is how much a server may say before its websocket is open, in bytes. The library reads headers without a
// bound.
const maxHandshake = 64 << 10

var errHandshake = errors.New("the answer's headers are too long")

// guarded is a connection that ends once too much has been read from it, until it is released.
type guarded struct {
	net.Conn
	left atomic.Int64
	free atomic.Bool
}

// dialGuarded opens a TCP connection that is guarded.
func dialGuarded(ctx context.Context, network, address string) (*guarded, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	g := &guarded{Conn: conn}
	g.left.Store(maxHandshake)
	return g, nil
}

// Read reads from the connection; it fails where that was too much.
func (g *guarded) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	if !g.free.Load() && g.left.Add(-int64(n)) < 0 {
		return 0, errHandshake
	}
	return n, err
}

// release lets the connection be read without a bound of its own.
func (g *guarded) release() { g.free.Store(true) }
