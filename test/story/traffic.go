//go:build linux

package story

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"flagger.app/flagger/test/lab/load"
)

const (
	firstAnswer  = 30 * time.Second // how long the gateway may take to serve a new route; it takes a fraction of one
	betweenTries = 50 * time.Millisecond
	stall        = 1 // seconds that a busy machine may stand still without the load's falling behind
)

// Traffic is a constant load on one app.
type Traffic struct {
	*load.Generator
	stop  func()
	ended chan struct{}
	last  load.Counts
	err   error
}

// Send sends requests with header to the app at a constant rate (per second) until Stop. It waits for the first answer
// of the gateway, which tells nobody that it serves a route, so this alone is polled.
func (s *Stage) Send(ctx context.Context, a App, rate int, header http.Header) (*Traffic, error) {
	return send(ctx, load.Options{URL: s.url(a), Host: a.Host(), Rate: rate, Header: header})
}

// SendAnew is Send with a connection for each request, as from users that come and go.
func (s *Stage) SendAnew(ctx context.Context, a App, rate int) (*Traffic, error) {
	return send(ctx, load.Options{URL: s.url(a), Host: a.Host(), Rate: rate, Reuse: load.OneConnectionEach})
}

func send(ctx context.Context, options load.Options) (*Traffic, error) {
	if err := awaitAnswer(ctx, options); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	options.Abreast = stall * options.Rate
	t := &Traffic{Generator: load.New(options), stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(t.ended)
		t.last, t.err = t.Run(ctx)
	}()
	return t, nil
}

// Stop ends the load, waits for the requests under way and returns what came of all.
func (t *Traffic) Stop() (load.Counts, error) {
	t.stop()
	<-t.ended
	return t.last, t.err
}

// Ask sends n requests to the app one after the other and returns what came of them.
func (s *Stage) Ask(ctx context.Context, a App, n int) (load.Counts, error) {
	return load.New(load.Options{URL: s.url(a), Host: a.Host()}).Send(ctx, n)
}

func awaitAnswer(ctx context.Context, options load.Options) error {
	ctx, cancel := context.WithTimeout(ctx, firstAnswer)
	defer cancel()
	tick := time.NewTicker(betweenTries)
	defer tick.Stop()
	for {
		counts, err := load.New(options).Send(ctx, 1)
		if err != nil {
			return err
		}
		if counts.Done == 1 && counts.Platform == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until the gateway serves %s: %w (%v, %v)", options.Host, context.Cause(ctx), counts.Versions, counts.Broken)
		case <-tick.C:
		}
	}
}
