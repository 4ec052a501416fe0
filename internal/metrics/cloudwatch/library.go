package cloudwatch

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/smithy-go/logging"

	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/httpapi"
)

// Keys of the Secret.
const (
	keyAccess  = "aws_access_key_id"
	keySecret  = "aws_secret_access_key"
	keySession = "aws_session_token"
)

const (
	// attempts is how often a request is sent, and maxPause the longest pause between two of them.
	attempts = 4
	maxPause = 200 * time.Millisecond
	// maxConnections is how many queries are sent at a time; the others wait, bounded by their contexts.
	maxConnections = 16
)

// library makes the SDK's client when it is needed first, since the SDK looks around for credentials. It is safe for
// concurrent use.
type library struct {
	region string
	static aws.CredentialsProvider // nil: where the SDK looks

	mu        sync.Mutex
	client    *cloudwatch.Client
	transport *http.Transport
}

// get returns the client. An error, such as of a broken profile, is not kept.
func (l *library) get(ctx context.Context) (*cloudwatch.Client, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.client != nil {
		return l.client, nil
	}
	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithRegion(l.region),
		config.WithCredentialsProvider(l.static),
		config.WithRetryer(newRetryer),
		config.WithLogger(logging.Nop{}), // errors say what matters
	)
	if err != nil {
		return nil, fmt.Errorf("load configuration: %w", err)
	}
	l.transport = transportOf(cfg)
	cfg.HTTPClient = &http.Client{Transport: plain{l.transport}, CheckRedirect: stay}
	l.client = cloudwatch.NewFromConfig(cfg)
	return l.client, nil
}

// closeIdle ends the connections that no query uses now.
func (l *library) closeIdle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.transport != nil {
		l.transport.CloseIdleConnections()
	}
}

// transportOf returns a transport like the one in cfg, which knows the environment's authorities, with connections of
// its own.
func transportOf(cfg aws.Config) *http.Transport {
	loaded, ok := cfg.HTTPClient.(*awshttp.BuildableClient)
	if !ok {
		loaded = awshttp.NewBuildableClient()
	}
	transport := loaded.GetTransport()
	transport.MaxConnsPerHost = maxConnections
	return transport
}

// plain shows the transport mere readers as bodies. The SDK's own kind, when a fast answer comes before its end was
// read, reports that end as an error, and the connection is closed before the answer is read.
type plain struct{ *http.Transport }

// RoundTrip sends one request.
func (p plain) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body == nil {
		return p.Transport.RoundTrip(req)
	}
	sent := req.WithContext(req.Context())
	sent.Body = struct {
		io.Reader
		io.Closer
	}{req.Body, req.Body}
	return p.Transport.RoundTrip(sent)
}

// stay follows no redirect: AWS sends none.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// newRetryer returns the SDK's retryer without its budget of retries, which outages use up: then texts would change.
func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = attempts
		o.MaxBackoff = maxPause
		o.RateLimiter = ratelimit.None
	})
}

// staticCredentials returns those in the Secret, or nil if it is about something else.
func staticCredentials(cfg metrics.Config) (aws.CredentialsProvider, error) {
	access, hasAccess := httpapi.SecretValue(cfg, keyAccess)
	secret, hasSecret := httpapi.SecretValue(cfg, keySecret)
	session, _ := httpapi.SecretValue(cfg, keySession)
	switch {
	case !hasAccess && !hasSecret:
		return nil, nil //nolint:nilnil // there are none, which is fine
	case !hasAccess:
		return nil, httpapi.Lacks(cfg, keyAccess)
	case !hasSecret:
		return nil, httpapi.Lacks(cfg, keySecret)
	}
	return credentials.NewStaticCredentialsProvider(access, secret, session), nil
}
