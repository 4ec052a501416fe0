package controller

import (
	"context"
	"time"

	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/telemetry"
	"flagger.app/flagger/internal/workload"
	"flagger.app/flagger/internal/workload/configs"
)

// Checks answers the questions that cost a query.
type Checks interface {
	// Measure runs the metric check at index of spec.analysis.metrics.
	Measure(ctx context.Context, c *v1beta1.Canary, index int) rollout.Answer
	// Available probes every metrics provider that the spec names.
	Available(ctx context.Context, c *v1beta1.Canary) rollout.Answer
}

// Hooks calls webhooks.
type Hooks interface {
	// Call returns nil if the receiver agreed; the error's text is fit for an event.
	Call(ctx context.Context, c *v1beta1.Canary, w v1beta1.CanaryWebhook, phase v1beta1.CanaryPhase) error
	// Announce queues an event for the event hooks and never blocks.
	Announce(c *v1beta1.Canary, e rollout.Event, at time.Time)
}

// Mesh is another cluster than the canaries'.
type Mesh struct {
	// Client reads from Cache, unstructured objects too, and writes.
	Client client.Client
	Cache  cache.Cache
}

// Options are what a Reconciler is made of; all are required unless said otherwise.
type Options struct {
	// Client reads from caches and writes.
	Client client.Client
	// Routers are the providers, by the name in spec.provider; MeshProvider is used where that is empty.
	Routers      *router.Registry
	MeshProvider string
	// Mesh is the cluster that holds the routing objects; nil for the canaries' own.
	Mesh *Mesh
	// Targets and Services are by the kind in spec.targetRef. A kind without Services brings its own.
	Targets  map[string]workload.Target
	Services map[string]workload.Services
	Scaler   workload.Scaler
	// Configs are what the targets track; nil if they track none.
	Configs *configs.Tracker
	Checks  Checks
	Hooks   Hooks
	// Alert queues an alert for chats and never blocks.
	Alert     func(c *v1beta1.Canary, a rollout.Alert)
	Recorder  record.EventRecorder
	Telemetry *telemetry.Recorder
	// Tracer gets a trace of every reconcile; nil if nobody wants one.
	Tracer   *telemetry.Tracer
	Settings rollout.Settings
	Clock    clock.PassiveClock
	// Census is how often canaries are counted for flagger_canary_total.
	Census time.Duration
	// Concurrency is how many canaries may be worked on at once; each may be waiting for a hook or a query.
	Concurrency int
}
