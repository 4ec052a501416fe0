package main

import (
	"fmt"

	"go.uber.org/zap"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"
)

const (
	// component is the source of our events, which users filter on.
	component = "flagger"
	// eventBurst events may follow one another for one canary; client-go's default of 25 loses the end of a long
	// rollout. It is also the number of different events within ten minutes from which they are combined into one.
	eventBurst = 100
)

// newEvents returns a recorder of core/v1 events and the broadcaster behind it, which is to be shut down after the
// last event. Every event is echoed to the log at level debug.
func newEvents(cfg *rest.Config, scheme *runtime.Scheme, logger *zap.Logger) (record.EventRecorder, record.EventBroadcaster, error) {
	core, err := typedcorev1.NewForConfig(cfg)
	if err != nil {
		return nil, nil, fmt.Errorf("build events client: %w", err)
	}
	broadcaster := record.NewBroadcaster(record.WithCorrelatorOptions(record.CorrelatorOptions{
		BurstSize: eventBurst,
		MaxEvents: eventBurst,
	}))
	broadcaster.StartLogging(logger.Named("event-broadcaster").Sugar().Debugf)
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: core.Events("")})
	return broadcaster.NewRecorder(scheme, corev1.EventSource{Component: component}), broadcaster, nil
}
