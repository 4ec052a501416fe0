package controller_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/controller"
	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/prometheus"
	"flagger.app/flagger/internal/rollout"
)

// holding is a Prometheus that counts its requests and answers none before it may. Every value is 1.
type holding struct {
	*httptest.Server
	may      chan struct{}
	requests atomic.Int64
}

func newHolding(t *testing.T) *holding {
	t.Helper()
	h := &holding{may: make(chan struct{})}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

func (h *holding) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.requests.Add(1)
	select {
	case <-h.may:
	case <-r.Context().Done():
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[0,"1"]}]}}`)
}

// awaited is a context that tells when somebody begins to wait for its end, and so for an answer.
type awaited struct {
	context.Context
	waits func()
}

func (a awaited) Done() <-chan struct{} {
	a.waits()
	return a.Context.Done()
}

// crowd are canaries that ask one Measurer of a Prometheus at the same time.
type crowd struct {
	*bench
	*controller.Measurer
	server *holding
	asking sync.WaitGroup
}

func newCrowd(t *testing.T) *crowd {
	c := &crowd{bench: newBench(), server: newHolding(t)}
	for name, template := range c.templates.templates {
		template.Spec.Provider.Address = c.server.URL
		c.templates.templates[name] = template
	}
	c.options.MetricsServer = c.server.URL
	c.options.Providers = map[string]metrics.Factory{"prometheus": prometheus.New}
	c.options.Record = func(*v1beta1.Canary, string, float64) {}
	c.Measurer = controller.NewMeasurer(c.options)
	return c
}

// ask runs one more question and returns when it waits for its answer.
func (c *crowd) ask(ctx context.Context, question func(context.Context)) {
	waits := make(chan struct{})
	c.asking.Go(func() { question(awaited{Context: ctx, waits: sync.OnceFunc(func() { close(waits) })}) })
	<-waits
}

// answered lets the server answer, and returns the requests that it had when all have their answers.
func (c *crowd) answered() int64 {
	close(c.server.may)
	c.asking.Wait()
	return c.server.requests.Load()
}

// member is a canary with one metric.
func member(namespace string, metric v1beta1.CanaryMetric) *v1beta1.Canary {
	c := newBench(metric).canary
	c.Namespace = namespace
	return c
}

func TestManyCanariesProbeOnce(t *testing.T) {
	c := newCrowd(t)
	for _, canary := range []*v1beta1.Canary{
		member("prod", rateMetric), member("prod", customMetric), member("other", customMetric), member("other", durationMetric),
	} {
		for range 125 {
			c.ask(t.Context(), func(ctx context.Context) {
				if got := c.Available(ctx, canary); got.Verdict != rollout.Pass {
					t.Errorf("want %s, got %+v", rollout.Pass, got)
				}
			})
		}
	}
	if got := c.answered(); got != 1 {
		t.Errorf("Canaries that begin at once ask the same server whether it is there: want 1 request, got %d", got)
	}
}

func TestManyCanariesShareAQuery(t *testing.T) {
	c := newCrowd(t)
	for limit, want := range map[float64]rollout.Verdict{0.5: rollout.Fail, 2: rollout.Pass} {
		canary := member("prod", v1beta1.CanaryMetric{Name: "lag", Query: "lag", ThresholdRange: upTo(limit)})
		for range 50 {
			c.ask(t.Context(), func(ctx context.Context) {
				if got := c.Measure(ctx, canary, 0); got.Verdict != want || got.Value == nil || *got.Value != 1 {
					t.Errorf("Each judges the value by its own limits: want %s, got %+v", want, got)
				}
			})
		}
	}
	if got := c.answered(); got != 1 {
		t.Errorf("One query serves all that ask it: want 1 request, got %d", got)
	}
}

// The canary that asked first is deleted, or suspended, before the answer is there.
func TestTheFirstToAskMayGo(t *testing.T) {
	c := newCrowd(t)
	canary := member("prod", inlineMetric)
	asking, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	c.ask(asking, func(ctx context.Context) {
		defer close(gone)
		if got := c.Measure(ctx, canary, 0); got.Verdict != rollout.ProviderError {
			t.Errorf("Who goes learns nothing: got %+v", got)
		}
	})
	c.ask(t.Context(), func(ctx context.Context) {
		if got := c.Measure(ctx, canary, 0); got.Verdict != rollout.Pass {
			t.Errorf("Who stays has the answer: got %+v", got)
		}
	})
	cancel()
	<-gone
	if got := c.answered(); got != 1 {
		t.Errorf("The query goes on for who is left: want 1 request, got %d", got)
	}
}

// Credentials are part of what is asked: who has others may see something else.
func TestCredentialsAreNotShared(t *testing.T) {
	secret := func(uid types.UID, version string) corev1.Secret {
		return corev1.Secret{ObjectMeta: metav1.ObjectMeta{UID: uid, ResourceVersion: version}, Data: map[string][]byte{
			"username": []byte("flagger"), "password": []byte(string(uid) + version),
		}}
	}
	c := newCrowd(t)
	query := func(namespace string) {
		c.ask(t.Context(), func(ctx context.Context) {
			if got := c.Measure(ctx, member(namespace, customMetric), 0); got.Verdict != rollout.Pass {
				t.Errorf("want %s, got %+v", rollout.Pass, got)
			}
		})
	}
	for name, template := range c.templates.templates {
		template.Spec.Provider.SecretRef = &corev1.LocalObjectReference{Name: "creds"}
		c.templates.templates[name] = template
	}
	c.secrets.secrets = map[string]corev1.Secret{"creds.prod": secret("a", "1"), "creds.other": secret("b", "1")}
	query("prod")
	query("prod")
	query("other")
	c.secrets.secrets = map[string]corev1.Secret{"creds.prod": secret("a", "2"), "creds.other": secret("b", "1")}
	query("prod")
	query("other")
	if got := c.answered(); got != 3 {
		t.Errorf("One request with each namespace's Secret, and one with the Secret as it is now: want 3, got %d", got)
	}
}
