package metricstest

import (
	"context"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"flagger.app/flagger/internal/metrics"
)

const (
	// queries is how many a provider is asked to find out what each of them leaves behind, workers at a time.
	queries, workers = 10_000, 8
	// spared is how many goroutines or connections may be there by chance: one left by one query in a hundred would
	// be seen.
	spared = 100
)

// Leaks asks b's provider ten thousand times for values that are there, are not and are refused, and counts what is
// left. It takes seconds, so short runs skip it.
func Leaks(t *testing.T, b Backend) {
	if testing.Short() {
		t.Skip("ten thousand queries take seconds")
	}
	var asked atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch asked.Add(1) % 3 {
		case 0:
			b.Answers.Empty(w, r)
		case 1:
			b.refuse(w, r, http.StatusUnauthorized)
		default:
			b.Answers.Value(w, r)
		}
	})
	p := provider(t, b, s.URL)
	askOften(t.Context(), p, b.Query, queries/100)
	before := runtime.NumGoroutine()
	askOften(t.Context(), p, b.Query, queries)
	if left := runtime.NumGoroutine() - before; left > spared {
		t.Errorf("%d queries left %d goroutines", queries, left)
	}
	if got := s.connections.ever(); got > spared {
		t.Errorf("%d queries made %d connections instead of keeping them", queries, got)
	}
	closeIdle(p)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if left := s.connections.drain(ctx); left > 0 {
		t.Errorf("a provider that is dropped keeps %d connections", left)
	}
}

// askOften sends n queries and looks at no answer.
func askOften(ctx context.Context, p metrics.Provider, query string, n int) {
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for range n / workers {
				_, _ = p.Query(ctx, query) // Run looks at the answers
			}
		})
	}
	group.Wait()
}
