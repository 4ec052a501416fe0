package prometheus

import (
	"bytes"
	"encoding/binary"
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/encoding/protowire"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/analysis"
	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/testkit"
)

// series is what a counter showed once a minute, the last time ten seconds ago.
type series struct {
	labels map[string]string // with __name__
	values []float64
}

// write stores the samples through the remote-write protocol, version 1.
func write(t *testing.T, address string, all []series) {
	t.Helper()
	last := time.Now().Add(-10 * time.Second)
	var request []byte
	for _, s := range all {
		request = protowire.AppendTag(request, 1, protowire.BytesType)
		request = protowire.AppendBytes(request, s.encode(last))
	}
	post, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/api/v1/write", bytes.NewReader(snappy(request)))
	if err != nil {
		t.Fatal(err)
	}
	post.Header.Set("Content-Encoding", "snappy")
	post.Header.Set("Content-Type", "application/x-protobuf")
	post.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	resp, err := http.DefaultClient.Do(post)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		t.Fatalf("remote write: %s %s %v", resp.Status, body, err)
	}
}

// encode returns the message prometheus.TimeSeries: labels (1: name, 2: value), samples (1: value, 2: milliseconds).
func (s series) encode(last time.Time) []byte {
	var message []byte
	for _, name := range sortedKeys(s.labels) {
		var label []byte
		label = protowire.AppendTag(label, 1, protowire.BytesType)
		label = protowire.AppendString(label, name)
		label = protowire.AppendTag(label, 2, protowire.BytesType)
		label = protowire.AppendString(label, s.labels[name])
		message = protowire.AppendTag(message, 1, protowire.BytesType)
		message = protowire.AppendBytes(message, label)
	}
	for i, value := range s.values {
		at := last.Add(-time.Duration(len(s.values)-1-i) * time.Minute)
		var sample []byte
		sample = protowire.AppendTag(sample, 1, protowire.Fixed64Type)
		sample = protowire.AppendFixed64(sample, math.Float64bits(value))
		sample = protowire.AppendTag(sample, 2, protowire.VarintType)
		sample = protowire.AppendVarint(sample, uint64(at.UnixMilli()))
		message = protowire.AppendTag(message, 2, protowire.BytesType)
		message = protowire.AppendBytes(message, sample)
	}
	return message
}

// snappy returns data in the block format of Snappy, as one literal: nothing is compressed.
// https://github.com/google/snappy/blob/main/format_description.txt, section 2.1, tag 62: three bytes of length.
func snappy(data []byte) []byte {
	size := len(data) - 1
	block := binary.AppendUvarint(nil, uint64(len(data)))
	block = append(block, 62<<2, byte(size), byte(size>>8), byte(size>>16))
	return append(block, data...)
}

func sortedKeys(labels map[string]string) []string {
	return slices.Sorted(maps.Keys(labels))
}

// minutes is how long the samples go back, longer than every window asked for.
const minutes = 10

// growing is a counter of one pod that grows by so much each minute.
func growing(name, pod, status, le string, perMinute float64) series {
	s := series{labels: map[string]string{
		"__name__": name, "kubernetes_namespace": "prod", "kubernetes_pod_name": pod,
		"method": "GET", "path": "root", "status": status,
	}}
	if le != "" {
		s.labels["le"] = le
	}
	for i := range minutes {
		s.values = append(s.values, 1000+float64(i)*perMinute)
	}
	return s
}

// requests counts what a pod answered with status.
func requests(pod, status string, perMinute float64) series {
	return growing("http_request_duration_seconds_count", pod, status, "", perMinute)
}

// durations are buckets of a pod: 90 % of its answers take at most fast seconds, all of them five times as long.
func durations(pod string, fast float64) []series {
	const name = "http_request_duration_seconds_bucket"
	le := func(seconds float64) string { return strconv.FormatFloat(seconds, 'g', -1, 64) }
	return []series{
		growing(name, pod, "200", le(fast), 90),
		growing(name, pod, "200", le(5*fast), 100),
		growing(name, pod, "200", "+Inf", 100),
	}
}

// measured asks the real server for a builtin metric of target.
func measured(t *testing.T, p metrics.Provider, kind, target, metric string) (float64, error) {
	t.Helper()
	c := &v1beta1.Canary{ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: "prod"}}
	c.Spec.TargetRef = v1beta1.LocalObjectReference{APIVersion: "apps/v1", Kind: kind, Name: target}
	family, err := analysis.FamilyOf("kubernetes", metric)
	if err != nil {
		t.Fatal(err)
	}
	model := analysis.NewModel(c, v1beta1.CanaryMetric{Name: metric, Interval: "5m"})
	text, err := family.Query(metric, model)
	if err != nil {
		t.Fatal(err)
	}
	return p.Query(t.Context(), text)
}

