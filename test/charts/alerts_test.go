package charts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/test/config/manifest"
)

// rule is an alert rule as Prometheus reads it.
type rule struct {
	Alert, Expr string
	For         metav1.Duration
}

func alertsFile() string { return filepath.Join(folder("flagger"), "files", "alerts.yml") }

// rules returns the alert rules of the chart.
func rules(t *testing.T) []rule {
	t.Helper()
	var file struct{ Groups []struct{ Rules []rule } }
	read(t, alertsFile(), &file)
	var all []rule
	for _, group := range file.Groups {
		all = append(all, group.Rules...)
	}
	return all
}

// The real Prometheus reads the rules, their templates included.
func TestPrometheusReadsTheAlertRules(t *testing.T) {
	awaitPrometheus(t, fmt.Sprintf("rule_files: [%q]\n", alertsFile()))
}

func TestAlertRulesGoWherePrometheusIs(t *testing.T) {
	var want map[string]any
	read(t, alertsFile(), &want)
	custom := manifest.One(t, render(t, operator("test", "prometheusRule.enabled=true")), "PrometheusRule", "flagger")
	if diff := cmp.Diff(want["groups"], custom.Object["spec"].(map[string]any)["groups"]); diff != "" {
		t.Errorf("the rules for the Prometheus operator are others (-want +got):\n%s", diff)
	}
	config := manifest.One(t, render(t, operator("test", "prometheus.install=true")), "ConfigMap", "flagger-prometheus")
	data := config.Object["data"].(map[string]any)
	if !strings.Contains(data["prometheus.yml"].(string), "rule_files: [alerts.yml]") || !strings.Contains(data["alerts.yml"].(string), "StuckRollout") {
		t.Errorf("the add-on does not load the rules: %v", data)
	}
}

// timeline is a value each minute of a story that begins then, in Unix seconds; NaN is none.
type timeline func(begin float64) []float64

// steady is the same value all the time.
func steady(value float64, minutes int) timeline {
	return func(float64) []float64 { return slices.Repeat([]float64{value}, minutes) }
}

// dated is a Unix time so many minutes after the beginning.
func dated(after float64, minutes int) timeline {
	return func(begin float64) []float64 { return slices.Repeat([]float64{begin + 60*after}, minutes) }
}

// then is one timeline after the other.
func then(first, second timeline) timeline {
	return func(begin float64) []float64 { return slices.Concat(first(begin), second(begin)) }
}

func silent(minutes int) timeline { return steady(math.NaN(), minutes) }

// Every story lasts as long as its longest series, and its end is when somebody looks at the alerts.
func TestAlerts(t *testing.T) {
	const (
		progressing = `flagger_canary_progress_timestamp_seconds{name="podinfo",namespace="test",phase="Progressing"}`
		awaiting    = `flagger_canary_progress_timestamp_seconds{name="podinfo",namespace="test",phase="WaitingPromotion"}`
		succeeded   = `flagger_canary_progress_timestamp_seconds{name="podinfo",namespace="test",phase="Succeeded"}`
		status      = `flagger_canary_status{name="podinfo",namespace="test"}`
		unanswered  = `flagger_canary_checks{name="podinfo",namespace="test",verdict="Error"}`
		failing     = `flagger_canary_checks{name="podinfo",namespace="test",verdict="Fail"}`
		elsewhere   = `flagger_canary_status{name="podinfo",namespace="prod"}`
		alerts      = `flagger_alert_dropped_total{}`
		events      = `flagger_event_webhook_dropped_total{}`
		unwritten   = `flagger_event_dropped_total{}`
		queue       = `workqueue_depth{controller="canary",name="canary",priority="0"}`
		background  = `workqueue_depth{controller="canary",name="canary",priority="-100"}`
		info        = `flagger_info{version="1.44.0"}`
	)
	tests := map[string]struct {
		reason string
		series map[string]timeline
		want   []string
	}{
		"Stuck": {"An hour at one step is no rollout.",
			map[string]timeline{progressing: dated(0, 62), status: steady(0, 62)}, []string{"StuckRollout podinfo"}},
		"Slow":     {"A step now and then is one.", map[string]timeline{progressing: then(dated(0, 50), dated(50, 50))}, nil},
		"Awaiting": {"People may take their time.", map[string]timeline{awaiting: dated(0, 90)}, nil},
		"AtRest":   {"What has succeeded stays.", map[string]timeline{succeeded: dated(0, 90), status: steady(1, 90)}, nil},
		"Failed":   {"A failure is told at once.", map[string]timeline{status: steady(2, 1)}, []string{"RolloutFailed podinfo"}},
		"ProviderDown": {"Nobody can be asked for a while.",
			map[string]timeline{unanswered: steady(2, 7), status: steady(0, 7)}, []string{"MetricProviderDown podinfo"}},
		"ProviderHiccup": {"One query that failed is none of it.", map[string]timeline{unanswered: then(silent(10), steady(1, 4))}, nil},
		"ProviderBack":   {"Nor is an outage that is over.", map[string]timeline{unanswered: then(steady(1, 10), silent(10)), failing: steady(1, 20)}, nil},
		"ProviderThen":   {"A failed rollout keeps its last checks.", map[string]timeline{unanswered: steady(1, 20), status: steady(2, 20)}, []string{"RolloutFailed podinfo"}},
		"ProviderElsewhere": {"The failure of another does not hide it.",
			map[string]timeline{unanswered: steady(1, 20), status: steady(0, 20), elsewhere: steady(2, 20)},
			[]string{"MetricProviderDown podinfo", "RolloutFailed podinfo"}},
		"AlertDropped": {"A chat did not get an alert.",
			map[string]timeline{alerts: then(steady(0, 10), steady(1, 5)), events: steady(0, 15), unwritten: steady(0, 15)},
			[]string{"NotificationsDropped"}},
		"EventDropped": {"Nor a webhook an event.",
			map[string]timeline{alerts: steady(0, 15), events: then(steady(3, 10), steady(4, 5)), unwritten: steady(0, 15)},
			[]string{"NotificationsDropped"}},
		"EventUnwritten": {"Nor the API server.",
			map[string]timeline{alerts: steady(0, 15), events: steady(3, 15), unwritten: then(steady(0, 10), steady(2, 5))},
			[]string{"NotificationsDropped"}},
		"DroppedBefore": {"That was long ago.",
			map[string]timeline{alerts: then(steady(0, 10), steady(1, 20)), events: steady(3, 30), unwritten: steady(0, 30)}, nil},
		"Queue": {"Work piles up, at whatever priority.",
			map[string]timeline{queue: steady(60, 12), background: steady(60, 12)}, []string{"HighQueue canary"}},
		"QueueAtStart": {"After a start it goes down soon.", map[string]timeline{queue: then(steady(5000, 3), steady(0, 9))}, nil},
		"Down":         {"Nobody is seen.", map[string]timeline{info: then(steady(1, 1), silent(13))}, []string{"OperatorDown"}},
		"Restarted":    {"A restart is short.", map[string]timeline{info: then(steady(1, 1), silent(8))}, nil},
	}
	address, day := testkit.StartPrometheus(t), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			day = day.AddDate(0, 0, 1) // stories are apart in time
			end := feed(t, address, day, test.series, info)
			var got []string
			for _, rule := range rules(t) {
				got = append(got, firing(t, address, rule, day, end)...)
			}
			slices.Sort(got)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
		})
	}
}

