package podserver

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// bench is a server on loopback addresses of its own, one per pod, with a clock that only latency moves.
type bench struct {
	*Server
	t         *testing.T
	addresses map[string]string // pod address -> address with port
	now       atomic.Int64
}

func newBench(t *testing.T, addresses ...string) *bench {
	t.Helper()
	b := &bench{t: t, addresses: map[string]string{}}
	b.Server = New(Options{
		Now:  func() time.Time { return time.Unix(0, b.now.Load()) },
		Wait: func(_ context.Context, latency time.Duration) { b.now.Add(int64(latency)) },
	})
	for _, address := range addresses {
		listener, err := net.Listen("tcp", address+":0")
		if err != nil {
			t.Fatalf("listen on %s: %v", address, err)
		}
		b.addresses[address] = listener.Addr().String()
		served := make(chan error, 1)
		ctx, cancel := context.WithCancel(context.Background())
		go func() { served <- b.Serve(ctx, listener) }()
		t.Cleanup(func() {
			cancel()
			if err := <-served; err != nil {
				t.Errorf("serve %s: %v", address, err)
			}
		})
	}
	return b
}

// client returns a client whose connections end with the test.
func (b *bench) client() *http.Client {
	transport := &http.Transport{}
	b.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (b *bench) get(c *http.Client, address, path string) (*http.Response, string) {
	b.t.Helper()
	response, err := c.Get("http://" + b.addresses[address] + path)
	if err != nil {
		b.t.Fatalf("get %s%s: %v", address, path, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatalf("read %s%s: %v", address, path, err)
	}
	return response, string(body)
}

const (
	firstAddress  = "127.0.9.1"
	secondAddress = "127.0.9.2"
)

func running(name, address, image string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: name, UID: types.UID(name)},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Image: image}}},
		Status:     corev1.PodStatus{PodIP: address, Phase: corev1.PodRunning},
	}
}

func terminating(pod *corev1.Pod) *corev1.Pod {
	pod = pod.DeepCopy()
	pod.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
	return pod
}

func TestEachAddressAnswersAsItsPod(t *testing.T) {
	b := newBench(t, firstAddress, secondAddress)
	b.Set(running("app-primary-1", firstAddress, "registry.local:5000/app:1.0.0"))
	b.Set(running("app-1", secondAddress, "registry.local:5000/app:1.0.1"))

	for address, want := range map[string]answer{
		firstAddress:  {Namespace: "test", Pod: "app-primary-1", Version: "1.0.0", Path: "/hello"},
		secondAddress: {Namespace: "test", Pod: "app-1", Version: "1.0.1", Path: "/hello"},
	} {
		response, body := b.get(b.client(), address, "/hello")
		var got answer
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("answer of %s (-want +got):\n%s", address, diff)
		}
		headers := []string{response.Header.Get(PodHeader), response.Header.Get(VersionHeader)}
		if diff := cmp.Diff([]string{want.Pod, want.Version}, headers); diff != "" {
			t.Errorf("headers of %s (-want +got):\n%s", address, diff)
		}
	}
}

func TestFaultsAreExactAndMarked(t *testing.T) {
	b := newBench(t, firstAddress)
	b.Set(running("app", firstAddress, "app:1.0.1-err20"))
	c := b.client()
	failed := 0
	for range 100 {
		response, _ := b.get(c, firstAddress, "/")
		marked := response.Header.Get(FaultHeader) == FaultApp
		if marked != (response.StatusCode == http.StatusInternalServerError) {
			t.Fatalf("status %d, marked as the app's fault: %t", response.StatusCode, marked)
		}
		if marked {
			failed++
		}
	}
	if failed != 20 {
		t.Errorf("%d of 100 answers failed, want 20", failed)
	}
}

func TestLifeOfAPod(t *testing.T) {
	b := newBench(t, firstAddress)
	if _, err := b.client().Get("http://" + b.addresses[firstAddress]); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
		t.Errorf("an address without a pod: %v, want a reset", err)
	}

	pod := running("app", firstAddress, "app:1.0.0")
	b.Set(pod)
	c := b.client()
	if response, _ := b.get(c, firstAddress, "/"); response.Close {
		t.Error("a live pod asked its client to go")
	}

	b.Set(terminating(pod))
	response, _ := b.get(c, firstAddress, "/")
	if response.StatusCode != http.StatusOK || !response.Close {
		t.Errorf("draining pod: status %d, asks to close: %t; want an answer and the wish to close", response.StatusCode, response.Close)
	}

	idle := dialAndAsk(t, b.addresses[firstAddress])
	b.Remove(pod)
	if _, err := idle.Read(make([]byte, 1)); err == nil {
		t.Error("a connection outlived its pod")
	}
	if _, err := b.client().Get("http://" + b.addresses[firstAddress]); err == nil {
		t.Error("a pod that is gone answered")
	}
}

