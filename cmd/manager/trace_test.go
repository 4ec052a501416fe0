package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"flagger.app/flagger/internal/testkit"
)

// traced is a collector that remembers the names of the spans it was sent.
type traced struct {
	mu    sync.Mutex
	names map[string]bool
}

func (c *traced) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	content, err := io.ReadAll(r.Body)
	message := &collector.ExportTraceServiceRequest{}
	if err != nil || proto.Unmarshal(content, message) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range message.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			for _, span := range scope.Spans {
				c.names[span.Name] = true
			}
		}
	}
}

// A reconcile that waits for an answer when the operator is told to stop is the one that its operators will want to see.
func TestTheLastTraceIsSent(t *testing.T) {
	y, cfg := newTenancy(t)
	waits := make(chan struct{}, 1)
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case waits <- struct{}{}:
		default: // the test knows
		}
		<-r.Context().Done()
	}))
	defer silent.Close()
	sent := &traced{names: map[string]bool{}}
	to := httptest.NewServer(sent)
	defer to.Close()
	y.metric("silent", "prometheus", silent.URL, nil)

	p := launch(t, "-mesh-provider=kubernetes", "-kubeconfig", testkit.Kubeconfig(t, cfg), "-port=127.0.0.1:0",
		"-namespace", y.namespace, "-metrics-server", answering(t), "-otlp-endpoint", to.URL)
	<-waits
	p.signal(syscall.SIGTERM)
	p.exit()
	if !sent.names["ask"] {
		t.Errorf("the question that was open is not in the traces, which have %v:\n%s", sent.names, strings.Join(p.lines, "\n"))
	}
}
