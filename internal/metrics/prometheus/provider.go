package prometheus

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/httpapi"
)

// probe is a query that every server answers with 1.
const probe = "vector(1)"

// Provider asks one server. It keeps its connections and is safe for concurrent use.
type Provider struct {
	api    promv1.API
	client *http.Client
}

// New is the metrics.Factory for the type prometheus. The address needs a scheme and a host; its user and password,
// if any, become basic authentication unless the Secret says otherwise, and its query is dropped.
func New(cfg metrics.Config) (metrics.Provider, error) {
	base, err := httpapi.ParseAddress(cfg, "http", "https")
	if err != nil {
		return nil, err
	}
	access, err := newAccess(cfg, base.User)
	if err != nil {
		return nil, err
	}
	httpClient := &http.Client{Transport: bounded{httpapi.NewTransport(access.tls)}, CheckRedirect: httpapi.StayOnHost}
	address := url.URL{Scheme: base.Scheme, Host: base.Host, Path: base.Path}
	inner, err := api.NewClient(api.Config{Address: address.String(), Client: httpClient})
	if err != nil {
		return nil, fmt.Errorf("%s address: %w", cfg.Provider.Type, err)
	}
	return &Provider{api: promv1.NewAPI(client{Client: inner, access: access}), client: httpClient}, nil
}

// Query runs query at the server's present time. The context bounds the time it takes.
func (p *Provider) Query(ctx context.Context, query string) (float64, error) {
	result, _, err := p.api.Query(ctx, oneLine(query), time.Time{})
	var ours known
	switch {
	case errors.As(err, &ours):
		return 0, ours.error
	case err != nil: // the decoder's, which quotes the body
		return 0, errors.New("error unmarshaling result: not the shape of an instant query")
	}
	return valueOf(result)
}

// Online runs a query that needs no data and expects its one result.
func (p *Provider) Online(ctx context.Context) error {
	value, err := p.Query(ctx, probe)
	if err != nil {
		return fmt.Errorf("running query failed: %w", err)
	}
	if value != 1 {
		return errors.New("value is not 1 for query: " + probe)
	}
	return nil
}

// CloseIdleConnections ends the connections that no query uses now.
func (p *Provider) CloseIdleConnections() { p.client.CloseIdleConnections() }

// valueOf returns the one value of a result; of several series the last one's.
func valueOf(result model.Value) (float64, error) {
	value := math.NaN()
	switch r := result.(type) {
	case *model.Scalar:
		value = float64(r.Value)
	case model.Vector:
		if len(r) == 0 {
			break
		}
		last := r[len(r)-1]
		if last.Histogram != nil {
			return 0, metrics.BadQuery(errors.New("query returned a histogram instead of a number"))
		}
		value = float64(last.Value)
	}
	if math.IsNaN(value) {
		return 0, metrics.ErrNoData
	}
	return value, nil
}