// feed stores a story, all through which there is a series called present unless the story knows better, and returns
// when it ends.
func feed(t *testing.T, address string, begin time.Time, story map[string]timeline, present string) time.Time {
	t.Helper()
	longest := 0
	var metrics []any
	add := func(series string, values []float64) {
		longest = max(longest, len(values))
		metrics = append(metrics, samples(series, begin, values))
	}
	for series, values := range story {
		add(series, values(float64(begin.Unix())))
	}
	if story[present] == nil {
		add(present, slices.Repeat([]float64{1}, longest))
	}
	body, err := json.Marshal(map[string]any{"resourceMetrics": []any{map[string]any{"scopeMetrics": []any{map[string]any{"metrics": metrics}}}}})
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Post(address+"/api/v1/otlp/v1/metrics", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // it was read
	if answer, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("store samples: %s %s %v", response.Status, answer, err)
	}
	return begin.Add(time.Duration(longest-1) * time.Minute)
}

var label = regexp.MustCompile(`(\w+)="([^"]*)"`)

// samples is the OTLP message for a series; what is called a gauge is stored as it is.
// https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/metrics/v1/metrics.proto
func samples(series string, begin time.Time, values []float64) map[string]any {
	name, labels, _ := strings.Cut(series, "{")
	var attributes, points []any
	for _, match := range label.FindAllStringSubmatch(labels, -1) {
		attributes = append(attributes, map[string]any{"key": match[1], "value": map[string]any{"stringValue": match[2]}})
	}
	for i, value := range values {
		if !math.IsNaN(value) {
			at := begin.Add(time.Duration(i) * time.Minute).UnixNano()
			points = append(points, map[string]any{"attributes": attributes, "timeUnixNano": strconv.FormatInt(at, 10), "asDouble": value})
		}
	}
	return map[string]any{"name": name, "gauge": map[string]any{"dataPoints": points}}
}

// firing returns the alerts of a rule, each with its label name, that have been true for as long as the rule asks.
func firing(t *testing.T, address string, r rule, begin, end time.Time) []string {
	t.Helper()
	query := url.Values{"query": {r.Expr}, "step": {"60"}, "start": {begin.Format(time.RFC3339)}, "end": {end.Format(time.RFC3339)}}
	var answer struct {
		Error string
		Data  struct {
			Result []struct {
				Metric map[string]string
				Values [][2]any
			}
		}
	}
	ask(t, address+"/api/v1/query_range?"+query.Encode(), &answer)
	if answer.Error != "" {
		t.Fatalf("%s: %s", r.Alert, answer.Error)
	}
	var alerts []string
	for _, series := range answer.Data.Result {
		since, last := end, end.Add(time.Minute)
		for _, sample := range slices.Backward(series.Values) {
			at := time.Unix(int64(sample[0].(float64)), 0)
			if at.Before(last.Add(-time.Minute)) {
				break // it was false in between
			}
			since, last = at, at
		}
		if last.After(end) || end.Sub(since) < r.For.Duration {
			continue
		}
		alerts = append(alerts, strings.TrimSpace(r.Alert+" "+series.Metric["name"]))
	}
	return alerts
}

// ask decodes the answer of Prometheus.
func ask(t *testing.T, address string, into any) {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // it was read
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}
