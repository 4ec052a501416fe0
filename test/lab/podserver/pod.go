package podserver

import (
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// pod is one live pod: what it answers, what it has counted and who is connected to it.
type pod struct {
	name     types.NamespacedName
	uid      types.UID
	address  string
	version  string
	fault    fault
	answered atomic.Uint64
	draining atomic.Bool

	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec

	mutex       sync.Mutex
	connections map[net.Conn]struct{} // nil once the pod is gone
}

func newPod(from *corev1.Pod) *pod {
	labels := prometheus.Labels{"kubernetes_namespace": from.Namespace, "kubernetes_pod_name": from.Name}
	p := &pod{
		name:        types.NamespacedName{Namespace: from.Namespace, Name: from.Name},
		uid:         from.UID,
		address:     from.Status.PodIP,
		version:     version(from.Spec.Containers[0]),
		registry:    prometheus.NewRegistry(),
		connections: map[net.Conn]struct{}{},
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_requests_total", Help: "Requests answered.", ConstLabels: labels,
		}, []string{"method", "path", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_request_duration_seconds", Help: "Time taken to answer.", ConstLabels: labels,
			Buckets: prometheus.DefBuckets,
		}, []string{"method", "path", "status"}),
	}
	p.fault = parseFault(p.version)
	p.registry.MustRegister(p.requests, p.duration)
	// A series that appears with its first request loses that request to every rate(): start it at zero.
	for _, status := range []int{http.StatusOK, http.StatusInternalServerError} {
		p.series(http.MethodGet, "/", status)
	}
	return p
}

// live tells whether a pod of the API server can answer: it has an address of its own and has not ended.
func live(from *corev1.Pod) bool {
	ended := from.Status.Phase == corev1.PodSucceeded || from.Status.Phase == corev1.PodFailed
	return from.Status.PodIP != "" && !from.Spec.HostNetwork && !ended
}

func (p *pod) series(method, path string, status int) (prometheus.Counter, prometheus.Observer) {
	code := strconv.Itoa(status)
	return p.requests.WithLabelValues(method, path, code), p.duration.WithLabelValues(method, path, code)
}

func (p *pod) count(method, path string, status int, took time.Duration) {
	requests, duration := p.series(method, path, status)
	requests.Inc()
	duration.Observe(took.Seconds())
}

// join remembers a connection until it leaves; it refuses where the pod is gone already.
func (p *pod) join(c net.Conn) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.connections == nil {
		return false
	}
	p.connections[c] = struct{}{}
	return true
}

func (p *pod) leave(c net.Conn) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	delete(p.connections, c)
}

// end resets the connections that are left, as the kernel does when a container's process is killed.
func (p *pod) end() {
	p.mutex.Lock()
	left := p.connections
	p.connections = nil
	p.mutex.Unlock()
	for c := range left {
		reset(c)
	}
}

// reset closes a connection with a TCP reset.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // without it the close is an orderly one, which is all that is lost
	}
	_ = c.Close()
}
