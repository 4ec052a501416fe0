package event

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"

	"flagger.app/flagger/api/v1beta1"
)

// store is an API server that keeps events. It answers in simulated time, as no network is involved.
type store struct {
	// before is called at the start of each request, by number from 1; it may wait, and answer in the store's place
	// with a status other than 0 or an error.
	before func(ctx context.Context, n int) (status int, err error)

	mu sync.Mutex
	// requests are the methods of all requests, events what is kept by name, told the messages by object in order.
	requests []string
	events   map[string]corev1.Event
	told     map[string][]string
	// busy is how many requests are under way, busiest how many were at most.
	busy, busiest int
}

// always answers every request in the same way.
func always(status int, err error) func(context.Context, int) (int, error) {
	return func(context.Context, int) (int, error) { return status, err }
}

func newStore() *store {
	return &store{
		before: always(0, nil),
		events: map[string]corev1.Event{},
		told:   map[string][]string{},
	}
}

// begin notes that a request is under way and returns its number.
func (s *store) begin(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, method)
	s.busy++
	s.busiest = max(s.busiest, s.busy)
	return len(s.requests)
}

func (s *store) RoundTrip(r *http.Request) (*http.Response, error) {
	status, err := s.before(r.Context(), s.begin(r.Method))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy--
	if err != nil {
		return nil, err
	}
	answer := refusal(status, metav1.StatusReasonUnknown)
	if status == 0 {
		status, answer, err = s.keep(r)
	}
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(answer)
	return &http.Response{
		StatusCode: status,
		Header:     http.Header{"Content-Type": {"application/json"}},
		Body:       io.NopCloser(strings.NewReader(string(body))),
		Request:    r,
	}, err
}

// refusal is the body of an answer that says no.
func refusal(code int, reason metav1.StatusReason) any {
	return metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Code: int32(code), Reason: reason}
}

// keep stores the event of a request. A patch has the fields that change, none of which is nested.
func (s *store) keep(r *http.Request) (int, any, error) {
	name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	e, known := s.events[name]
	if r.Method == http.MethodPatch && !known {
		return http.StatusNotFound, refusal(http.StatusNotFound, metav1.StatusReasonNotFound), nil
	}
	if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
		return 0, nil, err
	}
	if _, taken := s.events[e.Name]; taken && r.Method == http.MethodPost {
		return http.StatusConflict, refusal(http.StatusConflict, metav1.StatusReasonAlreadyExists), nil
	}
	e.APIVersion, e.Kind, e.ResourceVersion = "v1", "Event", "1"
	s.events[e.Name] = e
	s.told[e.InvolvedObject.Name] = append(s.told[e.InvolvedObject.Name], e.Message)
	return http.StatusOK, e, nil
}

// world is a recorder, where it writes to, what it has logged and how many events it has dropped.
type world struct {
	*Recorder
	store *store

	mu      sync.Mutex
	log     []string
	dropped int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{store: newStore()}
	client, err := typedcorev1.NewForConfig(&rest.Config{
		Host:          "http://kubernetes.test",
		Transport:     w.store,
		QPS:           -1,
		ContentConfig: rest.ContentConfig{ContentType: runtime.ContentTypeJSON},
	})
	if err != nil {
		t.Fatal(err)
	}
	scheme := runtime.NewScheme()
	if err := v1beta1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	w.Recorder = New(Options{
		Client:    client,
		Scheme:    scheme,
		Component: "flagger",
		Log:       w.logger(),
		Dropped: func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.dropped++
		},
		Clock: clock.RealClock{},
	})
	return w
}

func (w *world) logger() logr.Logger {
	return funcr.New(func(_, args string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.log = append(w.log, args)
	}, funcr.Options{})
}

// result is what the correlator makes of an event that it sees for the first time.
func result(e *corev1.Event) *record.EventCorrelateResult {
	return &record.EventCorrelateResult{Event: e}
}
