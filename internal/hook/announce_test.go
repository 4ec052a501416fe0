package hook

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

// receivers stands for all receivers of events. It needs no network, so that time can be simulated.
type receivers struct {
	mu   sync.Mutex
	got  []string                 // "host message", in the order of arrival
	slow map[string]time.Duration // by host, the time it takes to answer
	down map[string]bool
	body []byte // the last
}

func (r *receivers) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	select {
	case <-time.After(r.slow[req.URL.Host]):
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, req.URL.Host+" "+p.Metadata["eventMessage"])
	r.body = body
	status := http.StatusOK
	if r.down[req.URL.Host] {
		status = http.StatusForbidden
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader("no")), Request: req}, nil
}

// delivering starts a Caller in the present bubble of simulated time and ends it with the test.
func delivering(t *testing.T, o Options, to *receivers) *Caller {
	t.Helper()
	if o.Log.GetSink() == nil {
		o.Log = logr.Discard()
	}
	h := New(o)
	h.verified.Transport = to
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return h
}

func eventHook(host string) v1beta1.CanaryWebhook {
	return v1beta1.CanaryWebhook{Type: v1beta1.HookEvent, Name: host, URL: "http://" + host + "/"}
}

func said(message string) rollout.Event {
	return rollout.Event{Type: "Normal", Message: message, Phase: v1beta1.PhaseProgressing}
}

func TestAnnounceChoosesReceivers(t *testing.T) {
	gate := v1beta1.CanaryWebhook{Type: v1beta1.HookRollout, Name: "gate", URL: "http://gate/"}
	deprecated := podinfo()
	deprecated.Spec.CanaryAnalysis, deprecated.Spec.Analysis = podinfo(eventHook("own")).Spec.Analysis, nil
	without := podinfo()
	without.Spec.Analysis = nil

	cases := map[string]struct {
		reason string
		canary *v1beta1.Canary
		global string
		want   []string
	}{
		"Own":          {"A canary's own receivers get its events, all of them.", podinfo(eventHook("a"), gate, eventHook("b")), "", []string{"a hello", "b hello"}},
		"OwnNotGlobal": {"Own receivers replace the global one.", podinfo(eventHook("own")), "http://global/", []string{"own hello"}},
		"Global":       {"Without own receivers the global one is told.", podinfo(gate), "http://global/", []string{"global hello"}},
		"NoAnalysis":   {"A canary that is not valid yet has events too.", without, "http://global/", []string{"global hello"}},
		"Deprecated":   {"The old name of the analysis counts.", deprecated, "http://global/", []string{"own hello"}},
		"Nobody":       {"Nobody listens, nothing is kept.", podinfo(gate), "", nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				to := &receivers{slow: map[string]time.Duration{"b": time.Second}}
				h := delivering(t, Options{GlobalEventURL: tc.global}, to)
				h.Announce(tc.canary, said("hello"), time.Now())
				time.Sleep(time.Minute) //nolint:forbidigo // simulated by synctest
				synctest.Wait()
				if diff := cmp.Diff(tc.want, to.got); diff != "" {
					t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
				}
			})
		})
	}
}

func TestAnnounceWritesWhatHappened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &receivers{}
		h := delivering(t, Options{}, to)
		w := eventHook("own")
		w.Metadata = map[string]string{"channel": "ops"}
		c := podinfo(w)
		e := rollout.Event{Type: "Warning", Message: "Canary failed! Scaling down podinfo.test", Phase: v1beta1.PhaseFailed}

		h.Announce(c, e, time.UnixMilli(1700000000123))
		c.Name, w.Metadata["channel"], c.Status.LastAppliedSpec = "changed", "changed", "changed"
		synctest.Wait()

		golden(t, "announced.json", to.body)
	})
}

func TestAnnounceKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &receivers{slow: map[string]time.Duration{"own": time.Second}}
		h := delivering(t, Options{}, to)
		var want []string
		for i := range 20 {
			h.Announce(podinfo(eventHook("own")), said(fmt.Sprint(i)), time.Now())
			want = append(want, fmt.Sprintf("own %d", i))
		}
		time.Sleep(time.Minute) //nolint:forbidigo // simulated by synctest
		synctest.Wait()
		if diff := cmp.Diff(want, to.got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestAnnounceIsNotHeldUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &receivers{slow: map[string]time.Duration{"slow": time.Hour}, down: map[string]bool{"down": true}}
		h := delivering(t, Options{}, to)
		start := time.Now()

		h.Announce(podinfo(eventHook("slow"), eventHook("down"), eventHook("fast")), said("one"), start)
		h.Announce(podinfo(eventHook("slow"), eventHook("down"), eventHook("fast")), said("two"), start)
		if waited := time.Since(start); waited != 0 {
			t.Errorf("announcing took %s", waited)
		}
		synctest.Wait()

		arrived := map[string]int{}
		for _, got := range to.got {
			arrived[got]++
		}
		want := map[string]int{"down one": 1, "down two": 1, "fast one": 1, "fast two": 1}
		if diff := cmp.Diff(want, arrived); diff != "" {
			t.Errorf("a receiver that hangs holds up itself alone (-want +got):\n%s", diff)
		}
	})
}

func TestAnnounceTellsWhatIsLost(t *testing.T) {
	dropped := 0
	h := New(Options{Log: logr.Discard(), Dropped: func() { dropped++ }})
	for i := range backlog.Backlog + 3 {
		h.Announce(podinfo(eventHook("own")), said(fmt.Sprint(i)), time.UnixMilli(0))
	}
	if dropped != 3 {
		t.Errorf("%d events dropped, want 3", dropped)
	}
}

func TestFailureIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines bytes.Buffer
		log := funcr.New(func(_, args string) { lines.WriteString(args + "\n") }, funcr.Options{})
		h := delivering(t, Options{Log: log}, &receivers{down: map[string]bool{"own": true}})

		h.Announce(podinfo(eventHook("own")), said("hello"), time.Now())
		synctest.Wait()

		want := `"msg"="error sending event to webhook: no" "error"=null "canary"="podinfo.test"`
		if got := strings.TrimSpace(lines.String()); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	})
}

func TestRunEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &receivers{slow: map[string]time.Duration{"slow": time.Hour}}
		h := New(Options{Log: logr.Discard()})
		h.verified.Transport = to
		ctx, cancel := context.WithCancel(t.Context())
		start, ended := time.Now(), make(chan error)
		go func() { ended <- h.Run(ctx) }()
		h.Announce(podinfo(eventHook("slow")), said("under way"), start)
		h.Announce(podinfo(eventHook("slow")), said("waiting"), start)
		synctest.Wait()

		cancel()
		if err := <-ended; err != nil || time.Since(start) != 0 {
			t.Errorf("Run returned %v after %s, want nil at once", err, time.Since(start))
		}
		h.Announce(podinfo(eventHook("slow")), said("too late"), start) // must not panic
	})
}
