package courier

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// mailbox takes what a queue delivers; each receiver takes the time that its name stands for, as a duration.
type mailbox struct {
	mu  sync.Mutex
	got []string // "receiver letter", in the order of arrival
}

func (m *mailbox) deliver(ctx context.Context, receiver, letter string) {
	if takes, err := time.ParseDuration(receiver); err == nil {
		select {
		case <-time.After(takes):
		case <-ctx.Done():
			return
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.got = append(m.got, receiver+" "+letter)
}

// alone is the namespace of a receiver that has one to itself; crowded is that of all with the same name's end.
func alone(receiver string) string { return receiver }

func crowded(receiver string) string { return receiver[strings.IndexByte(receiver, '@')+1:] }

// running starts a queue in the present bubble of simulated time and ends it with the test.
func running(t *testing.T, l Limits, to *mailbox) *Queue[string, string] {
	t.Helper()
	q := NewQueue[string, string](l, alone, func() {})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		q.Run(ctx, to.deliver)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return q
}

func TestQueueKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &mailbox{}
		q := running(t, Limits{Workers: 4, Backlog: 64, Total: 64}, to)
		var want []string
		for i := range 20 {
			q.Add("1s", fmt.Sprint(i))
			want = append(want, fmt.Sprintf("1s %d", i))
		}
		time.Sleep(time.Minute) //nolint:forbidigo // simulated by synctest
		synctest.Wait()
		if diff := cmp.Diff(want, to.got); diff != "" {
			t.Errorf("one at a time, oldest first (-want +got):\n%s", diff)
		}
	})
}

func TestQueueIsNotHeldUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &mailbox{}
		q := running(t, Limits{Workers: 2, Backlog: 64, Total: 64}, to)
		start := time.Now()
		for _, letter := range []string{"one", "two"} {
			q.Add("1h", letter)
			q.Add("fast", letter)
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("adding took %s", waited)
		}
		synctest.Wait()
		if diff := cmp.Diff([]string{"fast one", "fast two"}, to.got); diff != "" {
			t.Errorf("a receiver that hangs holds up itself alone (-want +got):\n%s", diff)
		}
	})
}

func TestOneNamespaceDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released, to := make(chan struct{}), &mailbox{}
		q := NewQueue[string, string](Limits{Workers: 4, Backlog: 64, Total: 64}, crowded, func() {})
		ctx, cancel := context.WithCancel(t.Context())
		for i := range 6 {
			q.Add(fmt.Sprintf("%d@noisy", i), "hello")
		}
		go q.Run(ctx, func(ctx context.Context, receiver, letter string) {
			if crowded(receiver) == "noisy" {
				<-released
			}
			to.deliver(ctx, receiver, letter)
		})
		synctest.Wait()
		q.Add("0@calm", "hello")
		synctest.Wait()
		if diff := cmp.Diff([]string{"0@calm hello"}, to.got); diff != "" {
			t.Errorf("six receivers of one namespace that hang leave workers to another (-want +got):\n%s", diff)
		}
		close(released)
		synctest.Wait()
		if len(to.got) != 7 {
			t.Errorf("none of those that had to wait is forgotten: got %v", to.got)
		}
		cancel()
		synctest.Wait()
	})
}

func TestQueueIsBounded(t *testing.T) {
	type add struct{ receiver, letter string }
	cases := map[string]struct {
		reason  string
		limits  Limits
		adds    []add
		dropped int
		left    map[string][]string
	}{
		"Oldest": {
			"A receiver that falls behind loses its oldest, as the newest say how things ended.",
			Limits{Backlog: 2, Total: 9},
			[]add{{"a", "1"}, {"a", "2"}, {"b", "1"}, {"a", "3"}, {"a", "4"}},
			2, map[string][]string{"a": {"3", "4"}, "b": {"1"}},
		},
		"Total": {
			"When all together are too far behind, the new letter is lost.",
			Limits{Backlog: 2, Total: 3},
			[]add{{"a", "1"}, {"a", "2"}, {"b", "1"}, {"c", "1"}, {"b", "2"}},
			2, map[string][]string{"a": {"1", "2"}, "b": {"1"}},
		},
		"TotalAndBacklog": {
			"Who makes room himself gets his letter in.",
			Limits{Backlog: 2, Total: 3},
			[]add{{"a", "1"}, {"a", "2"}, {"b", "1"}, {"a", "3"}},
			1, map[string][]string{"a": {"2", "3"}, "b": {"1"}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			dropped := 0
			q := NewQueue[string, string](tc.limits, alone, func() { dropped++ })
			for _, a := range tc.adds {
				q.Add(a.receiver, a.letter)
			}
			if dropped != tc.dropped {
				t.Errorf("%s\n%d dropped, want %d", tc.reason, dropped, tc.dropped)
			}
			for receiver, want := range tc.left {
				var left []string
				for letter, found := q.take(receiver); found; letter, found = q.take(receiver) {
					left = append(left, letter)
				}
				if diff := cmp.Diff(want, left); diff != "" {
					t.Errorf("%s\nletters of %s (-want +got):\n%s", tc.reason, receiver, diff)
				}
			}
			if len(q.waiting) != 0 || q.total != 0 {
				t.Errorf("an empty queue is still kept: %d receivers, %d letters", len(q.waiting), q.total)
			}
		})
	}
}

func TestQueueEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &mailbox{}
		q := NewQueue[string, string](Limits{Workers: 2, Backlog: 9, Total: 9}, alone, func() {})
		ctx, cancel := context.WithCancel(t.Context())
		start, ended := time.Now(), make(chan struct{})
		go func() {
			defer close(ended)
			q.Run(ctx, to.deliver)
		}()
		q.Add("1h", "under way")
		q.Add("1h", "waiting")
		synctest.Wait()

		cancel()
		<-ended
		if time.Since(start) != 0 || len(to.got) != 0 {
			t.Errorf("it ended after %s and delivered %v, want it to end at once", time.Since(start), to.got)
		}
		q.Add("1h", "too late") // must not panic
	})
}

func TestPanicCostsOneLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to, lost := &mailbox{}, 0
		q := NewQueue[string, string](Limits{Workers: 1, Backlog: 8, Total: 8}, alone, func() { lost++ })
		ctx, cancel := context.WithCancel(t.Context())
		q.Add("chat", "broken")
		q.Add("chat", "whole")
		go q.Run(ctx, func(ctx context.Context, receiver, letter string) {
			if letter == "broken" {
				panic("a defect of the receiver's")
			}
			to.deliver(ctx, receiver, letter)
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		if want := []string{"chat whole"}; lost != 1 || !cmp.Equal(want, to.got) {
			t.Errorf("the process, and all other letters, go on: got %v, %d lost", to.got, lost)
		}
	})
}
