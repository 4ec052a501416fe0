package event

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/tools/record/util"
	"k8s.io/client-go/tools/reference"
	"k8s.io/utils/clock"

	"flagger.app/flagger/internal/courier"
)

const (
	// burst events may follow one another for one object; client-go's default of 25 loses the end of a long rollout. It
	// is also the number of different events within ten minutes from which they are combined into one, and how many of
	// one object wait.
	burst = 100
	// remembered is how many different events are known again when they are repeated, which serves 500 objects at once
	// with two each. It takes up to 2 kB each, for as long as the process lives.
	remembered = 1024
	// drainLimit is how long Run goes on writing what was queued before it was told to end.
	drainLimit = 10 * time.Second
)

// backlog is sized for all canaries of a large cluster at the same moment: full, it holds some 40 MB. The API server
// answers within 100 ms even when it is busy, so that the workers use up the rate limit of a usual client.
var backlog = courier.Limits{Workers: 16, Backlog: burst, Total: 1 << 15}

// errTooMany is why an event is given up that has not been tried.
var errTooMany = errors.New("too many events wait to be written")

// Options are what a Recorder is made of; all are required.
type Options struct {
	// Client writes the events. Its rate limit is the recorder's.
	Client typedcorev1.EventsGetter
	// Scheme knows the kinds of the objects that events are about.
	Scheme *runtime.Scheme
	// Component is the source of all events.
	Component string
	// Log gets an echo of every event at level debug, and an error when events begin to be lost.
	Log logr.Logger
	// Dropped is called once for each event that is given up.
	Dropped func()
	Clock   clock.Clock
}

// Recorder records events. It is safe for concurrent use.
type Recorder struct {
	Options
	queue      *courier.Queue[types.UID, *corev1.Event]
	correlator *record.EventCorrelator
	// pending counts the events that are queued or being written; emptied is told when there are none.
	pending atomic.Int64
	emptied chan struct{}
	// losing tells whether an event was lost since there were none pending.
	losing atomic.Bool
	// named is the time that the last name was made of, in nanoseconds since 1970.
	named atomic.Int64
}

var _ record.EventRecorder = (*Recorder)(nil)

// New returns a Recorder. Its Run must be started for events to be written.
func New(o Options) *Recorder {
	r := &Recorder{
		Options: o,
		correlator: record.NewEventCorrelatorWithOptions(record.CorrelatorOptions{
			LRUCacheSize: remembered,
			BurstSize:    burst,
			MaxEvents:    burst,
			Clock:        o.Clock,
		}),
		emptied: make(chan struct{}, 1),
	}
	r.queue = courier.NewQueue[types.UID, *corev1.Event](backlog, func(u types.UID) string { return string(u) }, func() { r.lose(errTooMany) })
	return r
}

// Event is AnnotatedEventf without annotations and format.
func (r *Recorder) Event(object runtime.Object, eventtype, reason, message string) {
	r.record(object, nil, eventtype, reason, message)
}

// Eventf is AnnotatedEventf without annotations.
func (r *Recorder) Eventf(object runtime.Object, eventtype, reason, messageFmt string, args ...any) {
	r.record(object, nil, eventtype, reason, fmt.Sprintf(messageFmt, args...))
}

// AnnotatedEventf queues an event about object behind the others about it, in object's namespace. eventtype is Normal or
// Warning. It never blocks. An object that is too far behind loses its oldest event; when all of them together are,
// the event is lost.
func (r *Recorder) AnnotatedEventf(object runtime.Object, annotations map[string]string, eventtype, reason, messageFmt string, args ...any) {
	r.record(object, annotations, eventtype, reason, fmt.Sprintf(messageFmt, args...))
}

func (r *Recorder) record(object runtime.Object, annotations map[string]string, eventtype, reason, message string) {
	about, err := reference.GetReference(r.Scheme, object)
	if err != nil {
		r.Log.Error(err, "Refer to the object of an event", "event", message)
		return
	}
	now := metav1.NewTime(r.Clock.Now())
	e := &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{
			Name:        r.name(about.Name, now.UnixNano()),
			Namespace:   about.Namespace,
			Annotations: annotations,
		},
		InvolvedObject:      *about,
		Type:                eventtype,
		Reason:              reason,
		Message:             message,
		Source:              corev1.EventSource{Component: r.Component},
		ReportingController: r.Component,
		FirstTimestamp:      now,
		LastTimestamp:       now,
		Count:               1,
	}
	if echo := r.Log.V(1); echo.Enabled() {
		echo.Info(fmt.Sprintf("Event(%#v): type: '%v' reason: '%v' %v", e.InvolvedObject, e.Type, e.Reason, e.Message))
	}
	r.pending.Add(1)
	r.queue.Add(about.UID, e)
}

// name returns a name for an event about an object of that name, as client-go makes them, but of a time that no other event
// of this process is named by: one that exists already is taken for written.
func (r *Recorder) name(object string, now int64) string {
	for {
		last := r.named.Load()
		next := max(now, last+1)
		if r.named.CompareAndSwap(last, next) {
			return util.GenerateEventName(object, next)
		}
	}
}

// Run writes queued events until ctx ends, and then what is left, without pauses between tries and for ten seconds at
// most. It returns nil once no request is under way. It may run once.
func (r *Recorder) Run(ctx context.Context) error {
	sending, end := context.WithCancel(logr.NewContext(context.WithoutCancel(ctx), r.Log))
	defer end()
	go func() {
		defer end()
		<-ctx.Done()
		r.drain()
	}()
	r.queue.Run(sending, func(sending context.Context, _ types.UID, e *corev1.Event) {
		r.deliver(sending, ctx.Done(), e)
	})
	if left := r.pending.Load(); left > 0 {
		r.Log.Info("Events have not been written before the end", "events", left)
	}
	return nil
}

// drain returns once no event is pending, or time is up.
func (r *Recorder) drain() {
	timeUp := r.Clock.After(drainLimit)
	for r.pending.Load() > 0 {
		select {
		case <-r.emptied:
		case <-timeUp:
			return
		}
	}
}

// lose gives up an event. The first in a row is told to the log, the number of all of them is Dropped's to keep.
func (r *Recorder) lose(cause error) {
	r.Dropped()
	if !r.losing.Swap(true) {
		r.Log.Error(cause, "Events are being lost")
	}
	r.settle()
}

// settle strikes an event off the pending ones.
func (r *Recorder) settle() {
	if r.pending.Add(-1) > 0 {
		return
	}
	r.losing.Store(false)
	select {
	case r.emptied <- struct{}{}:
	default: // it has been told
	}
}
