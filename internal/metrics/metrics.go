package metrics

import (
	"context"
	"errors"
	"time"

	"flagger.app/flagger/api/v1beta1"
)

// ErrNoData says that the provider answered, but holds no value for the query: nothing, null or NaN.
var ErrNoData = errors.New("no values found")

// Provider asks one metrics back end. Implementations are safe for concurrent use, keep their connections, and
// translate what the back end says into ErrNoData or an error that can be shown to users.
type Provider interface {
	// Query runs one rendered query and returns its value, in the unit that the query gives it.
	Query(ctx context.Context, query string) (float64, error)
	// Online returns nil if the back end can be asked at all.
	Online(ctx context.Context) error
}

// Windowed is a Provider whose queries do not say what time they are about.
type Windowed interface {
	// Over returns the Provider for a metric with this interval; it shares the connections.
	Over(interval time.Duration) Provider
}

// Confined is a Provider whose queries can name namespaces.
type Confined interface {
	// Within returns the Provider for queries that may name no other namespace; it shares the connections.
	Within(namespace string) Provider
}

// Patient is a Provider whose back end takes longer to answer than others.
type Patient interface {
	// Patience is how long one query may take.
	Patience() time.Duration
}

// Config says how to reach a back end: a MetricTemplate's provider with its secret already read.
type Config struct {
	Provider v1beta1.MetricTemplateProvider
	// Credentials are the data of the provider's Secret, or nil.
	Credentials map[string][]byte
}

// Factory makes the provider of one type; its error names the field that is wrong.
type Factory func(Config) (Provider, error)
