package metricstest

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"flagger.app/flagger/internal/metrics"
)

const (
	// patience is the deadline of a query to a server that is too slow for it, and overdue the time after which a
	// provider has not kept to it.
	patience, overdue = 50 * time.Millisecond, 5 * time.Second
	// longest is how much an error may say, in bytes: an excerpt of 512 and the words around it.
	longest = 1024
)

// Run plays the table against b, each row twice: what an error says may not change with the attempt.
func Run(t *testing.T, b Backend) {
	for _, r := range table(b) {
		t.Run(string(r.is), func(t *testing.T) {
			if r.answer == nil {
				t.Fatal("the table is played whole, so every back end needs such an answer")
			}
			if want, differs := b.Differs[r.is]; differs {
				r.want = want
			}
			play(t, b, r)
		})
	}
}

func play(t *testing.T, b Backend, r row) {
	var said witness
	s := serve(t, said.listen(r.answer))
	if r.is == Refused {
		s.Close()
	}
	p := provider(t, b, s.URL)
	first := ask(t, b, p, r)
	again := ask(t, b, p, r)
	if first == nil {
		return
	}
	if r.is != Slow && (again == nil || first.Error() != again.Error()) {
		t.Errorf("%s\nan error that changes with every attempt floods the events:\n%v\n%v", r.reason, first, again)
	}
	said.checkHidden(t, first)
}

// ask sends one query and compares the verdict.
func ask(t *testing.T, b Backend, p metrics.Provider, r row) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	if r.is == Slow {
		ctx, cancel = context.WithTimeout(t.Context(), patience)
	}
	defer cancel()
	asked := time.Now()
	value, err := p.Query(ctx, b.Query)
	if took := time.Since(asked); r.is == Slow && took > overdue {
		t.Errorf("%s\nQuery(...): with a deadline of %s it took %s", r.reason, patience, took)
	}
	if got := VerdictOn(err); got != r.want {
		t.Errorf("%s\nQuery(...): want %s, got %s: %v, %v", r.reason, r.want, got, value, err)
	}
	if err == nil && value != Measured || err != nil && value != 0 {
		t.Errorf("%s\nQuery(...): want %v or an error without a value, got %v, %v", r.reason, Measured, value, err)
	}
	return err
}

// provider returns b's provider for the server at address, which loses its connections when the test ends.
func provider(t *testing.T, b Backend, address string) metrics.Provider {
	t.Helper()
	p := b.New(t, address)
	t.Cleanup(func() { closeIdle(p) })
	return p
}

// closeIdle does what the pool does with a provider that it drops.
func closeIdle(p metrics.Provider) {
	if closer, ok := p.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// witness remembers how a provider proved who it is.
type witness struct {
	mu     sync.Mutex
	proofs []string
}

// listen returns a handler that answers once the request is remembered.
func (w *witness) listen(answer http.HandlerFunc) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		if fields := strings.Fields(r.Header.Get("Authorization")); len(fields) > 0 {
			w.mu.Lock()
			w.proofs = append(w.proofs, fields[len(fields)-1])
			w.mu.Unlock()
		}
		answer(rw, r)
	}
}

// checkHidden looks for what users must not see in the text of err.
func (w *witness) checkHidden(t *testing.T, err error) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	text := err.Error()
	for _, hidden := range append(w.proofs, Secret, unshown, "\n") {
		if strings.Contains(text, hidden) {
			t.Errorf("an error must not show %q: %s", hidden, text)
		}
	}
	if len(text) > longest {
		t.Errorf("an error of %d bytes is too long to read: %s", len(text), text)
	}
}
