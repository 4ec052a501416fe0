package metrics

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// oracle is a Provider that answers once it may, and notes what reaches it.
type oracle struct {
	may   chan struct{}
	deaf  bool // to contexts that end
	value float64
	err   error
	panic any

	mu    sync.Mutex
	asked []string
	ended []error // of the contexts that ended before it answered
}

func newOracle() *oracle { return &oracle{may: make(chan struct{}), value: 1} }

func (o *oracle) Query(ctx context.Context, query string) (float64, error) { return o.say(ctx, query) }

func (o *oracle) Online(ctx context.Context) error {
	_, err := o.say(ctx, "online")
	return err
}

func (o *oracle) say(ctx context.Context, question string) (float64, error) {
	o.mu.Lock()
	o.asked = append(o.asked, question)
	o.mu.Unlock()
	if o.deaf {
		ctx = context.WithoutCancel(ctx)
	}
	select {
	case <-o.may:
	case <-ctx.Done():
		o.mu.Lock()
		defer o.mu.Unlock()
		o.ended = append(o.ended, ctx.Err())
		return 0, ctx.Err()
	}
	if o.panic != nil {
		panic(o.panic)
	}
	return o.value, o.err
}

// scoped is an oracle that is Windowed, Confined and Patient.
type scoped struct {
	*oracle
	interval  time.Duration
	namespace string
}

func (s scoped) Over(interval time.Duration) Provider { s.interval = interval; return s }
func (s scoped) Within(namespace string) Provider     { s.namespace = namespace; return s }
func (s scoped) Patience() time.Duration              { return time.Minute }

func (s scoped) Query(ctx context.Context, query string) (float64, error) {
	return s.say(ctx, fmt.Sprintf("%s over %v within %q", query, s.interval, s.namespace))
}

func (s scoped) Online(ctx context.Context) error {
	_, err := s.say(ctx, fmt.Sprintf("online within %q", s.namespace))
	return err
}

func TestOneQuestionOneRequest(t *testing.T) {
	query := func(text string, scope Scope) func(*Source) error {
		return func(s *Source) error {
			_, err := s.Query(context.Background(), scope, text)
			return err
		}
	}
	probe := func(scope Scope) func(*Source) error {
		return func(s *Source) error { return s.Online(context.Background(), scope) }
	}
	minute, hour := Scope{Interval: time.Minute}, Scope{Interval: time.Hour}
	shop, lab := Scope{Namespace: "shop"}, Scope{Namespace: "lab"}
	cases := map[string]struct {
		reason  string
		confine bool // asks a scoped oracle
		answer  error
		asks    []func(*Source) error
		want    []string // sorted
	}{
		"Same": {
			reason: "One request serves all.",
			asks:   slices.Repeat([]func(*Source) error{query("up", Scope{})}, 100), want: []string{"up"},
		},
		"NoData": {
			reason: "That there is no value is an answer, too.", answer: ErrNoData,
			asks: slices.Repeat([]func(*Source) error{query("up", Scope{})}, 3), want: []string{"up"},
		},
		"Probes": {
			reason: "Whoever begins asks whether the provider is there, and is no query.", answer: errors.New("refused"),
			asks: []func(*Source) error{probe(Scope{}), probe(Scope{}), query("", Scope{})}, want: []string{"", "online"},
		},
		"OtherQuery": {
			reason: "Another query is another question.",
			asks:   []func(*Source) error{query("up", Scope{}), query("down", Scope{})}, want: []string{"down", "up"},
		},
		"OtherInterval": {
			reason: "The same words about another time are another question.", confine: true,
			asks: []func(*Source) error{query("up", minute), query("up", hour), query("up", hour)},
			want: []string{`up over 1h0m0s within ""`, `up over 1m0s within ""`},
		},
		"OtherNamespace": {
			reason: "What one namespace may see is not for another.", confine: true,
			asks: []func(*Source) error{query("up", shop), query("up", lab), query("up", Scope{}), probe(shop), probe(lab), probe(shop)},
			want: []string{`online within "lab"`, `online within "shop"`, `up over 0s within ""`,
				`up over 0s within "lab"`, `up over 0s within "shop"`},
		},
		"ScopeThatDoesNotCount": {
			reason: "What the provider does not look at keeps nobody apart.",
			asks:   []func(*Source) error{query("up", minute), query("up", hour), query("up", shop), probe(shop), probe(lab)},
			want:   []string{"online", "up"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOracle()
				o.err = tc.answer
				source := NewSource(o)
				if tc.confine {
					source = NewSource(scoped{oracle: o})
				}
				var asking sync.WaitGroup
				for _, ask := range tc.asks {
					asking.Go(func() {
						if err := ask(source); !errors.Is(err, tc.answer) {
							t.Errorf("%s\nwant %v, got %v", tc.reason, tc.answer, err)
						}
					})
				}
				synctest.Wait()
				close(o.may)
				asking.Wait()
				slices.Sort(o.asked)
				if diff := cmp.Diff(tc.want, o.asked); diff != "" {
					t.Errorf("%s\nasked: -want +got\n%s", tc.reason, diff)
				}
			})
		})
	}
}

