package hook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-logr/logr"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/courier"
)

// defaultTimeout limits an attempt whose hook does not say otherwise.
const defaultTimeout = 10 * time.Second

// Options say how hooks are called.
type Options struct {
	// GlobalEventURL receives the events of canaries that have no hook of type event; empty for none.
	GlobalEventURL string
	// Log is told of events that could not be delivered.
	Log logr.Logger
	// Dropped is called once for each event that is given up undelivered to make room; nil for nobody.
	Dropped func()
}

// Caller calls webhooks. It is safe for concurrent use and keeps its connections.
type Caller struct {
	events   *courier.Queue[receiver, delivery]
	log      logr.Logger
	global   []v1beta1.CanaryWebhook
	verified courier.Client
	trusting courier.Client
}

// New returns a Caller. Its Run must be started for events to be delivered.
func New(o Options) *Caller {
	dropped := o.Dropped
	if dropped == nil {
		dropped = func() {}
	}
	h := &Caller{
		events:   courier.NewQueue[receiver, delivery](backlog, func(r receiver) string { return r.canary.Namespace }, dropped),
		log:      o.Log,
		verified: courier.Client{Transport: courier.NewTransport(courier.VerifyCertificates), Pause: courier.Pause},
		trusting: courier.Client{Transport: courier.NewTransport(courier.TrustAnyCertificate), Pause: courier.Pause},
	}
	if o.GlobalEventURL != "" {
		h.global = []v1beta1.CanaryWebhook{{Type: v1beta1.HookEvent, Name: "events", URL: o.GlobalEventURL}}
	}
	return h
}

// Call posts the hook w about c and returns nil if the receiver agreed, which is any 2xx status. The error's text is
// fit for an event: the body of a 4xx or 5xx answer, cut to 512 bytes, else what went wrong on the way.
//
// Time-outs, connection errors, 429 and every 5xx but 501 are tried again as often as the hook says. The call ends
// with ctx, and at the latest once every attempt and every pause has used up its own limit, or after an hour.
func (h *Caller) Call(ctx context.Context, c *v1beta1.Canary, w v1beta1.CanaryWebhook, phase v1beta1.CanaryPhase) error {
	body, err := encode(c, phase, w.Metadata)
	if err != nil {
		return err
	}
	return h.post(ctx, w, body)
}

// post sends body to the hook and judges the answer.
func (h *Caller) post(ctx context.Context, w v1beta1.CanaryWebhook, body []byte) error {
	timeout, err := attemptTimeout(w.Timeout)
	if err != nil {
		return err
	}
	u, err := url.Parse(w.URL)
	if err != nil {
		return fmt.Errorf("build request: %w", withoutURL(err))
	}
	answer, err := h.client(w.DisableTLS).Send(ctx, courier.Letter{
		URL:     w.URL,
		Body:    body,
		Timeout: timeout,
		Retries: retryCount(w.Retries),
	})
	givingUp := fmt.Sprintf("POST %s giving up after %d attempt(s)", u.Redacted(), answer.Attempts)
	if err != nil {
		return hush(u, fmt.Errorf("%s: %w", givingUp, err)) // an answer that is no HTTP is quoted
	}
	return hush(u, judge(answer, givingUp))
}

// hush takes the password of a hook's URL out of what the receiver said.
func hush(u *url.URL, err error) error {
	secrets := courier.Secrets(u)
	if err == nil || len(secrets) == 0 {
		return err
	}
	text := err.Error()
	for _, secret := range secrets {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return errors.New(text)
}

// withoutURL returns what is wrong with a URL, without the URL itself: one that cannot be read cannot be shown without its
// password either.
func withoutURL(err error) error {
	var unread *url.Error
	if errors.As(err, &unread) {
		return unread.Err
	}
	return err
}

// client returns the one of the two clients that a hook asks for.
func (h *Caller) client(disableTLS bool) courier.Client {
	if disableTLS {
		return h.trusting
	}
	return h.verified
}

// judge returns nil for an answer that agrees, else an error with the receiver's own words. givingUp stands for an
// answer without words that was tried again in vain.
func judge(a courier.Answer, givingUp string) error {
	switch {
	case a.OK():
		return nil
	case a.Status < 400 && a.Destination != "":
		return fmt.Errorf("status %d %s: redirect to %s not followed", a.Status, http.StatusText(a.Status), a.Destination)
	case a.Status < 400:
		return fmt.Errorf("status %d %s", a.Status, http.StatusText(a.Status))
	case a.Unread != nil:
		return fmt.Errorf("error reading body: %w", a.Unread)
	case a.Excerpt() != "":
		return errors.New(a.Excerpt())
	case a.Status == http.StatusTooManyRequests, a.Status >= 500 && a.Status != http.StatusNotImplemented:
		return errors.New(givingUp)
	}
	return fmt.Errorf("status %d %s", a.Status, http.StatusText(a.Status))
}

// attemptTimeout reads a hook's time limit for one attempt. A text of less than two characters cannot hold a number
// with its unit and means the default, as zero does.
func attemptTimeout(text string) (time.Duration, error) {
	if len(text) < 2 {
		return defaultTimeout, nil
	}
	timeout, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("timeout %q is not a duration such as 10s or 1m", text)
	}
	if timeout <= 0 {
		return defaultTimeout, nil
	}
	return min(timeout, courier.LongestSend), nil
}

// retryCount returns the attempts after the first.
func retryCount(n v1beta1.Number) int {
	return int(min(max(float64(n), 0), courier.MostRetries))
}
