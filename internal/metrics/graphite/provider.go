package graphite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"

	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/httpapi"
)

// probe is a query that every server takes.
const probe = "target=test"

// Provider asks one server. It keeps its connections and is safe for concurrent use.
type Provider struct{ *httpapi.Client }

// New is the metrics.Factory for the type graphite. The address needs a scheme and a host.
func New(cfg metrics.Config) (metrics.Provider, error) {
	base, err := httpapi.ParseAddress(cfg, "http", "https")
	if err != nil {
		return nil, err
	}
	var credentials []httpapi.Credential
	if cfg.Provider.SecretRef != nil {
		username, ok := httpapi.SecretValue(cfg, "username")
		if !ok {
			return nil, httpapi.Lacks(cfg, "a username")
		}
		password, ok := httpapi.SecretValue(cfg, "password")
		if !ok {
			return nil, httpapi.Lacks(cfg, "a password")
		}
		credentials = append(credentials, httpapi.Basic(username, password))
	}
	client, err := httpapi.New(cfg, base, credentials...)
	if err != nil {
		return nil, err
	}
	return &Provider{client}, nil
}

// Query asks for the targets of query and returns the value that was measured last.
func (p *Provider) Query(ctx context.Context, query string) (float64, error) {
	arguments, err := parse(query)
	if err != nil {
		return 0, metrics.BadQuery(fmt.Errorf("parse query: %w", err))
	}
	var result []series
	if err := p.Get(ctx, "render", arguments, &result); err != nil {
		return 0, err
	}
	return last(result)
}

// Online asks for a target that need not exist.
func (p *Provider) Online(ctx context.Context) error {
	if _, err := p.Query(ctx, probe); err != nil && !errors.Is(err, metrics.ErrNoData) {
		return fmt.Errorf("running query failed: %w", err)
	}
	return nil
}

// parse returns the arguments that query stands for, with runs of whitespace as one space. A semicolon, which divides
// the tags of a series, is a character like any other.
func parse(query string) (url.Values, error) {
	line := strings.Join(strings.Fields(query), " ")
	arguments, err := url.ParseQuery(strings.ReplaceAll(line, ";", "%3B"))
	if err != nil {
		return nil, err
	}
	arguments.Set("format", "json")
	return arguments, nil
}

// series is one line of a graph.
type series struct {
	Points []point `json:"datapoints"`
}

// point is a value and the second it belongs to.
type point [2]json.RawMessage

// last returns the last value that there is.
func last(result []series) (float64, error) {
	value := math.NaN()
	for _, s := range result {
		for _, p := range s.Points {
			v, err := p.value()
			if err != nil {
				return 0, err
			}
			if !math.IsNaN(v) {
				value = v
			}
		}
	}
	if math.IsNaN(value) {
		return 0, metrics.ErrNoData
	}
	return value, nil
}

// value returns the point's number, which may stand in quotes, or NaN for none. Graphite writes infinity as a number
// that is too large.
func (p point) value() (float64, error) {
	text := strings.Trim(string(p[0]), `"`)
	if text == "" || text == "null" {
		return math.NaN(), nil
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, errors.New("error unmarshaling result: a value is not a number")
	}
	return value, nil
}
