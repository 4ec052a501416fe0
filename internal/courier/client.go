package courier

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	// firstPause is the pause before the second attempt; it doubles with every further one up to longestPause,
	// which also cuts a Retry-After.
	firstPause   = time.Second
	longestPause = 30 * time.Second
	// LongestSend ends a letter whatever it asks for.
	LongestSend = time.Hour
	// slack lets the time limit of the last attempt strike first, as its text tells more than that of the letter.
	slack = time.Second
	// MostRetries cannot be reached within LongestSend; it keeps the arithmetic in range.
	MostRetries = 1000
	// bodyLimit is how much of an answer is read, in bytes; most connections can be used again after that.
	bodyLimit = 4 << 10
	// excerptLimit is how much of an answer is shown, in bytes.
	excerptLimit = 512
)

// Letter is one POST of a JSON body.
type Letter struct {
	URL  string
	Body []byte
	// Token is sent as bearer token; empty for none.
	Token string
	// Timeout limits one attempt; it is more than zero, and LongestSend at most.
	Timeout time.Duration
	// Retries are the attempts after the first, less than zero count as zero.
	Retries int
	// Proxy is on the way; nil for that of the environment, if there is one.
	Proxy *url.URL
}

// Backoff returns the pause before attempt n+2, where n counts from 0 and resp is the answer to the one before, or nil.
// shortest and longest are the usual bounds.
type Backoff = retryablehttp.Backoff

// Client sends letters. It is safe for concurrent use; both fields are required.
type Client struct {
	// Transport is NewTransport's; it keeps the connections.
	Transport http.RoundTripper
	// Pause is the pause between attempts, in general Pause.
	Pause Backoff
}

// Answer is what a receiver said last.
type Answer struct {
	// Attempts is how often it was asked; the other fields are zero if nothing came back.
	Attempts int
	Status   int
	// Body is the beginning of the answer; Unread is why it ends too soon, or nil.
	Body   []byte
	Unread error
	// Destination is the scheme and host that a redirect leads to which was not followed, empty for none.
	Destination string
}

// OK tells whether the status is one of success.
func (a Answer) OK() bool { return a.Status >= 200 && a.Status < 300 }

// Excerpt is as much of the body as may be shown, cut to 512 bytes. It is UTF-8: whatever is not, a character cut in two
// included, is left out.
func (a Answer) Excerpt() string {
	return strings.ToValidUTF8(string(a.Body[:min(len(a.Body), excerptLimit)]), "")
}

// Send posts l and returns the answer to the last attempt, whatever its status. An error says why there is none, in
// words that do not change from attempt to attempt; they hold l's URL.
//
// Time-outs, connection errors, 429 and every 5xx but 501 are tried again as often as l says. Sending ends with ctx,
// and at the latest once every attempt and every pause has used up its own limit, or after LongestSend.
func (c Client) Send(ctx context.Context, l Letter) (Answer, error) {
	retries := min(max(l.Retries, 0), MostRetries)
	ctx, cancel := context.WithTimeout(withProxy(ctx, l.Proxy), limit(l.Timeout, retries))
	defer cancel()

	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, l.URL, l.Body)
	if err != nil {
		return Answer{}, fmt.Errorf("build request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if l.Token != "" {
		req.Header.Set("Authorization", "Bearer "+l.Token)
	}
	answer := Answer{}
	client := &retryablehttp.Client{
		HTTPClient:     &http.Client{Transport: c.Transport, Timeout: l.Timeout, CheckRedirect: follow},
		RetryMax:       retries,
		RetryWaitMin:   firstPause,
		RetryWaitMax:   longestPause,
		CheckRetry:     retryablehttp.DefaultRetryPolicy,
		Backoff:        c.Pause,
		ErrorHandler:   retryablehttp.PassthroughErrorHandler,
		RequestLogHook: func(retryablehttp.Logger, *http.Request, int) { answer.Attempts++ },
	}
	resp, err := client.Do(req)
	if err != nil {
		return answer, shown(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer.Status = resp.StatusCode
	answer.Destination = destination(resp)
	answer.Body, answer.Unread = io.ReadAll(io.LimitReader(resp.Body, bodyLimit))
	return answer, nil
}

// limit returns the time after which sending is over: each attempt at its limit and each pause at its longest.
func limit(timeout time.Duration, retries int) time.Duration {
	return min(timeout+time.Duration(retries)*(longestPause+timeout), LongestSend) + slack
}

// Pause is what a 429 or 503 asks for by Retry-After, else shortest * 2^n, and never more than longest.
func Pause(shortest, longest time.Duration, n int, resp *http.Response) time.Duration {
	return min(retryablehttp.DefaultBackoff(shortest, longest, n, resp), longest)
}

// shown returns err with a cause that fits into an event and stays the same from attempt to attempt, as a text that differs
// makes one repeated event many.
func shown(err error) error {
	var request *url.Error
	if !errors.As(err, &request) {
		return err
	}
	return &url.Error{Op: request.Op, URL: request.URL, Err: brief(withoutSource(request.Err))}
}

// withoutSource returns err without the local address of its connection, whose port differs with every attempt.
func withoutSource(err error) error {
	var network *net.OpError
	if !errors.As(err, &network) || network.Source == nil {
		return err
	}
	steady := *network
	steady.Source = nil
	return &steady
}

// brief cuts the text of err to excerptLimit bytes: a receiver that speaks no HTTP is quoted in it.
func brief(err error) error {
	text := err.Error()
	if len(text) <= excerptLimit {
		return err
	}
	return errors.New(strings.ToValidUTF8(text[:excerptLimit], ""))
}
