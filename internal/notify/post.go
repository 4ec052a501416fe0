package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"flagger.app/flagger/internal/courier"
)

const (
	// timeout limits one attempt.
	timeout = 5 * time.Second
	// retries are the attempts after the first; with the pauses between them a receiver may be away for half a minute.
	retries = 5
)

// post sends m to a room. The error holds no secret of the room, whatever the receiver said.
func (n *Notifier) post(ctx context.Context, to room, m Message) error {
	request := to.service.Render(to.Room, m)
	body, err := json.Marshal(request.Body)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	answer, err := n.client.Send(ctx, courier.Letter{
		URL:     request.Address.String(),
		Body:    body,
		Token:   request.Token,
		Timeout: timeout,
		Retries: retries,
		Proxy:   to.proxy,
	})
	if err == nil {
		err = judge(to.service, answer)
	} else {
		err = fmt.Errorf("sending notification failed to send: %w", withoutURL(err))
	}
	if err != nil {
		return errors.New(to.hush(fmt.Sprintf("postMessage failed: %v", err)))
	}
	return nil
}

// judge returns nil for an answer that means the message is in the room.
func judge(s Service, a courier.Answer) error {
	switch {
	case a.Destination != "":
		return fmt.Errorf("sending notification bad response %d: redirect to %s not followed", a.Status, a.Destination)
	case !a.OK():
		return fmt.Errorf("sending notification bad response %d: %s", a.Status, a.Excerpt())
	case s.Refusal != nil:
		return s.Refusal(a.Body)
	}
	return nil
}

// withoutURL returns what went wrong, without the URL that the standard library puts before it.
func withoutURL(err error) error {
	var request *url.Error
	if errors.As(err, &request) {
		return request.Err
	}
	return err
}
