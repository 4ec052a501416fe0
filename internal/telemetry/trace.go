package telemetry

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"k8s.io/apimachinery/pkg/types"
)

// flushTimeout is what is left to send the last spans when the operator stops.
const flushTimeout = 5 * time.Second

// Tracer sends traces of reconciles to an OpenTelemetry collector. Its zero value and nil send nothing and cost nothing.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// NewTracer returns a Tracer for the collector whose OTLP/HTTP base URL is endpoint, such as http://collector:4318; with
// an empty one, a Tracer that is off. Headers, certificates, sampling and the like are OpenTelemetry's environment
// variables. What goes wrong later is told to log; nothing waits for the collector.
func NewTracer(ctx context.Context, endpoint, version string, log logr.Logger) (*Tracer, error) {
	if endpoint == "" {
		return nil, nil //nolint:nilnil // nil is a Tracer that is off
	}
	base, err := url.Parse(endpoint)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("endpoint %q is no URL of a collector", endpoint)
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(base.JoinPath("v1", "traces").String()))
	if err != nil {
		return nil, fmt.Errorf("make exporter: %w", err)
	}
	self, err := resource.New(ctx, resource.WithAttributes(
		attribute.String("service.name", "flagger"), attribute.String("service.version", version),
	), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("describe service: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Info("Traces were not sent", "error", err.Error()) }))
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(self))
	return &Tracer{provider: provider, tracer: provider.Tracer("flagger.app/flagger")}, nil
}

// Reconcile begins the trace of one look at a canary. The returned function ends it and must be called.
func (t *Tracer) Reconcile(ctx context.Context, canary types.NamespacedName) (context.Context, func(error)) {
	return t.start(ctx, "reconcile",
		attribute.String("k8s.namespace.name", canary.Namespace), attribute.String("flagger.canary.name", canary.Name))
}

// Step begins a part of what ctx is about, by the verb for it. The returned function ends it and must be called.
func (t *Tracer) Step(ctx context.Context, verb string) (context.Context, func(error)) {
	return t.start(ctx, verb)
}

// Stop sends what is left, although ctx may have ended, and returns after 5 s at the latest. Spans that end later are lost.
func (t *Tracer) Stop(ctx context.Context) {
	if t == nil || t.provider == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		otel.Handle(err)
	}
}

func (t *Tracer) start(ctx context.Context, name string, attributes ...attribute.KeyValue) (context.Context, func(error)) {
	if t == nil || t.tracer == nil {
		return ctx, func(error) {}
	}
	ctx, span := t.tracer.Start(ctx, name, trace.WithAttributes(attributes...))
	return ctx, func(err error) {
		if err != nil {
			span.RecordError(err)
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}
}
