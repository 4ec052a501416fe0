package fair

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// queueFor is a Queue as a controller has it, with retries after 1 to 8 ms.
func queueFor(workers int) *Queue {
	return NewQueue(priorityqueue.New("test", func(o *priorityqueue.Opts[reconcile.Request]) {
		o.RateLimiter = workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](time.Millisecond, 8*time.Millisecond)
	}), workers)
}

// request is the canary of that name in the namespace that its name begins with: a1 is in a.
func request(name string) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Namespace: name[:1], Name: name}}
}

func TestTurns(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		reason  string
		workers int
		// steps are: "add" and "low" with requests, the latter of low priority; "get" is workers that ask for one
		// request each, in turn; "done" is workers that have handled theirs.
		steps []string
		// want are the requests in the order in which workers got them.
		want string
		// aside is how many are due and have no worker.
		aside int
	}{
		"Half": {
			reason:  "A namespace alone gets half of the workers; the third waits for none of them.",
			workers: 4, steps: []string{"add a1 a2 a3", "get 3"}, want: "a1 a2", aside: 1,
		},
		"Others": {
			reason:  "The worker that looked at those of the noisy namespace takes the calm one's.",
			workers: 4, steps: []string{"add a1 a2 a3 a4", "get 3", "add b1"}, want: "a1 a2 b1", aside: 2,
		},
		"LastWorker": {
			reason:  "However many namespaces are noisy, the next one finds a worker.",
			workers: 4, steps: []string{"add a1 a2 a3 b1 b2 b3", "get 4", "add c1"}, want: "a1 a2 b1 c1", aside: 3,
		},
		"OwnEnd": {
			reason:  "What is aside goes on when one of its namespace ends.",
			workers: 4, steps: []string{"add a1 a2 a3 a4", "get 3", "done a2"}, want: "a1 a2 a3", aside: 1,
		},
		"OtherEnd": {
			reason:  "And when another namespace gives a worker back that leaves enough idle.",
			workers: 4, steps: []string{"add b1 b2 a1 a2", "get 4", "done b1"}, want: "b1 b2 a1 a2",
		},
		"TwoAtOnce": {
			reason:  "One end can let two go on: the other namespace is level with what is idle then, and its own was below.",
			workers: 6, steps: []string{"add a1 b1 a2 b2 a3 b3", "get 5", "done b1", "get 1"}, want: "a1 b1 a2 b2 a3 b3",
		},
		"FirstInFirstOut": {
			reason:  "Nobody overtakes in a line, not even with a worker at hand.",
			workers: 2, steps: []string{"add a1 a2 a3", "get 2", "add a4", "done a1", "get 1", "done a2", "get 1", "done a3"}, want: "a1 a2 a3 a4",
		},
		"NamespacesTakeTurns": {
			reason:  "Of two namespaces that may have the worker, the one that had none for longer gets it.",
			workers: 9,
			steps:   []string{"add c1 c2 c3 c4 a1 b1 a2 b2 a3 a4 b3 b4", "get 9", "done c1 c2", "get 2", "done a1", "get 1"},
			want:    "c1 c2 c3 c4 a1 b1 a2 b2 a3 b3", aside: 2,
		},
		"Priority": {
			reason:  "What a user has changed goes before what the start of the operator brought.",
			workers: 2, steps: []string{"add a1", "low a2", "get 2", "add a3", "done a1"}, want: "a1 a3", aside: 1,
		},
		"MovesUp": {
			reason:  "A change of one that is aside is not behind those that nobody has changed.",
			workers: 2, steps: []string{"low a1 a2 a3", "get 2", "add a3", "low a2", "done a1", "get 1", "done a3"}, want: "a1 a3 a2",
		},
		"AsideOnce": {
			reason:  "However often one that is aside is woken, it goes on once.",
			workers: 2, steps: []string{"add a1 a2", "get 2", "add a2", "add a2", "done a1", "get 1", "done a2"}, want: "a1 a2",
		},
		"KeepsItsPlace": {
			reason:  "Nor does it lose its place by that.",
			workers: 2, steps: []string{"add a1 a2 a3", "get 2", "add a2", "low a2", "done a1", "get 1", "done a2"}, want: "a1 a2 a3",
		},
		"WokenMeanwhile": {
			reason:  "One that has a worker is not given to a second, and is looked at again afterwards.",
			workers: 4, steps: []string{"add a1 b1", "get 3", "add a1", "done a1"}, want: "a1 b1 a1",
		},
		"BehindTheLine": {
			reason:  "One that is woken meanwhile has had its turn.",
			workers: 2, steps: []string{"add a1 a2", "get 2", "add a1", "done a1", "get 1", "done a2"}, want: "a1 a2 a1",
		},
		"OneWorker": {
			reason:  "One worker is everybody's.",
			workers: 1, steps: []string{"add a1 b1", "get 1", "done a1", "get 1"}, want: "a1 b1",
		},
		"NoWorkers": {
			reason:  "A controller that is told of no number has one worker.",
			workers: 0, steps: []string{"add a1", "get 1"}, want: "a1",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &scene{queue: queueFor(test.workers)}
				for _, step := range test.steps {
					s.play(step)
				}
				if got := strings.Join(s.got, " "); got != test.want {
					t.Errorf("%s\ngot  %s\nwant %s", test.reason, got, test.want)
				}
				if got := s.queue.Len(); got != test.aside {
					t.Errorf("%s\n%d are without a worker, want %d", test.reason, got, test.aside)
				}
				s.queue.ShutDown()
			})
		})
	}
}

