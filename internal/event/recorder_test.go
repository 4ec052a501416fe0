package event

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"flagger.app/flagger/api/v1beta1"
)

func canary(name string) *v1beta1.Canary {
	return &v1beta1.Canary{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "test", UID: types.UID(name)}}
}

// say records an event about the canary of that name.
func (w *world) say(name, message string) {
	w.AnnotatedEventf(canary(name), nil, corev1.EventTypeNormal, "Synced", "%s", message)
}

// start runs the recorder. end tells it to end, and returns how long that has taken; the bubble of simulated time asks
// for it.
func (w *world) start() (end func() time.Duration) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = w.Run(ctx)
	}()
	return func() time.Duration {
		from := time.Now()
		cancel()
		<-ended
		return time.Since(from)
	}
}

func TestNoneIsLostBecauseOthersAreMany(t *testing.T) {
	const canaries, each = 500, 10
	synctest.Test(t, func(t *testing.T) {
		w, answers := newWorld(t), make(chan struct{})
		w.store.before = func(context.Context, int) (int, error) { <-answers; return 0, nil }
		before := runtime.NumGoroutine()
		end := w.start()
		want := map[string][]string{}
		for i := range each {
			for j := range canaries {
				name, message := fmt.Sprint("podinfo-", j), fmt.Sprint("Advance canary weight ", i)
				w.say(name, message) // the API server answers nothing yet, so this test ends only if nobody waits here
				want[name] = append(want[name], message)
			}
		}
		synctest.Wait()
		if more := runtime.NumGoroutine() - before; more > 2*backlog.Workers {
			t.Errorf("%d goroutines for %d events", more, canaries*each)
		}
		close(answers)
		synctest.Wait()
		if diff := cmp.Diff(want, w.store.told); diff != "" || w.dropped != 0 {
			t.Errorf("each canary's events are written, in order; %d dropped (-want +got):\n%s", w.dropped, diff)
		}
		if w.store.busiest != backlog.Workers {
			t.Errorf("%d requests at the same time, want %d", w.store.busiest, backlog.Workers)
		}
		if took := end(); took != 0 {
			t.Errorf("it ended %s after it was told to, with nothing left to do", took)
		}
	})
}

func TestRepeatsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		end := w.start()
		for _, message := range []string{"Halt", "Halt", "Advance", "Halt"} {
			w.say("podinfo", message)
			w.say("other", message)
		}
		synctest.Wait()
		counts := map[string]int32{}
		for _, e := range w.store.events {
			counts[e.InvolvedObject.Name+" "+e.Message] = e.Count
		}
		want := map[string]int32{"podinfo Halt": 3, "podinfo Advance": 1, "other Halt": 3, "other Advance": 1}
		if diff := cmp.Diff(want, counts); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}

		clear(w.store.events) // the API server forgets events after an hour
		w.say("podinfo", "Halt")
		synctest.Wait()
		if len(w.store.events) != 1 || w.dropped != 0 {
			t.Errorf("a repeat of an event that is gone is written anew, got %v, %d dropped", w.store.events, w.dropped)
		}
		end()
	})
}

