package cloudwatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"flagger.app/flagger/internal/metrics"
)

const (
	// window is how many intervals a query asks about.
	window = 10
	// maxDatapoints is how many values an answer may have.
	maxDatapoints = 20
)

// Provider asks one region. It keeps its connections and is safe for concurrent use.
type Provider struct {
	library  *library
	now      func() time.Time
	interval time.Duration
}

// New returns the metrics.Factory for the type cloudwatch; now is the clock that queries are relative to. The region
// is required.
func New(now func() time.Time) metrics.Factory {
	return func(cfg metrics.Config) (metrics.Provider, error) {
		if cfg.Provider.Region == "" {
			return nil, errors.New("region not specified")
		}
		static, err := staticCredentials(cfg)
		if err != nil {
			return nil, err
		}
		return &Provider{
			library:  &library{region: cfg.Provider.Region, static: static},
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

// Query runs query over the last ten intervals and returns the newest value of its first result.
func (p *Provider) Query(ctx context.Context, query string) (float64, error) {
	var queries []types.MetricDataQuery
	if err := json.Unmarshal([]byte(query), &queries); err != nil {
		return 0, metrics.BadQuery(fmt.Errorf("error unmarshaling query: %w", err))
	}
	now := p.now()
	answer, err := p.ask(ctx, &cloudwatch.GetMetricDataInput{
		EndTime:           aws.Time(now),
		StartTime:         aws.Time(now.Add(-window * p.interval)),
		MaxDatapoints:     aws.Int32(maxDatapoints),
		MetricDataQueries: queries,
	})
	if err != nil {
		return 0, fmt.Errorf("error requesting cloudwatch: %w", failure(err))
	}
	return newest(answer)
}

// Online sends a request without queries: that CloudWatch refuses it is an answer.
func (p *Provider) Online(ctx context.Context) error {
	_, err := p.ask(ctx, &cloudwatch.GetMetricDataInput{
		EndTime:           &time.Time{},
		StartTime:         &time.Time{},
		MetricDataQueries: []types.MetricDataQuery{},
	})
	var answer *awshttp.ResponseError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &answer):
		return fmt.Errorf("unexpected error: %w", failure(err))
	case answer.HTTPStatusCode() != http.StatusBadRequest || onTheWay(err):
		return fmt.Errorf("unexpected status code: %w", failure(err))
	}
	return nil
}

// CloseIdleConnections ends the connections that no query uses now.
func (p *Provider) CloseIdleConnections() { p.library.closeIdle() }

func (p *Provider) ask(ctx context.Context, input *cloudwatch.GetMetricDataInput) (*cloudwatch.GetMetricDataOutput, error) {
	client, err := p.library.get(ctx)
	if err != nil {
		return nil, err
	}
	return client.GetMetricData(ctx, input)
}

// newest returns the first value of the first result; CloudWatch sends the newest first.
func newest(answer *cloudwatch.GetMetricDataOutput) (float64, error) {
	if answer.MetricDataResults == nil {
		return 0, errors.New("error requesting cloudwatch: unreadable answer")
	}
	if len(answer.MetricDataResults) == 0 {
		return 0, fmt.Errorf("invalid response: %w", metrics.ErrNoData)
	}
	first := answer.MetricDataResults[0]
	if first.StatusCode == types.StatusCodeInternalError || first.StatusCode == types.StatusCodeForbidden {
		return 0, fmt.Errorf("error requesting cloudwatch: %s", first.StatusCode)
	}
	if len(first.Values) == 0 || math.IsNaN(first.Values[0]) {
		return 0, fmt.Errorf("invalid response: %w", metrics.ErrNoData)
	}
	return first.Values[0], nil
}
