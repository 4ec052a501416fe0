package splunk

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/gorilla/websocket"

	"flagger.app/flagger/internal/metrics/httpapi"
)

const (
	// maxKept is how many connections wait for the next query.
	maxKept = 16
	// keptFor is how long they do.
	keptFor = 90 * time.Second
	// maxDuration bounds a query whose context sets no earlier deadline.
	maxDuration = 15 * time.Second
)

// pool holds the connections to one stream.
type pool struct {
	address string
	dialer  websocket.Dialer
	token   string
	api     *httpapi.Client // words refusals
	idle    chan *stream
}

func newPool(address *url.URL, config *tls.Config, token string, api *httpapi.Client) *pool {
	return &pool{
		address: address.String(),
		dialer:  websocket.Dialer{Proxy: http.ProxyFromEnvironment, TLSClientConfig: config},
		token:   token,
		api:     api,
		idle:    make(chan *stream, maxKept),
	}
}

// compute runs what is to be executed. A connection that was kept may have ended meanwhile, so only the word of a new
// one counts.
func (p *pool) compute(ctx context.Context, e execution) (computation, error) {
	ctx, cancel := context.WithTimeout(ctx, maxDuration)
	defer cancel()
	if s := p.take(); s != nil {
		if computed, err := p.run(ctx, s, e); computed.over() || ctx.Err() != nil {
			return computed, err
		}
	}
	s, err := p.dial(ctx)
	if err != nil {
		return computation{}, err
	}
	return p.run(ctx, s, e)
}

// run executes e on s, and keeps s unless it is broken.
func (p *pool) run(ctx context.Context, s *stream, e execution) (computation, error) {
	computed, err := s.execute(ctx, e)
	switch {
	case err != nil && ctx.Err() != nil:
		err = fmt.Errorf("request failed: %w", ctx.Err())
	case computed.failure != nil:
		err = p.refuse(computed.failure)
	}
	if computed.ended {
		p.keep(s)
	} else {
		s.close()
	}
	return computed, err
}

// dial opens a connection and says who asks. A refusal of the token comes with the answer to the first program.
func (p *pool) dial(ctx context.Context) (*stream, error) {
	var guard *guarded
	dialer := p.dialer
	dialer.NetDialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		var err error
		guard, err = dialGuarded(ctx, network, address)
		return guard, err
	}
	conn, resp, err := dialer.DialContext(ctx, p.address, nil) //nolint:bodyclose // the library has put it into memory
	switch {
	case errors.Is(err, websocket.ErrBadHandshake):
		body, _ := io.ReadAll(resp.Body) // the library has read the start of it
		if err := p.api.Refuse(resp.StatusCode, body); err != nil {
			return nil, err
		}
		return nil, errors.New("request failed: the answer opens no websocket")
	case err != nil && ctx.Err() != nil:
		return nil, fmt.Errorf("request failed: %w", ctx.Err())
	case err != nil:
		return nil, fmt.Errorf("request failed: %w", httpapi.Shown(err))
	}
	guard.release()
	s := &stream{conn: conn}
	conn.SetReadLimit(maxMessage)
	if err := s.send(ctx, authentication{Type: "authenticate", Token: p.token}); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// refuse returns the error for what the server said instead of values. Where it says no more than that something
// failed, nothing tells that it was the program.
func (p *pool) refuse(f *failure) error {
	status := f.Code
	if status < http.StatusBadRequest {
		status = http.StatusInternalServerError
	}
	return p.api.Refuse(status, []byte(f.Message))
}

// take returns a connection that was kept, or nil.
func (p *pool) take() *stream {
	for {
		select {
		case s := <-p.idle:
			if s.expiry.Stop() {
				return s
			}
		default:
			return nil
		}
	}
}

func (p *pool) keep(s *stream) {
	s.expiry = time.AfterFunc(keptFor, s.close)
	select {
	case p.idle <- s:
	default:
		s.expiry.Stop()
		s.close()
	}
}

func (p *pool) closeIdle() {
	for s := p.take(); s != nil; s = p.take() {
		s.close()
	}
}