func TestTries(t *testing.T) {
	reset := errors.New("connection reset by peer")
	atFirst := func(status int, err error) func(context.Context, int) (int, error) {
		return func(_ context.Context, n int) (int, error) {
			if n > 2 {
				return 0, nil
			}
			return status, err
		}
	}
	cases := map[string]struct {
		reason  string
		before  func(context.Context, int) (int, error)
		tries   int
		takes   time.Duration
		dropped int
	}{
		"Written":   {"The usual.", always(0, nil), 1, 0, 0},
		"Reset":     {"A connection may break.", atFirst(0, reset), 3, 1500 * time.Millisecond, 0},
		"Busy":      {"Whoever is busy may not be later.", atFirst(http.StatusTooManyRequests, nil), 3, 1500 * time.Millisecond, 0},
		"Broken":    {"An API server may lose its store for a moment.", atFirst(http.StatusInternalServerError, nil), 3, 1500 * time.Millisecond, 0},
		"Refused":   {"Without the right to write, trying again is of no use.", always(http.StatusForbidden, nil), 1, 0, 1},
		"Down":      {"One event holds up the others for two minutes at most.", always(0, reset), 9, 127500 * time.Millisecond, 1},
		"AllBroken": {"Answers that say no for good are no better than none.", always(http.StatusInternalServerError, nil), 9, 127500 * time.Millisecond, 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.store.before = tc.before
				end := w.start()
				from := time.Now()
				w.say("podinfo", "Advance")
				<-w.emptied
				if took := time.Since(from); len(w.store.requests) != tc.tries || took != tc.takes || w.dropped != tc.dropped || len(w.log) != tc.dropped {
					t.Errorf("%s\n%d tries in %s, %d dropped, want %d in %s, %d; log: %q",
						tc.reason, len(w.store.requests), took, w.dropped, tc.tries, tc.takes, tc.dropped, w.log)
				}
				end()
			})
		})
	}
}

// The answer to the first try is lost on its way: the event is there, once.
func TestLostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		end := w.start()
		for range 2 {
			e := &corev1.Event{ObjectMeta: metav1.ObjectMeta{Name: "podinfo.1", Namespace: "test"}, Count: 1}
			if err := w.write(t.Context(), result(e)); err != nil {
				t.Error(err)
			}
		}
		if len(w.store.events) != 1 {
			t.Errorf("got %v", w.store.events)
		}
		end()
	})
}

func TestEnd(t *testing.T) {
	fenced := errors.New("this instance does not hold the lease")
	cases := map[string]struct {
		reason  string
		before  func(context.Context, int) (int, error)
		takes   time.Duration
		written int
		log     string
	}{
		"Drained": {"What was said before the end is written.", always(0, nil), 0, 300, ""},
		"Fenced":  {"Who has lost the lease writes nothing, and says so once.", always(0, fenced), 0, 0, `Events are being lost`},
		"Slow": {
			"An API server that takes its time is given some.",
			func(context.Context, int) (int, error) { <-time.After(100 * time.Millisecond); return 0, nil }, 1900 * time.Millisecond, 300, "",
		},
		"Hanging": {
			"Nobody waits for ever.",
			func(ctx context.Context, _ int) (int, error) { <-ctx.Done(); return 0, ctx.Err() }, drainLimit, 0, `Events have not been written before the end" "events"=284`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.store.before = tc.before
				for i := range 300 {
					w.say(fmt.Sprint("podinfo-", i), "Advance")
				}
				took := w.start()()
				if took != tc.takes || len(w.store.events) != tc.written {
					t.Errorf("%s\n%d written, ended after %s, want %d and %s", tc.reason, len(w.store.events), took, tc.written, tc.takes)
				}
				if log := strings.Join(w.log, "\n"); !strings.Contains(log, tc.log) || (tc.log == "") != (log == "") {
					t.Errorf("%s\nlog: %s", tc.reason, log)
				}
			})
		})
	}
}

func TestTheQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range burst + 3 {
			w.say("podinfo", fmt.Sprint(i))
		}
		if len(w.log) != 1 || w.dropped != 3 {
			t.Errorf("%d dropped, want 3, and one line of log, got %q", w.dropped, w.log)
		}
		w.say("other", "Advance")
		w.start()()
		told := w.store.told["podinfo"]
		if len(told) == 0 || told[0] != "3" || len(w.store.told["other"]) != 1 {
			t.Errorf("an object that is too far behind loses its oldest, and no other object loses any: got %v", w.store.told)
		}
	})
}

func TestEventsAreAboutKnownObjects(t *testing.T) {
	w := newWorld(t)
	w.Event(&corev1.Pod{}, corev1.EventTypeNormal, "Synced", "of a kind that the scheme does not know")
	if w.pending.Load() != 0 || len(w.log) != 1 {
		t.Errorf("it is told and not queued, got %d, %q", w.pending.Load(), w.log)
	}
}
