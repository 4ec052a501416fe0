package standin

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// newPod listens on a port of its own and answers with its name and the Host it was asked for.
func newPod(t *testing.T, name string, status int) int32 {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, name+" "+r.Host)
	}))
	t.Cleanup(server.Close)
	_, text, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return int32(port)
}

// newProxy knows a primary that answers and a canary that fails, each with half of the traffic. Every answer takes 7 ms.
func newProxy(t *testing.T) *Proxy {
	t.Helper()
	now := time.Unix(0, 0)
	p := New(Options{Now: func() time.Time { now = now.Add(7 * time.Millisecond); return now }})
	p.table.Store(newTable(cluster{
		routes: []*unstructured.Unstructured{
			apisixRoute("shop", lead("all", "/*", 0, apisixBackend("podinfo-primary", 50), apisixBackend("podinfo-canary", 50))),
			apisixRoute("idle", map[string]any{
				"name": "idle", "match": map[string]any{"hosts": []any{"idle.example.com"}, "paths": []any{"/*"}},
				"backends": []any{apisixBackend("idle", 100)},
			}),
		},
		splits: []*unstructured.Unstructured{
			trafficSplit("podinfo", splitBackend("podinfo-canary", "50"), splitBackend("podinfo-primary", "50")),
		},
		services: []*corev1.Service{service("podinfo"), service("podinfo-primary"), service("podinfo-canary"), service("idle")},
		slices: []*discoveryv1.EndpointSlice{
			slice("podinfo-primary", "podinfo-primary-5c7d-abcde", newPod(t, "primary", http.StatusOK)),
			slice("podinfo-canary", "podinfo-6d8f-fghij", newPod(t, "canary", http.StatusInternalServerError)),
		},
	}))
	return p
}

// ask sends requests and counts the answers by body and status.
func ask(t *testing.T, handler http.Handler, url string, times int) map[string]int {
	t.Helper()
	answers := map[string]int{}
	for range times {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, url, nil))
		answers[strings.TrimSpace(answer.Body.String())+" "+strconv.Itoa(answer.Code)]++
	}
	return answers
}

func TestProxyDividesAndCounts(t *testing.T) {
	tests := map[string]struct {
		reason  string
		url     string
		want    map[string]int
		metrics []string
	}{
		"Apisix": {
			reason: "APISIX counts by rule, whoever answered.",
			url:    "http://shop.example.com/",
			want:   map[string]int{"primary shop.example.com 200": 17, "canary shop.example.com 500": 17},
			metrics: []string{
				`apisix_http_status{code="200",route="test_shop_all"} 17`,
				`apisix_http_status{code="500",route="test_shop_all"} 17`,
				`apisix_http_latency_bucket{route="test_shop_all",type="request",le="5"} 0`,
				`apisix_http_latency_bucket{route="test_shop_all",type="request",le="10"} 34`,
			},
		},
		"Linkerd": {
			reason: "Linkerd counts by Deployment, beside the pods.",
			url:    "http://podinfo.test/",
			want:   map[string]int{"primary podinfo.test 200": 17, "canary podinfo.test 500": 17},
			metrics: []string{
				`response_total{classification="success",deployment="podinfo-primary",direction="inbound",namespace="test",status_code="200"} 17`,
				`response_total{classification="failure",deployment="podinfo",direction="inbound",namespace="test",status_code="500"} 17`,
				`response_latency_ms_bucket{deployment="podinfo",direction="inbound",namespace="test",le="10"} 17`,
			},
		},
		"NoPod": {
			reason:  "Without a ready pod the proxy itself fails the request, and counts it.",
			url:     "http://idle.example.com/",
			want:    map[string]int{"no pod is ready 503": 34},
			metrics: []string{`apisix_http_status{code="503",route="test_idle_idle"} 34`},
		},
		"Unknown": {
			reason: "What nobody speaks of is not there, and is not counted.",
			url:    "http://www.example.com/",
			want:   map[string]int{"404 page not found 404": 34},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := newProxy(t)
			if diff := cmp.Diff(test.want, ask(t, p, test.url, 34)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
			answer := httptest.NewRecorder()
			p.MetricsHandler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
			lines := strings.Split(answer.Body.String(), "\n")
			for _, want := range test.metrics {
				if !slices.Contains(lines, want) {
					t.Errorf("%s missing: %s\n%s", want, test.reason, answer.Body)
				}
			}
		})
	}
}
