package metrics

import (
	"context"
	"time"
)

// queryTimeout bounds one query, its waiting for a connection included, unless the provider is Patient, and every probe.
const queryTimeout = 5 * time.Second

// Scope is what an answer depends on besides the text of the query.
type Scope struct {
	// Interval is that of the metric, for a Windowed provider; zero for its own.
	Interval time.Duration
	// Namespace is the only one that queries of a Confined provider may name; empty for any.
	Namespace string
}

// Source is a Provider that many canaries ask. Those who ask it the same at the same time share one request and what
// comes of it, errors included; an answer is kept for nobody who asks later. A caller whose context ends leaves the
// others their answer. It is safe for concurrent use.
type Source struct {
	provider Provider
	flights  flights
}

// NewSource returns a Source that asks p.
func NewSource(p Provider) *Source {
	return &Source{provider: p, flights: flights{open: map[question]*flight{}}}
}

// Windowed tells whether the interval of a Scope counts.
func (s *Source) Windowed() bool {
	_, windowed := s.provider.(Windowed)
	return windowed
}

// Query is that of the Provider for this scope. It takes five seconds at most, or as long as a Patient provider may; one
// that joins a query which is on its way ends with it.
func (s *Source) Query(ctx context.Context, scope Scope, query string) (float64, error) {
	scope, limit := s.effective(scope), queryTimeout
	if patient, ok := s.provider.(Patient); ok {
		limit = patient.Patience()
	}
	return s.flights.ask(ctx, question{Scope: scope, query: query}, limit, func(ctx context.Context) (float64, error) {
		return s.within(scope).Query(ctx, query)
	})
}

// Online is that of the Provider for this scope, and takes five seconds at most.
func (s *Source) Online(ctx context.Context, scope Scope) error {
	scope = s.effective(scope)
	_, err := s.flights.ask(ctx, question{Scope: scope, probe: true}, queryTimeout, func(ctx context.Context) (float64, error) {
		return 0, s.within(scope).Online(ctx)
	})
	return err
}

// effective is the part of scope that counts, so that nothing else keeps callers apart.
func (s *Source) effective(scope Scope) Scope {
	if !s.Windowed() {
		scope.Interval = 0
	}
	if _, confined := s.provider.(Confined); !confined {
		scope.Namespace = ""
	}
	return scope
}

// within is the Provider for an effective scope.
func (s *Source) within(scope Scope) Provider {
	p := s.provider
	if windowed, ok := p.(Windowed); ok && scope.Interval != 0 {
		p = windowed.Over(scope.Interval)
	}
	if confined, ok := p.(Confined); ok && scope.Namespace != "" {
		p = confined.Within(scope.Namespace)
	}
	return p
}
