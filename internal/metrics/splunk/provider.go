package splunk

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/httpapi"
)

const (
	keyToken = "sf_token_key"
	// lookBack is how many intervals a query is about.
	lookBack = 10
)

// Provider asks one realm. It keeps its connections and is safe for concurrent use.
type Provider struct {
	api    *httpapi.Client
	pool   *pool
	window time.Duration
	now    func() time.Time
}

// New is the metrics.Factory for the type splunk. The address needs a scheme, of HTTP or websockets, and a host.
func New(cfg metrics.Config) (metrics.Provider, error) {
	if cfg.Provider.Address == "" {
		return nil, errors.New("splunk endpoint is not set")
	}
	address, err := httpapi.ParseAddress(cfg, "http", "https", "ws", "wss")
	if err != nil {
		return nil, err
	}
	token, ok := httpapi.SecretValue(cfg, keyToken)
	if !ok {
		return nil, httpapi.Lacks(cfg, keyToken)
	}
	api, err := httpapi.New(cfg, apiOf(address), httpapi.Token("X-SF-Token", "", token))
	if err != nil {
		return nil, err
	}
	config, err := httpapi.NewTLS(cfg)
	if err != nil {
		return nil, err
	}
	return &Provider{
		api:    api,
		pool:   newPool(streamOf(address).JoinPath("v2/signalflow/connect"), config, token, api),
		window: lookBack * time.Minute,
		now:    time.Now,
	}, nil
}

// Over returns the provider, with its connections, for a metric with this interval; without it a minute.
func (p *Provider) Over(interval time.Duration) metrics.Provider {
	over := *p
	over.window = lookBack * interval
	return &over
}

// Query runs a SignalFlow program up to now.
func (p *Provider) Query(ctx context.Context, query string) (float64, error) {
	now := p.now()
	computed, err := p.pool.compute(ctx, execution{
		Program:   query,
		Start:     now.Add(-p.window).UnixMilli(),
		Stop:      now.UnixMilli(),
		Immediate: true,
	})
	if err != nil {
		return 0, err
	}
	return computed.value()
}

// Online asks for one metric's name.
func (p *Provider) Online(ctx context.Context) error {
	return p.api.Get(ctx, "v2/metric", url.Values{"limit": {"1"}}, nil)
}

// CloseIdleConnections ends the connections that no query uses now.
func (p *Provider) CloseIdleConnections() {
	p.api.CloseIdleConnections()
	p.pool.closeIdle()
}

// apiOf returns the address of the API beside a stream's, or address if it is the API's already.
func apiOf(address *url.URL) *url.URL {
	return beside(address, strings.NewReplacer("ws", "http"), "stream", "api")
}

// streamOf returns the address of the stream beside an API's, without the user that HTTP alone can send.
func streamOf(address *url.URL) *url.URL {
	stream := beside(address, strings.NewReplacer("http", "ws"), "api", "stream")
	stream.User = nil
	return stream
}

// beside returns address with another scheme and, where the first label of the host is or ends with the word from,
// with the word to in its place.
func beside(address *url.URL, scheme *strings.Replacer, from, to string) *url.URL {
	other := *address
	other.Scheme = scheme.Replace(address.Scheme)
	label, domain, ok := strings.Cut(address.Host, ".")
	if prefix, is := strings.CutSuffix(label, from); ok && is && (prefix == "" || strings.HasSuffix(prefix, "-")) {
		other.Host = prefix + to + "." + domain
	}
	return &other
}
