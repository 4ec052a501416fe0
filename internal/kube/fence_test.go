package kube_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"flagger.app/flagger/internal/kube"
)

// term is the duration of the lease in these tests.
const term = time.Minute

// sender is a transport that answers and remembers nothing but how often it was used.
type sender struct{ sent int }

func (s *sender) RoundTrip(*http.Request) (*http.Response, error) {
	s.sent++
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

// body tells whether it was closed.
type body struct {
	io.Reader
	closed bool
}

func (b *body) Close() error {
	b.closed = true
	return nil
}

func TestFenceHoldsBackWrites(t *testing.T) {
	renewed := time.Now() // with both clocks
	cases := map[string]struct {
		reason  string
		prepare func(*kube.Fence)
		method  string
		now     time.Time
		passes  bool
	}{
		"NeverLed": {
			reason:  "An instance that waits for the lease writes nothing.",
			prepare: func(*kube.Fence) {}, method: http.MethodPatch, now: renewed,
		},
		"NeverLedReads": {
			reason:  "An instance that waits for the lease fills its caches.",
			prepare: func(*kube.Fence) {}, method: http.MethodGet, now: renewed, passes: true,
		},
		"Leads": {
			reason:  "Nobody takes the lease over before its term has passed.",
			prepare: func(f *kube.Fence) { f.Open(renewed) }, method: http.MethodPost, now: renewed.Add(term - 1), passes: true,
		},
		"Stopped": {
			reason:  "Whoever was stopped for a term may have a successor.",
			prepare: func(f *kube.Fence) { f.Open(renewed) }, method: http.MethodPut, now: renewed.Add(term),
		},
		"StoppedAndReads": {
			reason:  "Reading does no harm.",
			prepare: func(f *kube.Fence) { f.Open(renewed) }, method: http.MethodHead, now: renewed.Add(term), passes: true,
		},
		"MachineStopped": {
			reason:  "The monotonic clock of a machine that was paused has missed the pause; the wall clock has not.",
			prepare: func(f *kube.Fence) { f.Open(renewed) }, method: http.MethodDelete, now: renewed.Round(0).Add(term),
		},
		"RenewedAgain": {
			reason: "The last renewal counts.",
			prepare: func(f *kube.Fence) {
				f.Open(renewed)
				f.Open(renewed.Add(term / 2))
			},
			method: http.MethodPatch, now: renewed.Add(term), passes: true,
		},
		"GivenUp": {
			reason: "A lease that is given up is somebody else's at once.",
			prepare: func(f *kube.Fence) {
				f.Open(renewed)
				f.Close()
			},
			method: http.MethodPatch, now: renewed,
		},
		"LedAgain": {
			reason: "An instance may lead a second time.",
			prepare: func(f *kube.Fence) {
				f.Close()
				f.Open(renewed)
			},
			method: http.MethodPatch, now: renewed, passes: true,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			fence := kube.NewFence(term, func() time.Time { return tc.now }, func() {})
			tc.prepare(fence)
			server, sent := &sender{}, &body{Reader: strings.NewReader("{}")}
			request, err := http.NewRequestWithContext(t.Context(), tc.method, "https://kubernetes.default.svc/api", sent)
			if err != nil {
				t.Fatal(err)
			}
			_, err = fence.Guard(server).RoundTrip(request)
			switch {
			case tc.passes && (err != nil || server.sent != 1):
				t.Errorf("%s\ngot %v after %d requests", tc.reason, err, server.sent)
			case !tc.passes && (!errors.Is(err, kube.ErrFenced) || server.sent != 0):
				t.Errorf("%s\ngot %v after %d requests, want %v", tc.reason, err, server.sent, kube.ErrFenced)
			case !tc.passes && !sent.closed:
				t.Errorf("%s\nbut its body is still open, which leaks what feeds it", tc.reason)
			}
		})
	}
}

func TestFenceTellsOnce(t *testing.T) {
	told := 0
	fence := kube.NewFence(term, time.Now, func() { told++ })
	write := func() error {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://kubernetes.default.svc/api", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		_, err = fence.Guard(&sender{}).RoundTrip(request)
		return err
	}
	for range 3 {
		fence.Close()
		for range 5 {
			if err := write(); !errors.Is(err, kube.ErrFenced) {
				t.Errorf("got %v, want %v", err, kube.ErrFenced)
			}
		}
	}
	if told != 1 {
		t.Errorf("a lease that is not ours for long is told once, not %d times", told)
	}
	fence.Open(time.Now())
	if err := write(); err != nil {
		t.Error(err)
	}
	fence.Close()
	if err := write(); !errors.Is(err, kube.ErrFenced) || told != 2 {
		t.Errorf("one that is lost again is told again: told %d times, %v", told, err)
	}
}
