package controller

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/hook"
	"flagger.app/flagger/internal/notify"
	"flagger.app/flagger/internal/notify/slack"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/testkit"
)

// receiver gets all events and alerts, over real connections.
type receiver struct {
	*httptest.Server
	hooks  *hook.Caller
	alerts *notify.Notifier
}

// newReceiver starts a receiver with this answer, and what delivers to it; both end with the test.
func newReceiver(t testing.TB, answer http.HandlerFunc) receiver {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(answer)
	r := receiver{
		Server: server,
		hooks:  hook.New(hook.Options{GlobalEventURL: server.URL + "/event", Log: logr.Discard()}),
		alerts: notify.New(notify.Options{
			Services: []notify.Service{slack.Row(slack.Slack)},
			Global:   v1beta1.AlertProviderSpec{Type: "slack", Address: server.URL + "/alert", Channel: "ops"},
			Log:      logr.Discard(), Dropped: func() {},
		}),
	}
	ended := make(chan error)
	go func() { ended <- r.hooks.Run(ctx) }()
	go func() { ended <- r.alerts.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		for range 2 {
			must(t, <-ended, "deliver")
		}
		server.Close()
	})
	return r
}

// hanging answers nobody, ever, and says at which path somebody waits.
func hanging(reached chan<- string) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // until then the server does not see who hangs up
		select {
		case reached <- r.URL.Path:
		default: // everybody knows
		}
		<-r.Context().Done()
	}
}

// crew creates canaries with targets of their own, as many as asked for, and takes them to rest. All have the same spec.
func (w *world) crew(size int, options ...testkit.CanaryOption) []string {
	w.Helper()
	var names []string
	for i := range size {
		target, canary := namedDeployment(fmt.Sprint("web-", i)), testkit.Canary(options...)
		canary.Name, canary.Spec.TargetRef.Name = target.Name, target.Name
		w.apply(target, canary)
		names = append(names, canary.Name)
	}
	w.settle()
	w.restOf(names...)
	return names
}

// release gives a target a new revision.
func (w *world) release(name string) {
	w.Helper()
	w.edit(name, w.deployment(name), `{"spec":{"template":{"metadata":{"annotations":{"version":"2"}}}}}`)
}

// TestAReceiverThatHangsHoldsNoTick has releases of several canaries while the receiver of all their events and alerts
// hangs. It does so from before the first tick until after the last: whatever waited for an answer would never come back.
func TestAReceiverThatHangsHoldsNoTick(t *testing.T) {
	t.Parallel()
	reached := make(chan string, 1000)
	to := newReceiver(t, hanging(reached))
	w := newWorld(t, func(o *Options) { o.Hooks, o.Alert = to.hooks, to.alerts.Alert })
	names := w.crew(5, testkit.Steps(25, 50))
	for _, name := range names {
		w.release(name)
	}
	w.restOf(names...)
	for _, name := range names {
		expect(t, "The release is over.", v1beta1.PhaseSucceeded, w.of(name).Status.Phase)
	}
	for hung := map[string]bool{}; len(hung) < 2; {
		hung[<-reached] = true // of both kinds somebody waits for an answer
	}
}

// TestAGateThatHangsHoldsItsCanaryAlone has one tick wait for its gate while the others come and go.
func TestAGateThatHangsHoldsItsCanaryAlone(t *testing.T) {
	t.Parallel()
	reached := make(chan string, 1)
	to := newReceiver(t, hanging(reached))
	w := newWorld(t, func(o *Options) { o.Hooks = to.hooks })
	names := w.crew(3, testkit.Steps(25, 50))
	held, others := names[0], names[1:]
	w.edit(held, w.of(held), fmt.Sprintf(
		`{"spec":{"analysis":{"webhooks":[{"type":"confirm-rollout","name":"gate","url":%q,"timeout":"10m"}]}}}`, to.URL+"/gate"))
	w.release(held)
	ctx, hangUp := context.WithCancel(w.ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// What a tick says that is hung up on is of no interest.
		_, _ = w.operator.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKey{Namespace: w.namespace, Name: held}})
	}()
	for path := ""; path != "/gate"; {
		path = <-reached
	}
	for _, name := range others {
		w.release(name)
	}
	w.restOf(others...)
	for _, name := range others {
		expect(t, "The release is over.", v1beta1.PhaseSucceeded, w.of(name).Status.Phase)
	}
	select {
	case <-ended:
		t.Error("The gate was to hang all the time, but its tick ended.")
	default:
	}
	hangUp()
	<-ended
	expect(t, "Who waits goes nowhere.", v1beta1.PhaseInitialized, w.of(held).Status.Phase)
}

// BenchmarkAnnouncing is how long a tick is held up to tell what happened, in nanoseconds, with one of a thousand canaries
// after the other: a receiver that hangs costs no more than one that answers.
func BenchmarkAnnouncing(b *testing.B) {
	for name, answer := range map[string]http.HandlerFunc{
		"Healthy": func(http.ResponseWriter, *http.Request) {},
		"Hanging": hanging(nil),
	} {
		b.Run(name, func(b *testing.B) {
			to := newReceiver(b, answer)
			r := &Reconciler{Options: Options{
				Hooks: to.hooks, Alert: to.alerts.Alert, Recorder: &record.FakeRecorder{}, Clock: clock.RealClock{},
			}}
			canaries := make([]*v1beta1.Canary, 1000)
			for i := range canaries {
				canaries[i] = testkit.Canary(testkit.Named(fmt.Sprint("web-", i)))
			}
			events := []rollout.Event{{
				Type: "Normal", Message: "Advance web.ns canary weight 25",
				Alert: rollout.Alert{Severity: v1beta1.SeverityInfo, Message: "New revision detected"},
			}}
			for i := 0; b.Loop(); i++ {
				r.announce(b.Context(), canaries[i%len(canaries)], events)
			}
		})
	}
}
