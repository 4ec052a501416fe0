package stackdriver

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"

	"cloud.google.com/go/monitoring/apiv3/v2/monitoringpb"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/httpapi"
)

// Google calls its query language and what belongs to it deprecated; the templates of users are written in it.
type (
	request = monitoringpb.QueryTimeSeriesRequest  //nolint:staticcheck // see above
	answer  = monitoringpb.QueryTimeSeriesResponse //nolint:staticcheck // see above
)

// errNoValues says that an answer has no value.
var errNoValues = fmt.Errorf("invalid response: %w", metrics.ErrNoData)

// Provider asks about one project. It keeps its connection and is safe for concurrent use.
type Provider struct{ connection *connection }

// New is the metrics.Factory for the type stackdriver. A Secret, if there is one, must hold a project.
func New(cfg metrics.Config) (metrics.Provider, error) {
	access, err := newAccess(cfg)
	if err != nil {
		return nil, err
	}
	return &Provider{connection: &connection{open: access.open}}, nil
}

// Query runs query, which states the time that it asks about.
func (p *Provider) Query(ctx context.Context, query string) (float64, error) {
	page, err := p.ask(ctx, query)
	switch {
	case err != nil:
		return 0, fmt.Errorf("error requesting stackdriver: %w", failure(err))
	case len(page.GetTimeSeriesData()) == 0 && len(page.GetPartialErrors()) > 0:
		return 0, errors.New("error requesting stackdriver: the answer is incomplete")
	}
	return first(page)
}

// Online runs an empty query: that Cloud Monitoring refuses it is an answer.
func (p *Provider) Online(ctx context.Context) error {
	_, err := p.ask(ctx, "")
	if code := status.Code(err); err != nil && code != codes.InvalidArgument {
		return fmt.Errorf("unexpected status code: %v", code)
	}
	return nil
}

// CloseIdleConnections ends the connection when no query uses it.
func (p *Provider) CloseIdleConnections() { p.connection.drop() }

// ask returns the first page of the answer to query.
func (p *Provider) ask(ctx context.Context, query string) (*answer, error) {
	s, err := p.connection.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer p.connection.release()
	pages := s.client.QueryTimeSeries(ctx, &request{Name: "projects/" + s.project, Query: query}) //nolint:staticcheck // see above
	if _, err := pages.Next(); err != nil && !errors.Is(err, iterator.Done) {
		return nil, err
	}
	page, _ := pages.Response.(*answer) // every fetch that succeeds sets it
	return page, nil
}

// first returns the first value of the first point of the first series.
func first(page *answer) (float64, error) {
	series := page.GetTimeSeriesData()
	if len(series) == 0 || len(series[0].GetPointData()) == 0 || len(series[0].GetPointData()[0].GetValues()) == 0 {
		return 0, errNoValues
	}
	value := math.NaN()
	switch typed := series[0].GetPointData()[0].GetValues()[0].GetValue().(type) {
	case nil:
	case *monitoringpb.TypedValue_DoubleValue:
		value = typed.DoubleValue
	case *monitoringpb.TypedValue_Int64Value:
		value = float64(typed.Int64Value)
	default:
		return 0, metrics.BadQuery(errors.New("query returned something else than a number"))
	}
	if math.IsNaN(value) {
		return 0, errNoValues
	}
	return value, nil
}

// port is our end of a connection, in the text of an error of the network.
var port = regexp.MustCompile(`\S+->`)

// failure returns the library's error as one that can be shown, and says whose fault it is. What follows the first line
// of a text quotes the other side; only Cloud Monitoring's own words about a query go on.
func failure(err error) error {
	code := status.Code(err)
	if code == codes.DeadlineExceeded || errors.Is(err, context.DeadlineExceeded) {
		return context.DeadlineExceeded
	}
	said, ok := status.FromError(err)
	if !ok {
		return errors.New(httpapi.Excerpt(httpapi.Shown(err).Error()))
	}
	if code == codes.InvalidArgument {
		return metrics.BadQuery(status.Error(code, httpapi.Excerpt(said.Message())))
	}
	line, _, _ := strings.Cut(said.Message(), "\n")
	return status.Error(code, httpapi.Excerpt(port.ReplaceAllString(line, "")))
}
