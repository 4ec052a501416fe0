package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/go-logr/zapr"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap/zapcore"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/daemon"
	"flagger.app/flagger/internal/testkit"
)

// lineWriter hands each log line to whoever reads the channel.
type lineWriter chan string

func (w lineWriter) Write(line []byte) (int, error) {
	w <- string(line)
	return len(line), nil
}

// place is a namespace of the API server, and the events that are written there.
type place struct {
	cfg    *rest.Config
	core   *typedcorev1.CoreV1Client
	canary *v1beta1.Canary
	events watch.Interface
}

func newPlace(t *testing.T) *place {
	t.Helper()
	cfg := testkit.StartAPIServer(t, filepath.Join("config", "crd", "bases"))
	admin, err := client.New(cfg, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	core, err := typedcorev1.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	namespace := testkit.NewNamespace(t, admin)
	events, err := core.Events(namespace).Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(events.Stop)
	c := &v1beta1.Canary{ObjectMeta: metav1.ObjectMeta{Name: "podinfo", Namespace: namespace, UID: "1"}}
	return &place{cfg: cfg, core: core, canary: c, events: events}
}

// next returns the event that is written next, or written again.
func (p *place) next(t *testing.T) *corev1.Event {
	t.Helper()
	event, ok := (<-p.events.ResultChan()).Object.(*corev1.Event)
	if !ok {
		t.Fatal("the watch has ended")
	}
	return event
}

// managed returns a manager of a place without leader election.
func (p *place) managed(t *testing.T) ctrl.Manager {
	t.Helper()
	mgr, err := newManager(p.cfg, parsed(t), nil, logr.Discard())
	if err != nil {
		t.Fatal(err)
	}
	return mgr
}

// running starts mgr, and ends it with the test.
func running(t *testing.T, mgr ctrl.Manager) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error)
	go func() { ended <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestEvents(t *testing.T) {
	const many = 60 // more than client-go's defaults let through
	p := newPlace(t)
	lines := make(lineWriter, many+1)
	mgr := p.managed(t)
	log := zapr.NewLogger(daemon.NewLogger(zapcore.DebugLevel, daemon.EncodingJSON, zapcore.AddSync(lines)))
	recorder, err := addEvents(mgr, log, func() { t.Error("an event was dropped") })
	if err != nil {
		t.Fatal(err)
	}
	running(t, mgr)
	say := func(message string) {
		annotations := map[string]string{"flagger.app/reason": "WeightAdvanced"}
		recorder.AnnotatedEventf(p.canary, annotations, corev1.EventTypeNormal, "Synced", "%s", message)
	}

	for i := range many {
		say(fmt.Sprintf("Advance podinfo.test canary weight %d", i))
	}
	say("Advance podinfo.test canary weight 0")

	for i := range many {
		event := p.next(t)
		want := []string{
			"Synced", "Normal", "flagger", "WeightAdvanced", "Canary", "podinfo",
			fmt.Sprintf("Advance podinfo.test canary weight %d", i),
		}
		got := []string{
			event.Reason, event.Type, event.Source.Component, event.Annotations["flagger.app/reason"],
			event.InvolvedObject.Kind, event.InvolvedObject.Name, event.Message,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("a long rollout keeps every event, uncombined (-want +got):\n%s", diff)
		}
		line := <-lines
		if field(line, "level") != "debug" || field(line, "logger") != "event-broadcaster" || !strings.Contains(message(line), event.Message) {
			t.Fatalf("the log echoes each event, got %s", line)
		}
	}
	if repeat := p.next(t); repeat.Count != 2 || repeat.Message != "Advance podinfo.test canary weight 0" {
		t.Errorf("an event that is repeated is counted, got %d of %q", repeat.Count, repeat.Message)
	}
}

// What a reconcile says that is under way when the leader is told to end is written before the lease is given up, after
// which nothing may be.
func TestTheLastEventIsWritten(t *testing.T) {
	const last = 90
	p := newPlace(t)
	o := parsed(t, "-enable-leader-election", "-leader-election-namespace="+p.canary.Namespace)
	lock, cfg, err := elect(p.cfg, o, logr.Discard())
	if err != nil {
		t.Fatal(err)
	}
	mgr, err := newManager(cfg, o, lock, logr.Discard())
	if err != nil {
		t.Fatal(err)
	}
	recorder, err := addEvents(mgr, logr.Discard(), func() { t.Error("an event was dropped") })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
		cancel() // told to end as soon as it leads
		<-ctx.Done()
		for i := range last {
			recorder.Eventf(p.canary, corev1.EventTypeNormal, "Synced", "Advance canary weight %d", i)
		}
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	if err := mgr.Start(ctx); err != nil {
		t.Fatal(err)
	}
	written, err := p.core.Events(p.canary.Namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(written.Items) != last {
		t.Errorf("%d events are written, want %d, %v", len(written.Items), last, err)
	}
}