// dialAndAsk returns a connection that has had one answer and is kept.
func dialAndAsk(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := fmt.Fprintf(c, "GET /healthz HTTP/1.1\r\nHost: app\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return c
}

func TestAnAddressGivenToANewPodAnswersAsThatPod(t *testing.T) {
	b := newBench(t, firstAddress)
	before := running("before", firstAddress, "app:1.0.0")
	b.Set(before)
	b.Set(running("after", firstAddress, "app:2.0.0"))
	b.Remove(before) // the news of the first pod's end comes late

	response, _ := b.get(b.client(), firstAddress, "/")
	if got := response.Header.Get(PodHeader); got != "after" {
		t.Errorf("answered by %q, want the pod that has the address now", got)
	}
}

func TestMetrics(t *testing.T) {
	b := newBench(t, firstAddress, secondAddress)
	first := running("first", firstAddress, "app:1.0.0-slow250")
	b.Set(first)
	b.Set(running("second", secondAddress, "app:1.0.0"))
	for range 3 {
		b.get(b.client(), firstAddress, "/orders")
		b.get(b.client(), firstAddress, "/healthz")
	}
	const (
		counted = `http_requests_total{kubernetes_namespace="test",kubernetes_pod_name="first",method="GET",path="/orders",status="200"} 3`
		seconds = `http_request_duration_seconds_sum{kubernetes_namespace="test",kubernetes_pod_name="first",method="GET",path="/orders",status="200"} 0.75`
		zero    = `http_request_duration_seconds_count{kubernetes_namespace="test",kubernetes_pod_name="second",method="GET",path="/",status="200"} 0`
	)
	tests := map[string]struct {
		reason  string
		metrics func() string
		has     []string
		lacks   []string
	}{
		"OwnMetricsOfAPod": {
			reason:  "Prometheus may scrape each pod; it must not see the neighbours there.",
			metrics: func() string { _, body := b.get(b.client(), firstAddress, "/metrics"); return body },
			has:     []string{counted, seconds},
			lacks:   []string{`"second"`, "/healthz"},
		},
		"AllPodsAtOnce": {
			reason:  "One target holds every pod, and a pod nobody asked yet counts from zero.",
			metrics: func() string { return b.scrape() },
			has:     []string{counted, seconds, zero},
		},
		"SeriesEndWithTheirPod": {
			reason:  "A pod that is gone must not look like one without traffic.",
			metrics: func() string { b.Remove(first); return b.scrape() },
			has:     []string{zero},
			lacks:   []string{`"first"`},
		},
	}
	for _, name := range []string{"OwnMetricsOfAPod", "AllPodsAtOnce", "SeriesEndWithTheirPod"} {
		test := tests[name]
		t.Run(name, func(t *testing.T) {
			got := test.metrics()
			for _, line := range test.has {
				if !strings.Contains(got, line) {
					t.Errorf("%s Missing:\n%s\nin:\n%s", test.reason, line, got)
				}
			}
			for _, text := range test.lacks {
				if strings.Contains(got, text) {
					t.Errorf("%s Not wanted: %s\nin:\n%s", test.reason, text, got)
				}
			}
		})
	}
}

// scrape reads the metrics of all pods.
func (b *bench) scrape() string {
	recorder := httptest.NewRecorder()
	b.MetricsHandler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
	return recorder.Body.String()
}

func TestPathsAreBounded(t *testing.T) {
	s := New(Options{})
	for i := range 3 * maxPaths {
		s.path(fmt.Sprintf("/%d", i))
	}
	if got := s.path("/one-more"); got != "other" {
		t.Errorf("path label %q after many paths, want %q", got, "other")
	}
	if got := s.path("/"); got != "/" {
		t.Errorf("path label %q for a known path, want it kept", got)
	}
}

func TestParseFault(t *testing.T) {
	tests := map[string]struct {
		reason string
		image  string
		want   fault
	}{
		"PlainVersion":    {reason: "A version alone is healthy.", image: "app:1.0.1"},
		"Errors":          {reason: "errN is a percentage.", image: "app:1.0.1-err20", want: fault{errorPercent: 20}},
		"Latency":         {reason: "slowN is in milliseconds.", image: "app:1.0.1-slow300", want: fault{latency: 300 * time.Millisecond}},
		"Tail":            {reason: "tailN is in milliseconds.", image: "app:1.0.1-tail2000", want: fault{tail: 2 * time.Second}},
		"Both":            {reason: "Faults add up.", image: "app:1-err5-slow50", want: fault{errorPercent: 5, latency: 50 * time.Millisecond}},
		"NoNumber":        {reason: "A word that begins alike is part of the version.", image: "app:1-errata"},
		"MoreThanAll":     {reason: "No image fails more than every answer.", image: "app:1-err101"},
		"RegistryPort":    {reason: "A registry's port is no tag.", image: "registry:5000/app"},
		"TagAndDigest":    {reason: "A digest does not hide the tag.", image: "app:1-err7@sha256:00ff", want: fault{errorPercent: 7}},
		"PortAndTag":      {reason: "The last colon is the tag's.", image: "registry:5000/app:1-slow1", want: fault{latency: time.Millisecond}},
		"FaultInTheName":  {reason: "Only the tag has faults.", image: "app-err50:1.0.0"},
		"Config":          {reason: "What is wrong may come with the configuration.", image: "app:1.0.1+blue-err20", want: fault{errorPercent: 20}},
		"NegativePercent": {reason: "A sign is no digit.", image: "app:1-err-5"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := parseFault(tag(test.image))
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(fault{})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
		})
	}
}

func TestDelay(t *testing.T) {
	f := fault{latency: time.Second, tail: time.Minute}
	for n, want := range map[uint64]time.Duration{1: time.Second, 99: time.Second, 100: time.Minute + time.Second, 101: time.Second} {
		if got := f.delay(n); got != want {
			t.Errorf("answer %d takes %s longer, want %s: every hundredth is the slow one", n, got, want)
		}
	}
}