func TestAnAnswerIsKeptForNobody(t *testing.T) {
	o := newOracle()
	close(o.may)
	source := NewSource(o)
	for want := range 3 {
		o.value = float64(want)
		if got, err := source.Query(t.Context(), Scope{}, "up"); err != nil || got != o.value {
			t.Errorf("Whoever asks later wants to know how it is then: want %v, got %v, %v", want, got, err)
		}
	}
}

// Whoever asks may go before the answer comes, first or last.
func TestAskersThatLeave(t *testing.T) {
	cases := map[string]struct {
		reason string
		leave  []int // of three, in order
		ended  int   // requests that are given up
		asked  int   // requests in all, with that of a newcomer
	}{
		"First":  {reason: "The others still want to know.", leave: []int{0}, asked: 1},
		"Others": {reason: "So does the one who asked first.", leave: []int{2, 1}, asked: 1},
		"All":    {reason: "Nobody wants to know, and a newcomer gets no answer that was given up.", leave: []int{0, 1, 2}, ended: 1, asked: 2},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOracle()
				source := NewSource(o)
				var asking sync.WaitGroup
				ask := func(ctx context.Context) {
					asking.Go(func() {
						_, err := source.Query(ctx, Scope{}, "up")
						if !errors.Is(err, ctx.Err()) {
							t.Errorf("%s\nwant %v, got %v", tc.reason, ctx.Err(), err)
						}
					})
					synctest.Wait()
				}
				var cancels []context.CancelFunc
				for range 3 {
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					cancels = append(cancels, cancel)
					ask(ctx)
				}
				for _, i := range tc.leave {
					cancels[i]()
				}
				synctest.Wait()
				ask(t.Context())
				close(o.may)
				asking.Wait()
				if len(o.ended) != tc.ended || len(o.asked) != tc.asked {
					t.Errorf("%s\nwant %d given up of %d, got %v of %q", tc.reason, tc.ended, tc.asked, o.ended, o.asked)
				}
			})
		})
	}
}

// A request that was given up may end later than one that was sent after it.
func TestAProviderThatDoesNotGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOracle()
		o.deaf = true
		source := NewSource(o)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := source.Query(gone, Scope{}, "up"); !errors.Is(err, context.Canceled) {
			t.Fatalf("want %v, got %v", context.Canceled, err)
		}
		synctest.Wait()
		var asking sync.WaitGroup
		ask := func() {
			asking.Go(func() {
				if _, err := source.Query(context.Background(), Scope{}, "up"); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		ask()
		o.may <- struct{}{} // for the one that waits longest
		ask()
		if len(o.asked) != 2 {
			t.Errorf("What was given up takes nobody's answer along: want 2 requests, got %d", len(o.asked))
		}
		close(o.may)
		asking.Wait()
	})
}

// A provider that never answers holds nobody up for longer than it may.
func TestTimeLimits(t *testing.T) {
	ask := func(s *Source) error { _, err := s.Query(context.Background(), Scope{}, "up"); return err }
	probe := func(s *Source) error { return s.Online(context.Background(), Scope{}) }
	for name, tc := range map[string]struct {
		reason   string
		provider func(*oracle) Provider
		ask      func(*Source) error
		want     time.Duration
	}{
		"Query":        {"A query has five seconds.", func(o *oracle) Provider { return o }, ask, 5 * time.Second},
		"PatientQuery": {"A provider may ask for more.", func(o *oracle) Provider { return scoped{oracle: o} }, ask, time.Minute},
		"Probe":        {"But not to say that it is there.", func(o *oracle) Provider { return scoped{oracle: o} }, probe, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source, began := NewSource(tc.provider(newOracle())), time.Now()
				err := tc.ask(source)
				if took := time.Since(began); took != tc.want || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s\nwant %v, got %v, %v", tc.reason, tc.want, took, err)
				}
			})
		})
	}
}

// A provider's defect stops those who asked it, each in a goroutine of its own, and nobody who asks later.
func TestAPanicReachesAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOracle()
		o.panic = "index out of range"
		source := NewSource(o)
		var asking sync.WaitGroup
		for range 3 {
			asking.Go(func() {
				defer func() {
					caught := fmt.Sprint(recover())
					if !strings.HasPrefix(caught, "index out of range\n") || !strings.Contains(caught, "(*oracle).say") {
						t.Errorf("want the panic and the place that it came from, got %s", caught)
					}
				}()
				_, _ = source.Query(context.Background(), Scope{}, "up")
			})
		}
		synctest.Wait()
		close(o.may)
		asking.Wait()
		o.panic = nil
		if got, err := source.Query(t.Context(), Scope{}, "up"); got != 1 || err != nil || len(o.asked) != 2 {
			t.Errorf("once mended: got %v, %v after %q", got, err, o.asked)
		}
	})
}

func TestAReplacedProviderAnswersNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool, replaced, current := NewPool(1), newOracle(), newOracle()
		current.value = 2
		var asking sync.WaitGroup
		for i, o := range []*oracle{replaced, current} {
			source, err := pool.Get("server", fmt.Sprint("secret ", i), func() (Provider, error) { return o, nil })
			if err != nil {
				t.Fatal(err)
			}
			asking.Go(func() {
				if got, err := source.Query(context.Background(), Scope{}, "up"); got != o.value || err != nil {
					t.Errorf("want %v from provider %d, got %v, %v", o.value, i, got, err)
				}
			})
			synctest.Wait()
		}
		close(replaced.may)
		close(current.may)
		asking.Wait()
	})
}
