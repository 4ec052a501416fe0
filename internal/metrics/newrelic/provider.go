package newrelic

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/httpapi"
)

const (
	// defaultAddress is that of the US.
	defaultAddress = "https://insights-api.newrelic.com"
	// keyAccount and keyQuery are keys of the Secret.
	keyAccount = "newrelic_account_id"
	keyQuery   = "newrelic_query_key"
	// probe is a query that every account answers.
	probe = "SELECT * FROM Metric"
)

// Provider asks about one account. It keeps its connections and is safe for concurrent use.
type Provider struct {
	client   *httpapi.Client
	path     string
	interval time.Duration
}

// New is the metrics.Factory for the type newrelic. The address may be empty; both keys are required.
func New(cfg metrics.Config) (metrics.Provider, error) {
	if cfg.Provider.Address == "" {
		cfg.Provider.Address = defaultAddress
	}
	base, err := httpapi.ParseAddress(cfg, "https", "http")
	if err != nil {
		return nil, err
	}
	account, ok := httpapi.SecretValue(cfg, keyAccount)
	if !ok {
		return nil, httpapi.Lacks(cfg, "the key '"+keyAccount+"'")
	}
	key, ok := httpapi.SecretValue(cfg, keyQuery)
	if !ok {
		return nil, httpapi.Lacks(cfg, "the key '"+keyQuery+"'")
	}
	client, err := httpapi.New(cfg, base, httpapi.Token("X-Query-Key", "", key))
	if err != nil {
		return nil, err
	}
	path := "v1/accounts/" + url.PathEscape(account) + "/query"
	return &Provider{client: client, path: path, interval: time.Minute}, nil
}

// Over is that of metrics.Windowed; the interval is a minute where nobody calls it.
func (p *Provider) Over(interval time.Duration) metrics.Provider {
	other := *p
	other.interval = interval
	return &other
}

// answer is the part of an answer that we read.
type answer struct {
	Results *[]struct {
		Result any `json:"result"`
	} `json:"results"`
}

// Query runs query over the last interval.
func (p *Provider) Query(ctx context.Context, query string) (float64, error) {
	var a answer
	if err := p.client.Get(ctx, p.path, p.arguments(query), &a); err != nil {
		return 0, err
	}
	if a.Results == nil {
		return 0, errors.New("error unmarshaling result: not the shape of an answer")
	}
	if results := *a.Results; len(results) == 1 {
		if value, ok := results[0].Result.(float64); ok {
			return value, nil
		}
	}
	return 0, fmt.Errorf("invalid response: %w", metrics.ErrNoData)
}

// Online runs a query that needs no data.
func (p *Provider) Online(ctx context.Context) error {
	return p.client.Get(ctx, p.path, p.arguments(probe), nil)
}

// CloseIdleConnections ends the connections that no query uses now.
func (p *Provider) CloseIdleConnections() { p.client.CloseIdleConnections() }

// arguments returns those of a request for query, which must not state a time of its own.
func (p *Provider) arguments(query string) url.Values {
	since := fmt.Sprintf("%s SINCE %d seconds ago", query, int64(p.interval.Seconds()))
	return url.Values{"nrql": {since}}
}
