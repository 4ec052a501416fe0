package telemetry

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/types"
)

// span is what a collector was told of one, with the name of the span that it is a part of.
type span struct {
	Name, Parent, Error string
	Attributes          map[string]string
}

// receiver is a collector.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*collector.ExportTraceServiceRequest
	refuse   bool
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body := io.Reader(request.Body)
		if request.Header.Get("Content-Encoding") == "gzip" {
			unzipped, err := gzip.NewReader(body)
			if err != nil {
				t.Error(err)
				return
			}
			body = unzipped
		}
		content, err := io.ReadAll(body)
		message := &collector.ExportTraceServiceRequest{}
		if err := errors.Join(err, proto.Unmarshal(content, message)); err != nil || request.URL.Path != "/otlp/v1/traces" {
			t.Errorf("%s: %v", request.URL.Path, err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.requests = append(r.requests, message)
		if r.refuse {
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// spans returns what was received, in the order in which it ended.
func (r *receiver) spans() []span {
	r.mu.Lock()
	defer r.mu.Unlock()
	names, spans := map[string]string{}, []span(nil)
	for _, request := range r.requests {
		for _, resource := range request.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				for _, s := range scope.Spans {
					names[string(s.SpanId)] = s.Name
					told := span{Name: s.Name, Parent: string(s.ParentSpanId), Error: s.Status.GetMessage()}
					for _, attribute := range s.Attributes {
						if told.Attributes == nil {
							told.Attributes = map[string]string{}
						}
						told.Attributes[attribute.Key] = attribute.Value.GetStringValue()
					}
					spans = append(spans, told)
				}
			}
		}
	}
	for i := range spans {
		spans[i].Parent = names[spans[i].Parent]
	}
	return spans
}

// reconcile is a trace as the controller makes it.
func reconcile(ctx context.Context, tracer *Tracer) {
	ctx, end := tracer.Reconcile(ctx, types.NamespacedName{Namespace: "test", Name: "podinfo"})
	_, observed := tracer.Step(ctx, "observe")
	observed(nil)
	_, performed := tracer.Step(ctx, "perform")
	performed(errors.New("refused"))
	end(nil)
}

// stop ends a Tracer as a process does that was told to stop: its own context has ended.
func stop(t *testing.T, tracer *Tracer) {
	t.Helper()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	tracer.Stop(ended)
}

func TestTraceOfAReconcile(t *testing.T) {
	r := newReceiver(t)
	tracer, err := NewTracer(t.Context(), r.URL+"/otlp", "1.44.0", logr.Discard())
	if err != nil {
		t.Fatal(err)
	}
	reconcile(t.Context(), tracer)
	stop(t, tracer)
	want := []span{
		{Name: "observe", Parent: "reconcile"},
		{Name: "perform", Parent: "reconcile", Error: "refused"},
		{Name: "reconcile", Attributes: map[string]string{"flagger.canary.name": "podinfo", "k8s.namespace.name": "test"}},
	}
	if diff := cmp.Diff(want, r.spans()); diff != "" {
		t.Errorf("what was done is told, step by step (-want +got):\n%s", diff)
	}
}

func TestCollectorThatRefusesIsLogged(t *testing.T) {
	r := newReceiver(t)
	r.refuse = true
	var told string
	tracer, err := NewTracer(t.Context(), r.URL+"/otlp", "1.44.0", funcr.New(func(_, line string) { told += line }, funcr.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	reconcile(t.Context(), tracer)
	stop(t, tracer)
	if told == "" {
		t.Error("a trace that is lost is nobody's surprise")
	}
}

func TestTracerThatIsOff(t *testing.T) {
	off, err := NewTracer(t.Context(), "", "1.44.0", logr.Discard())
	if err != nil {
		t.Fatal(err)
	}
	for _, tracer := range []*Tracer{off, {}} {
		ctx := t.Context()
		if allocations := testing.AllocsPerRun(100, func() {
			inner, end := tracer.Step(ctx, "observe")
			end(nil)
			if inner != ctx {
				t.Error("nothing is begun")
			}
		}); allocations > 0 {
			t.Errorf("%v allocations for nothing", allocations)
		}
		reconcile(ctx, tracer)
		stop(t, tracer)
	}
}

func TestWrongEndpointsAreRefused(t *testing.T) {
	for _, endpoint := range []string{"collector:4318", "collector", "grpc://collector:4317", "http://", "http://[::1"} {
		if _, err := NewTracer(t.Context(), endpoint, "1.44.0", logr.Discard()); err == nil {
			t.Errorf("%s: nobody would ever see a trace", endpoint)
		}
	}
}
