package testkit

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/record"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

// ProvidersProbe is what Checks records when it is asked for all metrics providers instead of one metric.
const ProvidersProbe = "providers"

// Checks is a metrics back end that answers from a script. What the script does not name passes. The zero value is
// ready, and safe for concurrent use.
type Checks struct {
	mu      sync.Mutex
	answers map[string]rollout.Answer
	next    error
	calls   []string
}

// Script makes a the answer for a metric, or for ProvidersProbe, until another is set.
func (k *Checks) Script(metric string, a rollout.Answer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.answers == nil {
		k.answers = map[string]rollout.Answer{}
	}
	k.answers[metric] = a
}

// NextErr makes the next question, whichever it is, meet a provider that does not answer.
func (k *Checks) NextErr(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.next = err
}

// Calls returns the metrics asked for since the last Reset; those asked for at the same time are in no certain order.
func (k *Checks) Calls() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.calls)
}

// Reset forgets the script and the calls.
func (k *Checks) Reset() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.answers, k.next, k.calls = nil, nil, nil
}

// Measure answers for the metric at index of c's analysis.
func (k *Checks) Measure(_ context.Context, c *v1beta1.Canary, index int) rollout.Answer {
	return k.ask(c.GetAnalysis().Metrics[index].Name)
}

// Available answers for ProvidersProbe.
func (k *Checks) Available(context.Context, *v1beta1.Canary) rollout.Answer {
	return k.ask(ProvidersProbe)
}

func (k *Checks) ask(name string) rollout.Answer {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls = append(k.calls, name)
	if err := k.next; err != nil {
		k.next = nil
		return rollout.Answer{Verdict: rollout.ProviderError, Message: err.Error()}
	}
	if a, scripted := k.answers[name]; scripted {
		return a
	}
	return rollout.Answer{Verdict: rollout.Pass}
}

// HookCall is one call of a webhook.
type HookCall struct {
	Name string
	Type v1beta1.HookType
	// Phase is what the receiver was told.
	Phase v1beta1.CanaryPhase
}

// Hooks is the receiver of all webhooks. It agrees to everything but what Close names. The zero value is ready, and
// safe for concurrent use.
type Hooks struct {
	mu        sync.Mutex
	closed    map[string]error
	next      error
	calls     []HookCall
	announced []rollout.Event
}

// Close makes the hook of that name answer err until Open.
func (h *Hooks) Close(name string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed == nil {
		h.closed = map[string]error{}
	}
	h.closed[name] = err
}

// Open makes the hook of that name agree again.
func (h *Hooks) Open(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.closed, name)
}

// NextErr makes the next call, whichever it is, answer err.
func (h *Hooks) NextErr(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next = err
}

// Calls returns the calls since the last Reset, in their order.
func (h *Hooks) Calls() []HookCall {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.calls)
}

// Announced returns the events that were handed over for event hooks since the last Reset.
func (h *Hooks) Announced() []rollout.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.announced)
}

// Reset opens every hook and forgets the calls.
func (h *Hooks) Reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed, h.next, h.calls, h.announced = nil, nil, nil, nil
}

// Call records the call and answers from the script.
func (h *Hooks) Call(_ context.Context, _ *v1beta1.Canary, w v1beta1.CanaryWebhook, phase v1beta1.CanaryPhase) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, HookCall{Name: w.Name, Type: w.Type, Phase: phase})
	if err := h.next; err != nil {
		h.next = nil
		return err
	}
	return h.closed[w.Name]
}

// Announce records the event.
func (h *Hooks) Announce(_ *v1beta1.Canary, e rollout.Event, _ time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.announced = append(h.announced, e)
}

// Alerts keeps alerts instead of sending them. The zero value is ready, and safe for concurrent use.
type Alerts struct {
	mu     sync.Mutex
	alerts []rollout.Alert
}

// Alert records the alert.
func (s *Alerts) Alert(_ *v1beta1.Canary, a rollout.Alert) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alerts = append(s.alerts, a)
}

// Alerts returns the alerts since the last Reset, in their order.
func (s *Alerts) Alerts() []rollout.Alert {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.alerts)
}

// Reset forgets the alerts.
func (s *Alerts) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alerts = nil
}

// Event is one Kubernetes event as it was handed to the Recorder.
type Event struct {
	// Object is the name of the object that it is about.
	Object, Type, Reason, Message string
	Annotations                   map[string]string
}

// Recorder keeps events instead of sending them. The zero value is ready, and safe for concurrent use.
type Recorder struct {
	// Sent, if set, gets a copy of every event; whoever records waits for the reader.
	Sent chan<- Event

	mu     sync.Mutex
	events []Event
}

var _ record.EventRecorder = (*Recorder)(nil)

// Events returns the events since the last Reset, in their order.
func (r *Recorder) Events() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// Reset forgets the events.
func (r *Recorder) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = nil
}

// Event implements record.EventRecorder.
func (r *Recorder) Event(object runtime.Object, eventtype, reason, message string) {
	r.AnnotatedEventf(object, nil, eventtype, reason, "%s", message)
}

// Eventf implements record.EventRecorder.
func (r *Recorder) Eventf(object runtime.Object, eventtype, reason, messageFmt string, args ...any) {
	r.AnnotatedEventf(object, nil, eventtype, reason, messageFmt, args...)
}

// AnnotatedEventf implements record.EventRecorder.
func (r *Recorder) AnnotatedEventf(object runtime.Object, annotations map[string]string, eventtype, reason, messageFmt string, args ...any) {
	event := Event{Type: eventtype, Reason: reason, Message: fmt.Sprintf(messageFmt, args...), Annotations: annotations}
	if named, err := meta.Accessor(object); err == nil {
		event.Object = named.GetName()
	}
	r.mu.Lock()
	r.events = append(r.events, event)
	r.mu.Unlock()
	if r.Sent != nil {
		r.Sent <- event
	}
}
