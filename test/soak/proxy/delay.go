package proxy

import (
	"context"
	"io"
	"net/http"
	"time"
)

// delayKey names what a request's context says about its answer.
type delayKey string

const (
	answerDelay delayKey = "answer" // how long it is kept back
	eventDelay  delayKey = "event"  // how long each part is
)

// delay keeps back an answer that has come, as its request's context says.
func delay(answer *http.Response) error {
	ctx := answer.Request.Context()
	if d, _ := ctx.Value(answerDelay).(time.Duration); d > 0 {
		if err := pause(ctx, d); err != nil {
			return err
		}
	}
	if d, _ := ctx.Value(eventDelay).(time.Duration); d > 0 {
		answer.Body = keepBack(ctx, answer.Body, d)
	}
	return nil
}

// backlog is how many parts of a body may be kept back at once; more wait where they come from.
const backlog = 4096

// lateBody is a body whose parts come later, each by the same time.
type lateBody struct {
	io.Closer
	ctx   context.Context
	parts chan part
	rest  part // of the part that is being read
}

// part is what one read gave.
type part struct {
	content []byte
	err     error
	due     time.Time
}

// keepBack delays a body until ctx ends.
func keepBack(ctx context.Context, body io.ReadCloser, delay time.Duration) *lateBody {
	b := &lateBody{Closer: body, ctx: ctx, parts: make(chan part, backlog)}
	go func() {
		for {
			buffer := make([]byte, 32<<10)
			n, err := body.Read(buffer)
			select {
			case <-ctx.Done():
				return
			case b.parts <- part{content: buffer[:n:n], err: err, due: time.Now().Add(delay)}:
			}
			if err != nil {
				return
			}
		}
	}()
	return b
}

// Read returns what is due, and waits for it.
func (b *lateBody) Read(buffer []byte) (int, error) {
	if len(b.rest.content) == 0 && b.rest.err == nil {
		select {
		case <-b.ctx.Done():
			return 0, context.Cause(b.ctx)
		case b.rest = <-b.parts:
		}
		if err := pause(b.ctx, time.Until(b.rest.due)); err != nil {
			return 0, err
		}
	}
	n := copy(buffer, b.rest.content)
	b.rest.content = b.rest.content[n:]
	if len(b.rest.content) == 0 {
		return n, b.rest.err
	}
	return n, nil
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
