package analysis

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// counters are series in the text format of Prometheus, and by how much each grows in a minute.
type counters map[string]float64

// minutes is how many samples a counter gets, one a minute: more than the window of a query holds.
const minutes = 10

// store writes ten minutes of every counter, the last sample ten seconds ago, and returns once they can be queried.
func store(t *testing.T, address string, all counters) {
	t.Helper()
	last := time.Now().Add(-10 * time.Second)
	var metrics []any
	for series, perMinute := range all {
		metrics = append(metrics, gauge(series, perMinute, last))
	}
	body, err := json.Marshal(dict{"resourceMetrics": []any{dict{"scopeMetrics": []any{dict{"metrics": metrics}}}}})
	if err != nil {
		t.Fatal(err)
	}
	post, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/api/v1/otlp/v1/metrics", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	post.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(post)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // it was read
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("store samples: %s %s %v", response.Status, answer, err)
	}
}

type dict = map[string]any

var label = regexp.MustCompile(`(\w+)="([^"]*)"`)

// gauge is the OTLP message for a counter; what is called a gauge is stored as it is, sample by sample.
// https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/metrics/v1/metrics.proto
func gauge(series string, perMinute float64, last time.Time) dict {
	name, labels, _ := strings.Cut(series, "{")
	var attributes, points []any
	for _, match := range label.FindAllStringSubmatch(labels, -1) {
		attributes = append(attributes, dict{"key": match[1], "value": dict{"stringValue": match[2]}})
	}
	for i := range minutes {
		at := last.Add(-time.Duration(minutes-1-i) * time.Minute)
		points = append(points, dict{
			"attributes":   attributes,
			"timeUnixNano": strconv.FormatInt(at.UnixNano(), 10),
			"asDouble":     1000 + float64(i)*perMinute,
		})
	}
	return dict{"name": name, "gauge": dict{"dataPoints": points}}
}