func TestAgainstPrometheus(t *testing.T) {
	address := testkit.StartPrometheus(t)
	samples := []series{
		requests("podinfo-6d5f8c9-abcde", "200", 90), requests("podinfo-6d5f8c9-abcde", "503", 10),
		requests("podinfo-primary-77c9d-x2z4k", "500", 1000),
		requests("agent-k7x2p", "200", 75), requests("agent-k7x2p", "500", 25),
		requests("agent-primary-q8r5t", "500", 1000),
		requests("broken-5d4f7-aaaaa", "500", 10),
		requests("asleep-5d4f7-aaaaa", "200", 0),
	}
	samples = append(samples, durations("podinfo-6d5f8c9-abcde", 0.1)...)
	samples = append(samples, durations("podinfo-primary-77c9d-x2z4k", 10)...)
	samples = append(samples, durations("agent-k7x2p", 0.2)...)
	samples = append(samples, durations("agent-primary-q8r5t", 10)...)
	write(t, address, samples)
	p := provider(t, address)

	if err := p.Online(t.Context()); err != nil {
		t.Errorf("A real server is online: %v", err)
	}
	t.Run("Builtin", func(t *testing.T) { builtinMetrics(t, p) })
	t.Run("Queries", func(t *testing.T) { ownQueries(t, p) })
}

func builtinMetrics(t *testing.T, p metrics.Provider) {
	const rate, duration = analysis.RequestSuccessRate, analysis.RequestDuration
	cases := map[string]struct {
		reason, kind, target, metric string
		want                         float64
		fault                        string
	}{
		"Rate":              {"A Deployment's canary counts, its primary does not.", "Deployment", "podinfo", rate, 90, none},
		"Duration":          {"The 99th percentile is nine tenths into the slower bucket.", "Deployment", "podinfo", duration, 0.46, none},
		"DaemonSetRate":     {"A DaemonSet's canary counts, its primary does not.", "DaemonSet", "agent", rate, 75, none},
		"DaemonSetDuration": {"The same holds for durations.", "DaemonSet", "agent", duration, 0.92, none},
		"OnlyErrors":        {"Nothing but errors is a success rate of 0.", "Deployment", "broken", rate, 0, none},
		"NoSeries":          {"A canary that nobody called has no success rate.", "Deployment", "absent", rate, 0, noData},
		"NoSeriesDuration":  {"Nor a duration.", "Deployment", "absent", duration, 0, noData},
		"NoTraffic":         {"A counter that rests is no traffic either.", "Deployment", "asleep", rate, 0, noData},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := measured(t, p, tc.kind, tc.target, tc.metric)
			if faultOf(err) != tc.fault || !cmp.Equal(tc.want, got, cmpopts.EquateApprox(0, 1e-9)) {
				t.Errorf("%s\n%s of %s: want %v with %s, got %v, %v", tc.reason, tc.metric, tc.target, tc.want, tc.fault, got, err)
			}
		})
	}
}

func ownQueries(t *testing.T, p metrics.Provider) {
	cases := map[string]struct {
		reason, query string
		want          float64
		fault         string
	}{
		"Scalar":     {"A scalar has a value.", "scalar(vector(7))", 7, none},
		"Comment":    {"A comment hides its own line alone.", "vector(7) # seven\n + 1", 8, none},
		"NaN":        {"NaN is no value.", "vector(0) / 0", 0, noData},
		"Infinite":   {"Infinity is one.", "vector(1) / 0", math.Inf(1), none},
		"Range":      {"A range of values is the query's fault.", "http_request_duration_seconds_count[5m]", 0, query},
		"String":     {"So is a string.", `"up"`, 0, query},
		"Malformed":  {"So is a typing error.", "sum(", 0, query},
		"Unsolvable": {"So is what the server cannot run.", "http_request_duration_seconds_count + on(method) http_request_duration_seconds_count", 0, query},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := p.Query(t.Context(), tc.query)
			if faultOf(err) != tc.fault || got != tc.want {
				t.Errorf("%s\nQuery(%q): want %v with %s, got %v, %v", tc.reason, tc.query, tc.want, tc.fault, got, err)
			}
		})
	}
}
