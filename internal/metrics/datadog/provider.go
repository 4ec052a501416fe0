package datadog

import (
	"context"
	"time"

	"github.com/DataDog/datadog-api-client-go/v2/api/datadogV1"

	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/httpapi"
)

const (
	// defaultAddress is that of the site US1.
	defaultAddress = "https://api.datadoghq.com"
	// keyAPI and keyApplication are keys of the Secret.
	keyAPI         = "datadog_api_key"
	keyApplication = "datadog_application_key"
	// window is how many intervals a query asks about.
	window = 10
)

// Provider asks one site with the keys of one Secret. It keeps its connections and is safe for concurrent use.
type Provider struct {
	metrics  *datadogV1.MetricsApi
	keys     *datadogV1.AuthenticationApi
	client   *httpapi.Client
	now      func() time.Time
	interval time.Duration
}

// New returns the metrics.Factory for the type datadog; now is the clock that queries are relative to. The address may
// be empty; both keys are required.
func New(now func() time.Time) metrics.Factory {
	return func(cfg metrics.Config) (metrics.Provider, error) {
		if cfg.Provider.Address == "" {
			cfg.Provider.Address = defaultAddress
		}
		base, err := httpapi.ParseAddress(cfg, "https", "http")
		if err != nil {
			return nil, err
		}
		api, ok := httpapi.SecretValue(cfg, keyAPI)
		if !ok {
			return nil, httpapi.Lacks(cfg, keyAPI)
		}
		application, ok := httpapi.SecretValue(cfg, keyApplication)
		if !ok {
			return nil, httpapi.Lacks(cfg, keyApplication)
		}
		client, err := httpapi.New(cfg, base,
			httpapi.Token("DD-API-KEY", "", api), httpapi.Token("DD-APPLICATION-KEY", "", application))
		if err != nil {
			return nil, err
		}
		library := newLibrary(client)
		return &Provider{
			metrics:  datadogV1.NewMetricsApi(library),
			keys:     datadogV1.NewAuthenticationApi(library),
			client:   client,
			now:      now,
			interval: time.Minute,
		}, nil
	}
}

// Over is that of metrics.Windowed; the interval is a minute where nobody calls it.
func (p *Provider) Over(interval time.Duration) metrics.Provider {
	other := *p
	other.interval = interval
	return &other
}

// Query runs query over the last ten intervals and returns the oldest point of its first series.
func (p *Provider) Query(ctx context.Context, query string) (float64, error) {
	to := p.now()
	from := to.Add(-window * p.interval)
	answer, _, err := p.metrics.QueryMetrics(ctx, from.Unix(), to.Unix(), query) //nolint:bodyclose // the library has read it
	if err != nil {
		return 0, failure(err)
	}
	if answer.UnparsedObject != nil || answer.GetStatus() != "ok" {
		return 0, errShape
	}
	if len(answer.Series) == 0 {
		return 0, errNoValues
	}
	first := answer.Series[0]
	if first.UnparsedObject != nil {
		return 0, errShape
	}
	return oldest(first.Pointlist)
}

// Online asks whether the keys are valid.
func (p *Provider) Online(ctx context.Context) error {
	if _, _, err := p.keys.Validate(ctx); err != nil { //nolint:bodyclose // the library has read it
		return failure(err)
	}
	return nil
}

// CloseIdleConnections ends the connections that no query uses now.
func (p *Provider) CloseIdleConnections() { p.client.CloseIdleConnections() }

// oldest returns the value of the first point that has one; a point is a pair of time and value.
func oldest(points [][]*float64) (float64, error) {
	for _, point := range points {
		if len(point) == 2 && point[1] != nil {
			return *point[1], nil
		}
	}
	return 0, errNoValues
}
