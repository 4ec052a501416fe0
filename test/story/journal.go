//go:build linux

package story

import (
	"context"
	"fmt"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/lab/load"
)

// Moment is everything known of an app after one change of one of its objects.
type Moment struct {
	At     time.Time // when the change was seen
	Status v1beta1.CanaryStatus
	Gone   bool // the Canary, deleted
	// Routed says that there is the object that divides traffic; Weight is the canary's percentage in it.
	Routed bool
	Weight int
	// Target and Primary are the two workloads.
	Target, Primary Replicas
	// Said is set if the change was an event about the Canary.
	Said *Saying
	// Load is how many requests had ended, and how.
	Load load.Counts
}

// Replicas are a workload's pods, and how often its template has changed (its own revision number); of a workload that is
// not there, zero. The pods of a DaemonSet are those that its controller wants.
type Replicas struct {
	Wanted   int32
	Revision string
}

// Saying is an event about the Canary.
type Saying struct {
	Type    string // Normal or Warning
	Message string
	Reason  string // the typed one, of the annotation
}

// Journal is the sequence of an app's moments. Its methods may be called from any goroutine.
type Journal struct {
	now     func() time.Time
	divider *Provider
	counts  func() load.Counts
	mutex   sync.Mutex
	moments []Moment
	news    chan struct{} // closed with the next moment
	err     error         // of a watch that ended
}

// Follow keeps a journal of an app, whose namespace exists, until ctx ends. Objects that exist already are its first
// moments.
func (s *Stage) Follow(ctx context.Context, a App) (*Journal, error) {
	j := &Journal{
		now: s.now, divider: a.provider(), counts: func() load.Counts { return load.Counts{} }, news: make(chan struct{}),
	}
	lists := []client.ObjectList{&v1beta1.CanaryList{}, j.divider.list(), &appsv1.DeploymentList{}, &appsv1.DaemonSetList{}, &corev1.EventList{}}
	for _, list := range lists {
		changes, err := s.Client.Watch(ctx, list, client.InNamespace(a.Namespace))
		if err != nil {
			return nil, fmt.Errorf("watch %T: %w", list, err)
		}
		go func() {
			defer changes.Stop()
			for change := range changes.ResultChan() {
				j.note(change.Type, change.Object)
			}
			j.end(ctx)
		}()
	}
	return j, nil
}

// Count makes the traffic's counts part of the moments to come.
func (j *Journal) Count(t *Traffic) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.counts = t.Snapshot
}

// Load is how many requests have ended by now, and how.
func (j *Journal) Load() load.Counts {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	return j.counts()
}

// note adds the moment that a change makes of the one before, if it makes a difference to a story.
func (j *Journal) note(kind watch.EventType, object runtime.Object) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	var next Moment
	if n := len(j.moments); n > 0 {
		next = j.moments[n-1]
	}
	next.Said = nil
	if !next.take(kind, object, j.divider) {
		return
	}
	next.At, next.Load = j.now(), j.counts()
	j.moments = append(j.moments, next)
	close(j.news)
	j.news = make(chan struct{})
}

// end tells those who wait that nothing will come any more.
func (j *Journal) end(ctx context.Context) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	if j.err != nil {
		return
	}
	if j.err = context.Cause(ctx); j.err == nil {
		j.err = errWatchEnded
	}
	close(j.news)
	j.news = make(chan struct{})
}

// take puts one object into the moment; it returns false for one that no story is about.
func (m *Moment) take(kind watch.EventType, object runtime.Object, divider *Provider) bool {
	switch o := object.(type) {
	case *v1beta1.Canary:
		m.Status, m.Gone = o.Status, kind == watch.Deleted
	case *appsv1.Deployment:
		m.count(kind, o, Replicas{Wanted: ptr.Deref(o.Spec.Replicas, 1), Revision: o.Annotations["deployment.kubernetes.io/revision"]})
	case *appsv1.DaemonSet:
		m.count(kind, o, Replicas{Wanted: o.Status.DesiredNumberScheduled, Revision: o.Annotations[appsv1.DeprecatedTemplateGeneration]})
	case *corev1.Event:
		if o.InvolvedObject.Kind != v1beta1.CanaryKind || kind == watch.Deleted {
			return false
		}
		m.Said = &Saying{Type: o.Type, Message: o.Message, Reason: o.Annotations["flagger.app/reason"]}
	case client.Object: // of the divider's kind
		if o.GetName() != divider.object {
			return false
		}
		m.Routed, m.Weight = kind != watch.Deleted, divider.weight(o)
	default:
		return false
	}
	return true
}

// count puts the replicas of one of the two workloads into the moment.
func (m *Moment) count(kind watch.EventType, workload client.Object, replicas Replicas) {
	if kind == watch.Deleted {
		replicas = Replicas{}
	}
	switch workload.GetName() {
	case Name:
		m.Target = replicas
	case primary:
		m.Primary = replicas
	}
}

// Mark is the number of moments so far, from which a later look can begin.
func (j *Journal) Mark() int {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	return len(j.moments)
}

// Since returns the moments from mark on. They are not to be changed.
func (j *Journal) Since(mark int) []Moment {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	return j.moments[min(mark, len(j.moments)):len(j.moments):len(j.moments)]
}

// Await returns the first moment from mark on that is as wanted, now or when it comes.
func (j *Journal) Await(ctx context.Context, mark int, wanted func(Moment) bool) (Moment, error) {
	for {
		j.mutex.Lock()
		news, err := j.news, j.err
		seen := j.moments[min(mark, len(j.moments)):]
		j.mutex.Unlock()
		for _, m := range seen {
			if wanted(m) {
				return m, nil
			}
		}
		if err != nil {
			return Moment{}, err
		}
		mark += len(seen)
		select {
		case <-ctx.Done():
			return Moment{}, context.Cause(ctx)
		case <-news:
		}
	}
}
