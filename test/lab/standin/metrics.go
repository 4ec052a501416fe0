package standin

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are those of both proxies that the stand-in stands in for.
type metrics struct {
	registry                       *prometheus.Registry
	gatewayAnswers, meshAnswers    *prometheus.CounterVec
	gatewayDurations, meshDuration *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		gatewayAnswers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "apisix_http_status", Help: "Answers of the stand-in for APISIX.",
		}, []string{"code", "route"}),
		gatewayDurations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "apisix_http_latency", Help: "Time that the stand-in for APISIX took to answer, in milliseconds.",
			Buckets: []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000},
		}, []string{"type", "route"}),
		meshAnswers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "response_total", Help: "Answers of the stand-in for a pod's Linkerd proxy.",
		}, []string{"direction", "namespace", "deployment", "classification", "status_code"}),
		meshDuration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "response_latency_ms", Help: "Time that the stand-in for a pod's Linkerd proxy took to answer, in milliseconds.",
			Buckets: []float64{1, 2, 3, 4, 5, 10, 20, 30, 40, 50, 100, 200, 300, 400, 500, 1000, 2000, 5000, 10000, 50000},
		}, []string{"direction", "namespace", "deployment"}),
	}
	m.registry.MustRegister(m.gatewayAnswers, m.gatewayDurations, m.meshAnswers, m.meshDuration)
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// countGateway counts an answer to a request that came by a rule of an ApisixRoute.
func (m *metrics) countGateway(rule string, status int, took time.Duration) {
	m.gatewayAnswers.WithLabelValues(strconv.Itoa(status), rule).Inc()
	m.gatewayDurations.WithLabelValues("request", rule).Observe(milliseconds(took))
}

// countMesh counts an answer of a pod.
func (m *metrics) countMesh(namespace, pod string, status int, took time.Duration) {
	const direction = "inbound"
	classification := "success"
	if status >= http.StatusInternalServerError {
		classification = "failure"
	}
	deployment := deploymentOf(pod)
	m.meshAnswers.WithLabelValues(direction, namespace, deployment, classification, strconv.Itoa(status)).Inc()
	m.meshDuration.WithLabelValues(direction, namespace, deployment).Observe(milliseconds(took))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// deploymentOf is the Deployment of a pod by the pod's name, which ends in the hash of a ReplicaSet and five characters.
func deploymentOf(pod string) string {
	parts := strings.Split(pod, "-")
	return strings.Join(parts[:max(0, len(parts)-2)], "-")
}
