package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap/zapcore"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

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

func TestEvents(t *testing.T) {
	const many = 60 // more than client-go's defaults let through
	cfg := testkit.StartAPIServer(t)
	admin, err := client.New(cfg, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	namespace := testkit.NewNamespace(t, admin)
	scheme := runtime.NewScheme()
	if err := v1beta1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	lines := make(lineWriter, many)
	recorder, broadcaster, err := newEvents(cfg, scheme, daemon.NewLogger(zapcore.DebugLevel, daemon.EncodingJSON, zapcore.AddSync(lines)))
	if err != nil {
		t.Fatal(err)
	}
	defer broadcaster.Shutdown()
	core, err := typedcorev1.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	watch, err := core.Events(namespace).Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()

	c := &v1beta1.Canary{ObjectMeta: metav1.ObjectMeta{Name: "podinfo", Namespace: namespace, UID: "1"}}
	for i := range many {
		annotations := map[string]string{"flagger.app/reason": "WeightAdvanced"}
		recorder.AnnotatedEventf(c, annotations, corev1.EventTypeNormal, "Synced", "%s", fmt.Sprintf("Advance podinfo.test canary weight %d", i))
	}

	for i := range many {
		event, ok := (<-watch.ResultChan()).Object.(*corev1.Event)
		if !ok {
			t.Fatal("the watch has ended")
		}
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
}
