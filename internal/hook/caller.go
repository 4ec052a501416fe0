package hook

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	"github.com/hashicorp/go-retryablehttp"

	"flagger.app/flagger/api/v1beta1"
)

const (
	// defaultTimeout limits an attempt whose hook does not say otherwise.
	defaultTimeout = 10 * time.Second
	// firstPause is the pause before the second attempt; it doubles with every further one up to longestPause,
	// which also cuts a Retry-After.
	firstPause   = time.Second
	longestPause = 30 * time.Second
	// longestCall ends a call whatever its hook asks for.
	longestCall = time.Hour
	// slack lets the time limit of the last attempt strike first, as its text tells more than that of the call.
	slack = time.Second
	// mostRetries cannot be reached within longestCall; it keeps the arithmetic in range.
	mostRetries = 1000
)

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
	events   events
	log      logr.Logger
	global   []v1beta1.CanaryWebhook
	verified http.RoundTripper
	trusting http.RoundTripper
	backoff  retryablehttp.Backoff
}

// New returns a Caller. Its Run must be started for events to be delivered.
func New(o Options) *Caller {
	h := &Caller{
		events:   newEvents(o.Dropped),
		log:      o.Log,
		verified: newTransport(verifyCertificates),
		trusting: newTransport(trustAnyCertificate),
		backoff:  pause,
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
	retries := retryCount(w.Retries)
	ctx, cancel := context.WithTimeout(ctx, callTimeout(timeout, retries))
	defer cancel()

	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, w.URL, body)
	if err != nil {
		return fmt.Errorf("build request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")

	attempts := 0
	client := &retryablehttp.Client{
		HTTPClient:     &http.Client{Transport: h.transport(w.DisableTLS), Timeout: timeout, CheckRedirect: follow},
		RetryMax:       retries,
		RetryWaitMin:   firstPause,
		RetryWaitMax:   longestPause,
		CheckRetry:     retryablehttp.DefaultRetryPolicy,
		Backoff:        h.backoff,
		ErrorHandler:   retryablehttp.PassthroughErrorHandler,
		RequestLogHook: func(retryablehttp.Logger, *http.Request, int) { attempts++ },
	}
	resp, err := client.Do(req)
	givingUp := fmt.Sprintf("POST %s giving up after %d attempt(s)", req.URL.Redacted(), attempts)
	if err != nil {
		return fmt.Errorf("%s: %w", givingUp, withoutSource(err))
	}
	defer func() { _ = resp.Body.Close() }()
	return judge(resp, givingUp)
}

// transport returns the one of the two kept transports that a hook asks for.
func (h *Caller) transport(disableTLS bool) http.RoundTripper {
	if disableTLS {
		return h.trusting
	}
	return h.verified
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
	return min(timeout, longestCall), nil
}

// retryCount returns the attempts after the first.
func retryCount(n v1beta1.Number) int {
	return int(min(max(float64(n), 0), mostRetries))
}

// callTimeout returns the time after which a call is over: each attempt at its limit and each pause at its longest.
func callTimeout(timeout time.Duration, retries int) time.Duration {
	return min(timeout+time.Duration(retries)*(longestPause+timeout), longestCall) + slack
}

// pause returns the time to wait before attempt n+2, where n counts from 0: what a 429 or 503 asks for by
// Retry-After, else shortest * 2^n, and never more than longest.
func pause(shortest, longest time.Duration, n int, resp *http.Response) time.Duration {
	return min(retryablehttp.DefaultBackoff(shortest, longest, n, resp), longest)
}