// scene is a queue and what workers got from it.
type scene struct {
	queue *Queue
	got   []string
}

// play does what a step says, and lets the queue come to rest after each of its parts.
func (s *scene) play(step string) {
	words := strings.Fields(step)
	switch what, names := words[0], words[1:]; what {
	case "get":
		for range int(names[0][0] - '0') {
			go s.get()
			synctest.Wait()
		}
	case "done":
		for _, name := range names {
			s.queue.Done(request(name))
			synctest.Wait()
		}
	case "low":
		for _, name := range names {
			s.queue.AddWithOpts(priorityqueue.AddOpts{Priority: new(handler.LowPriority)}, request(name))
		}
	default:
		for _, name := range names {
			s.queue.Add(request(name))
		}
	}
	synctest.Wait()
}

// get is one worker that asks.
func (s *scene) get() {
	if r, shutdown := s.queue.Get(); !shutdown {
		s.got = append(s.got, r.Name)
	}
}

func TestWhatWaitsForItsTimeIsNotAside(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &scene{queue: queueFor(2)}
		s.play("add a1 a2")
		s.queue.AddAfter(request("b1"), time.Second)
		s.play("get 2")
		if got := s.queue.Len(); got != 1 {
			t.Errorf("one is aside: got %d", got)
		}
		<-time.After(time.Second)
		synctest.Wait()
		if want := []string{"a1", "b1"}; !slices.Equal(s.got, want) {
			t.Errorf("a tick comes when it is due, past what is aside: got %v, want %v", s.got, want)
		}
		s.queue.ShutDown()
	})
}

func TestPriorityComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &scene{queue: queueFor(2)}
		s.play("low a1 a2")
		s.play("get 2")
		s.queue.Done(request("a1"))
		synctest.Wait()
		s.play("low a3")
		go func() {
			_, priority, _ := s.queue.GetWithPriority()
			if priority != handler.LowPriority {
				t.Errorf("the wait aside takes nothing from a priority: got %d", priority)
			}
		}()
		synctest.Wait()
		s.queue.Done(request("a2"))
		synctest.Wait()
		s.queue.ShutDown()
	})
}

func TestShutDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &scene{queue: queueFor(4)}
		s.play("add a1 a2 a3")
		s.play("get 4")
		s.queue.ShutDown()
		synctest.Wait() // or the worker that still asks would be left behind
		s.play("done a1 a2")
		if _, shutdown := s.queue.Get(); !shutdown || !s.queue.ShuttingDown() {
			t.Error("nobody begins anything once the operator is being stopped")
		}
		if want := []string{"a1", "a2"}; !slices.Equal(s.got, want) {
			t.Errorf("what is aside when the operator is stopped is left: got %v, want %v", s.got, want)
		}
	})
}
