package graphite

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/metricstest"
	"flagger.app/flagger/internal/testkit"
)

// step is the time from one point that the server keeps to the next, and steps is how many a query asks for.
const step, steps = 10 * time.Second, 6

// window is where the points of the test lie: in the past, and long before the server drops them.
type window struct{ start time.Time }

// points is a series in carbon's line protocol: one value each step from the window's start.
func (w window) points(path string, values ...string) []string {
	var lines []string
	for i, value := range values {
		lines = append(lines, fmt.Sprintf("%s %s %d", path, value, w.start.Add(time.Duration(i)*step).Unix()))
	}
	return lines
}

// query asks for targets, as in target=a&target=b, within the window.
func (w window) query(targets string) string {
	// Graphite leaves out the point at from itself.
	return fmt.Sprintf("%s&from=%d&until=%d", targets, w.start.Add(-step).Unix(), w.start.Add((steps-1)*step).Unix())
}

func TestAgainstGraphite(t *testing.T) {
	server := testkit.StartGraphite(t)
	w := window{start: time.Now().Add(-time.Hour).Truncate(time.Minute)}
	server.Write(t, slices.Concat(
		w.points("shop.rate", "97", "98", "99.5"),
		w.points("shop.errors", "1", "2", "3", "4"),
		w.points("shop.full", "1", "2", "3", "4", "5", "6"),
		w.points("shop.zero", "0", "0"),
		w.points("shop.endless", "inf", "inf"),
		window{w.start.Add(-10 * time.Minute)}.points("shop.old", "1"),
	)...)

	open := provider(t, config(server.Address))
	t.Run("Values", func(t *testing.T) { values(t, open, w) })
	t.Run("Faults", func(t *testing.T) { faults(t, open, w) })
	for name, p := range map[string]metrics.Provider{
		"Open":        open,
		"Credentials": provider(t, config(server.Address, "username", "me", "password", "pw")),
	} {
		if err := p.(*Provider).Online(t.Context()); err != nil {
			t.Errorf("%s: A real server is online; it leaves passwords to those before it: %v", name, err)
		}
	}
}

func values(t *testing.T, p metrics.Provider, w window) {
	cases := map[string]struct {
		reason, query string
		want          float64
	}{
		"Full":      {"The newest point counts.", "target=shop.full", 6},
		"Nulls":     {"Times that have no point yet do not count.", "target=shop.rate", 99.5},
		"Zero":      {"0 is a value.", "target=shop.zero", 0},
		"Infinite":  {"Graphite writes 1e9999 for infinity.", "target=shop.endless", math.Inf(1)},
		"Targets":   {"The last target counts.", "target=shop.rate&target=shop.errors", 4},
		"Pattern":   {"Of what a pattern finds, the last in the order of names counts.", "target=shop.{rate,errors}", 99.5},
		"LastEmpty": {"A series without a point in the window is passed over.", "target=shop.rate&target=shop.old", 99.5},
		"Function":  {"A query may have line breaks, spaces and quotes.", "target=summarize(\n  shop.errors, '1hour', 'sum', true)", 10},
		"OneValue":  {"A whole window can be one value.", "target=shop.errors&maxDataPoints=1", 2.5},
		"NoNulls":   {"The server can leave out nulls.", "target=shop.rate&noNullPoints=true", 99.5},
		"Format":    {"The answer is JSON, whatever is asked for.", "target=shop.rate&format=csv", 99.5},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := p.Query(t.Context(), w.query(tc.query))
			if got != tc.want || err != nil {
				t.Errorf("%s\nQuery(%q): want %v, got %v, %v", tc.reason, tc.query, tc.want, got, err)
			}
		})
	}
}

func faults(t *testing.T, p metrics.Provider, w window) {
	const none = "no values found"
	cases := map[string]struct {
		reason, query string
		want          metricstest.Verdict
		text          string // a part of the error's
	}{
		"Absent":   {"There is no such series.", "target=shop.absent", metricstest.NoData, none},
		"Old":      {"All points are older than the window.", "target=shop.old", metricstest.NoData, none},
		"NoTarget": {"Nothing is asked for.", "", metricstest.NoData, none},
		"ByZero":   {"A division by zero has no value.", "target=divideSeries(shop.rate,shop.zero)", metricstest.NoData, none},
		"NaN":      {"Infinity less infinity is NaN.", "target=diffSeries(shop.endless,shop.endless)", metricstest.NoData, none},
		"Function": {
			"The server says which function it does not know.", "target=nosuch(shop.rate)", metricstest.BadQuery,
			"error response: Invalid parameters (Received request for unknown function: nosuch)",
		},
		"Arguments": {
			"The server says which argument it cannot use.", "target=summarize(shop.rate,'1hour','nosuch')", metricstest.BadQuery,
			"error response: Invalid parameters",
		},
		"Syntax": {
			"The server takes a target that it cannot read for a fault of its own.", "target=)", metricstest.ProviderError,
			"Graphite encountered an unexpected error while handling your request.",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := p.Query(t.Context(), w.query(tc.query))
			if metricstest.VerdictOn(err) != tc.want || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("%s\nQuery(%q): want %s with %q, got %v", tc.reason, tc.query, tc.want, tc.text, err)
			}
		})
	}
}
