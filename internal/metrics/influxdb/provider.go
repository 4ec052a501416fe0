package influxdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	"github.com/influxdata/influxdb-client-go/v2/api"
	"github.com/influxdata/influxdb-client-go/v2/api/query"

	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/httpapi"
)

// probe is a query that needs no bucket of a certain name.
const probe = `buckets() |> limit(n: 1)`

// Provider asks one server on behalf of one organisation. It keeps its connections and is safe for concurrent use.
type Provider struct {
	client *httpapi.Client
	server influxdb2.Client
	org    string
}

// patience is how long a Flux script may run.
const patience = 15 * time.Second

// New is the metrics.Factory for the type influxdb. The address needs a scheme and a host.
func New(cfg metrics.Config) (metrics.Provider, error) {
	base, err := httpapi.ParseAddress(cfg, "http", "https")
	if err != nil {
		return nil, err
	}
	p := &Provider{}
	var credentials []httpapi.Credential
	if cfg.Provider.SecretRef != nil {
		token, ok := httpapi.SecretValue(cfg, "token")
		if !ok {
			return nil, httpapi.Lacks(cfg, "an authentication token")
		}
		if p.org, ok = httpapi.SecretValue(cfg, "org"); !ok {
			return nil, httpapi.Lacks(cfg, "an organisation")
		}
		credentials = append(credentials, httpapi.Token("Authorization", "Token", token))
	}
	p.client, err = httpapi.New(cfg, base, credentials...)
	if err != nil {
		return nil, err
	}
	options := influxdb2.DefaultOptions().SetApplicationName("flagger")
	options.HTTPOptions().SetHTTPDoer(p.client) // which knows the token
	p.server = influxdb2.NewClientWithOptions(p.client.Address(), "", options)
	return p, nil
}

// Query runs a Flux script and returns its first value.
func (p *Provider) Query(ctx context.Context, script string) (float64, error) {
	record, err := p.first(ctx, script)
	if err != nil {
		return 0, err
	}
	return valueOf(record)
}

// Online runs a script that needs no data.
func (p *Provider) Online(ctx context.Context) error {
	if _, err := p.first(ctx, probe); err != nil && !errors.Is(err, metrics.ErrNoData) {
		return fmt.Errorf("running query failed: %w", err)
	}
	return nil
}

// CloseIdleConnections ends the connections that no query uses now.
func (p *Provider) CloseIdleConnections() { p.client.CloseIdleConnections() }

// Patience is how long a Flux script may run.
func (p *Provider) Patience() time.Duration { return patience }

// first runs a Flux script and returns its first record. The library's object for queries is not safe for concurrent
// use before its first one, so each has its own.
func (p *Provider) first(ctx context.Context, script string) (*query.FluxRecord, error) {
	answer, err := p.server.QueryAPI(p.org).QueryRaw(ctx, script, api.DefaultDialect())
	if err != nil {
		return nil, err
	}
	return firstOf(answer)
}

// firstOf returns the first record of an answer. The library takes any page for one without tables, and its errors
// quote what they read.
func firstOf(answer string) (*query.FluxRecord, error) {
	result := api.NewQueryTableResult(io.NopCloser(strings.NewReader(answer)))
	switch {
	case result.Next():
		return result.Record(), nil
	case result.Err() != nil:
		return nil, errors.New("error unmarshaling result: no annotated CSV, or it holds an error")
	case result.TableMetadata() == nil && strings.TrimSpace(answer) != "":
		return nil, errors.New("error unmarshaling result: no annotated CSV")
	}
	return nil, metrics.ErrNoData
}

// valueOf returns the number that a record holds.
func valueOf(record *query.FluxRecord) (float64, error) {
	field, ok := record.Values()["_value"]
	if !ok {
		return 0, metrics.BadQuery(errors.New("invalid response: the record has no _value"))
	}
	value := math.NaN()
	switch number := field.(type) {
	case nil:
	case float64:
		value = number
	case int64:
		value = float64(number)
	case uint64:
		value = float64(number)
	default:
		return 0, metrics.BadQuery(fmt.Errorf("invalid response: _value is no number but a %T", field))
	}
	if math.IsNaN(value) {
		return 0, metrics.ErrNoData
	}
	return value, nil
}
