package fair

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

const (
	crowds = 150
	// wakers wake requests at the same time, each that often.
	wakers, wakeUps = 4, 60
)

// TestCrowd has workers and wakers meet in random order, on a clock that only moves when all of them wait, and compares
// what becomes of every request with what must: it is looked at after its last wake-up, by one worker at a time, and its
// namespace never has more than half of the workers. In half of the crowds, one namespace holds on to whatever it gets.
func TestCrowd(t *testing.T) {
	t.Parallel()
	for seed := range uint64(crowds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { play(t, seed) })
		})
	}
}

func play(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 0))
	workers := 1 + rnd.IntN(9)
	m := &model{
		T: t, queue: queueFor(workers), most: (workers + 1) / 2,
		released: make(chan struct{}), running: map[reconcile.Request]bool{}, busy: map[string]int{},
		woken: map[reconcile.Request]int{}, seen: map[reconcile.Request]int{},
	}
	if workers > 1 && seed%2 == 0 { // one worker alone is not enough for a namespace that keeps it
		m.noisy = "a"
	}
	for i := range workers {
		go m.work(rand.New(rand.NewPCG(seed, uint64(1+i))))
	}
	for i := range wakers {
		go m.wake(rand.New(rand.NewPCG(seed, uint64(100+i))))
	}
	<-time.After(time.Minute)
	synctest.Wait()
	m.handled("every request of a calm namespace is looked at after its last wake-up", m.noisy)
	close(m.released)
	<-time.After(time.Minute)
	synctest.Wait()
	m.handled("every request is, once the noisy namespace lets go", "")
	if l := m.queue.lines; l.idle != workers || len(l.busy)+len(l.called)+len(l.aside)+len(l.lines)+len(l.turns) != 0 {
		t.Errorf("at rest nothing is remembered: %d of %d idle, %v, %v, %v", l.idle, workers, l.busy, l.called, l.lines)
	}
	m.queue.ShutDown()
}

// model is what must hold of a queue.
type model struct {
	*testing.T
	queue *Queue
	most  int // workers of one namespace
	// noisy is the namespace that holds its workers until released; empty for none.
	noisy    string
	released chan struct{}

	sync.Mutex
	running map[reconcile.Request]bool
	busy    map[string]int
	// woken and seen count the wake-ups of each request, and those of them that a worker knew of when it began.
	woken, seen map[reconcile.Request]int
}

// wake wakes random requests in all the ways in which a controller does.
func (m *model) wake(rnd *rand.Rand) {
	for range wakeUps {
		r := request(string("abbccc"[rnd.IntN(6)]) + fmt.Sprint(rnd.IntN(8)))
		m.Lock()
		m.woken[r]++
		m.Unlock()
		switch rnd.IntN(4) {
		case 0:
			m.queue.AddWithOpts(priorityqueue.AddOpts{Priority: new(-rnd.IntN(3))}, r)
		case 1:
			m.queue.AddAfter(r, moment(rnd))
		case 2:
			m.queue.AddRateLimited(r)
		default:
			m.queue.Add(r)
		}
		<-time.After(moment(rnd))
	}
}

// work is one worker.
func (m *model) work(rnd *rand.Rand) {
	for {
		r, shutdown := m.queue.Get()
		if shutdown {
			return
		}
		m.begin(r)
		if r.Namespace == m.noisy {
			<-m.released
		}
		<-time.After(moment(rnd))
		m.end(r)
		m.queue.Done(r)
	}
}

// moment is 0 to 3 ms, so that many things happen in the same instant.
func moment(rnd *rand.Rand) time.Duration { return time.Duration(rnd.IntN(4)) * time.Millisecond }

func (m *model) begin(r reconcile.Request) {
	m.Lock()
	defer m.Unlock()
	if m.running[r] {
		m.Errorf("two workers have %s", r.Name)
	}
	m.running[r] = true
	if m.busy[r.Namespace]++; m.busy[r.Namespace] > m.most {
		m.Errorf("namespace %s has %d workers, more than %d", r.Namespace, m.busy[r.Namespace], m.most)
	}
	m.seen[r] = m.woken[r]
}

func (m *model) end(r reconcile.Request) {
	m.Lock()
	defer m.Unlock()
	delete(m.running, r)
	m.busy[r.Namespace]--
}

// handled fails unless every request outside of the namespace except was looked at after its last wake-up.
func (m *model) handled(reason, except string) {
	m.Helper()
	m.Lock()
	defer m.Unlock()
	for r, woken := range m.woken {
		if r.Namespace != except && m.seen[r] != woken {
			m.Errorf("%s: %s was woken %d times, %d of them before it was last looked at", reason, r.Name, woken, m.seen[r])
		}
	}
}
