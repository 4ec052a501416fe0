package dynatrace

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/httpapi"
)

const (
	keyToken = "dynatrace_token"
	// lookBack is how many intervals a query is about.
	lookBack = 10
)

// Provider asks one environment. It keeps its connections and is safe for concurrent use.
type Provider struct {
	*httpapi.Client
	window time.Duration
	now    func() time.Time
}

// New is the metrics.Factory for the type dynatrace. The address needs a scheme and a host.
func New(cfg metrics.Config) (metrics.Provider, error) {
	if cfg.Provider.Address == "" {
		return nil, errors.New("dynatrace endpoint is not set")
	}
	base, err := httpapi.ParseAddress(cfg, "http", "https")
	if err != nil {
		return nil, err
	}
	token, ok := httpapi.SecretValue(cfg, keyToken)
	if !ok {
		return nil, httpapi.Lacks(cfg, keyToken)
	}
	client, err := httpapi.New(cfg, base, httpapi.Token("Authorization", "Api-Token", token))
	if err != nil {
		return nil, err
	}
	return &Provider{Client: client, window: lookBack * time.Minute, now: time.Now}, nil
}

// Over returns the provider, with its connections, for a metric with this interval; without it a minute.
func (p *Provider) Over(interval time.Duration) metrics.Provider {
	over := *p
	over.window = lookBack * interval
	return &over
}

// Query asks for the metric selector query up to now.
func (p *Provider) Query(ctx context.Context, query string) (float64, error) {
	to := p.now()
	var a answer
	err := p.Get(ctx, "api/v2/metrics/query", url.Values{
		"metricSelector": {query},
		"resolution":     {"Inf"},
		"from":           {milliseconds(to.Add(-p.window))},
		"to":             {milliseconds(to)},
	}, &a)
	if err != nil {
		return 0, err
	}
	return a.value()
}

// Online asks for one metric's name.
func (p *Provider) Online(ctx context.Context) error {
	return p.Get(ctx, "api/v2/metrics", url.Values{"pageSize": {"1"}}, nil)
}

func milliseconds(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// answer is the part of an answer that holds values.
type answer struct {
	Result []struct {
		Data []struct {
			Values []*float64 `json:"values"`
		} `json:"data"`
	} `json:"result"`
}

// value returns the value that counts.
func (a answer) value() (float64, error) {
	errNoValue := fmt.Errorf("invalid response: %w", metrics.ErrNoData)
	if len(a.Result) == 0 || len(a.Result[0].Data) == 0 {
		return 0, errNoValue
	}
	data := a.Result[0].Data
	values := data[len(data)-1].Values
	if len(values) == 0 || values[0] == nil {
		return 0, errNoValue
	}
	return *values[0], nil
}
