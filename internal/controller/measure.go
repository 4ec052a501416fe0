package controller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/analysis"
	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/rollout"
)

const (
	// keptProviders is how many metrics providers keep their connections.
	keptProviders = 256
	// prometheusType is the provider type of builtin and inline metrics.
	prometheusType = "prometheus"
)

// MeasurerOptions are what a Measurer needs; all but MeshProvider and NoCrossNamespaceRefs are required.
type MeasurerOptions struct {
	// Templates reads MetricTemplates and Knative Services, from a cache.
	Templates client.Reader
	// Secrets reads Secrets one by one, not from a cache.
	Secrets client.Reader
	// Providers makes a metrics provider by its type; "prometheus" must be there.
	Providers map[string]metrics.Factory
	// MetricsServer is the Prometheus address for canaries that name none.
	MetricsServer string
	// MeshProvider is the operator's routing provider; it selects the builtin queries of canaries that name none.
	MeshProvider string
	// NoCrossNamespaceRefs refuses templates in other namespaces than the canary's.
	NoCrossNamespaceRefs bool
	// Record takes every value measured, before it is judged; durations in seconds.
	Record func(c *v1beta1.Canary, metric string, value float64)
}

// Measurer answers the questions about metrics. It is safe for concurrent use and keeps its connections. Canaries that
// ask the same at the same time share one query.
type Measurer struct {
	MeasurerOptions
	pool *metrics.Pool
}

// NewMeasurer returns a Measurer without connections.
func NewMeasurer(o MeasurerOptions) *Measurer {
	return &Measurer{MeasurerOptions: o, pool: metrics.NewPool(keptProviders)}
}

// Measure runs the checks of one entry of c's analysis.metrics, which index must be a place in: the builtin one, the
// inline query and the template, as far as it has them. The first that does not pass is the answer, with the
// complete event text; if all pass, the last one is. What is wrong with the spec, a template or a Secret is a
// failure; who cannot be asked is a provider error.
func (m *Measurer) Measure(ctx context.Context, c *v1beta1.Canary, index int) rollout.Answer {
	metric := c.GetAnalysis().Metrics[index]
	answer := failed("Metric query failed for no usable metrics template and query were configured")
	for _, stage := range []struct {
		wanted  bool
		measure func(context.Context, *v1beta1.Canary, v1beta1.CanaryMetric) rollout.Answer
	}{
		{analysis.IsBuiltin(metric.Name), m.measureBuiltin},
		{metric.Query != "", m.measureInline},
		{metric.TemplateRef != nil, m.measureTemplate},
	} {
		if !stage.wanted {
			continue
		}
		if answer = stage.measure(ctx, c, metric); answer.Verdict != rollout.Pass {
			return answer
		}
	}
	return answer
}

// Available asks the provider of every metric of c, in their order, whether it is online; for a builtin metric its
// template is not looked at, for an inline query nobody is asked. The message of the first that is not is the
// text behind "Error checking metric providers: ".
func (m *Measurer) Available(ctx context.Context, c *v1beta1.Canary) rollout.Answer {
	var entries []v1beta1.CanaryMetric
	if a := c.GetAnalysis(); a != nil {
		entries = a.Metrics
	}
	for _, metric := range entries {
		answer := rollout.Answer{Verdict: rollout.Pass}
		switch {
		case analysis.IsBuiltin(metric.Name):
			answer = m.serverAvailable(ctx, c)
		case metric.TemplateRef != nil:
			answer = m.templateAvailable(ctx, c, *metric.TemplateRef)
		}
		if answer.Verdict != rollout.Pass {
			return answer
		}
	}
	return rollout.Answer{Verdict: rollout.Pass}
}

func (m *Measurer) measureBuiltin(ctx context.Context, c *v1beta1.Canary, metric v1beta1.CanaryMetric) rollout.Answer {
	k := analysis.Check{Stage: analysis.SuccessRate, Canary: c, Metric: metric}
	if metric.Name == analysis.RequestDuration {
		k.Stage = analysis.Duration
	}
	k.Provider = analysis.ProviderName(m.MeshProvider, c)
	family, err := analysis.FamilyOf(k.Provider, metric.Name)
	if err != nil {
		return failed(k.NotRun(err))
	}
	k.Family = family
	model, err := m.model(ctx, c, metric)
	if err != nil {
		return rollout.Answer{Verdict: rollout.ProviderError, Message: err.Error()}
	}
	query, err := family.Query(metric.Name, model)
	if err != nil {
		return failed(k.NotRun(fmt.Errorf("rendering query failed: %w", err)))
	}
	return m.askServer(ctx, k, query)
}

func (m *Measurer) measureInline(ctx context.Context, c *v1beta1.Canary, metric v1beta1.CanaryMetric) rollout.Answer {
	k := analysis.Check{Stage: analysis.Inline, Canary: c, Metric: metric}
	model, err := m.model(ctx, c, metric)
	if err != nil {
		return rollout.Answer{Verdict: rollout.ProviderError, Message: err.Error()}
	}
	query, err := model.Render(metric.Query)
	if err != nil {
		return failed(k.NotRun(fmt.Errorf("rendering query failed: %w", err)))
	}
	return m.askServer(ctx, k, query)
}

func (m *Measurer) measureTemplate(ctx context.Context, c *v1beta1.Canary, metric v1beta1.CanaryMetric) rollout.Answer {
	source, err := m.source(ctx, c, *metric.TemplateRef)
	if err != nil {
		return problem(err, fmt.Sprintf("Metric template %v", err))
	}
	model, err := m.model(ctx, c, metric)
	if err != nil {
		return rollout.Answer{Verdict: rollout.ProviderError, Message: err.Error()}
	}
	query, err := model.Render(source.template.Spec.Query)
	if err != nil {
		return failed(fmt.Sprintf("Metric template %s query render error: %v", source.name, err))
	}
	scope, err := m.scope(source.provider, c, metric)
	if err != nil {
		return failed(fmt.Sprintf("Metric template %s %v", source.name, err))
	}
	log.FromContext(ctx).V(1).Info("Metric template query", "template", source.name, "query", query)
	k := analysis.Check{
		Stage: analysis.Template, Canary: c, Metric: metric,
		Source: fmt.Sprintf("%s in metric template %s", source.template.Spec.Provider.Type, source.name),
	}
	value, err := source.provider.Query(ctx, scope, query)
	return m.judge(k, value, err)
}

// scope is that of one metric of c: its interval, and c's namespace where others are out of bounds.
func (m *Measurer) scope(source *metrics.Source, c *v1beta1.Canary, metric v1beta1.CanaryMetric) (metrics.Scope, error) {
	var scope metrics.Scope
	if source.Windowed() && metric.Interval != "" {
		interval, err := time.ParseDuration(metric.Interval)
		if err != nil {
			return scope, fmt.Errorf("error parsing metric interval: %w", err)
		}
		scope.Interval = interval
	}
	if m.NoCrossNamespaceRefs {
		scope.Namespace = c.Namespace
	}
	return scope, nil
}

// model is what a query is rendered from. Of a Knative Service the route is the revision that was made last.
func (m *Measurer) model(ctx context.Context, c *v1beta1.Canary, metric v1beta1.CanaryMetric) (analysis.Model, error) {
	model := analysis.NewModel(c, metric)
	if targetKind(c.Spec.TargetRef) != KnativeService {
		return model, nil
	}
	service := &unstructured.Unstructured{}
	service.SetAPIVersion("serving.knative.dev/v1")
	service.SetKind("Service")
	if err := m.Templates.Get(ctx, types.NamespacedName{Namespace: c.Namespace, Name: model.Target}, service); err != nil {
		return model, fmt.Errorf("Error fetching Knative service %s/%s %w", c.Namespace, model.Target, err)
	}
	revision, _, err := unstructured.NestedString(service.Object, "status", "latestCreatedRevisionName")
	if err != nil {
		return model, fmt.Errorf("Error fetching Knative service %s/%s %w", c.Namespace, model.Target, err)
	}
	model.Route = revision
	return model, nil
}

// askServer asks the Prometheus that c's builtin and inline metrics come from.
func (m *Measurer) askServer(ctx context.Context, k analysis.Check, query string) rollout.Answer {
	address := m.serverAddress(k.Canary)
	provider, err := m.server(address)
	if err != nil {
		return failed(fmt.Sprintf("Error building Prometheus client for %s %v", metrics.HideUser(address), err))
	}
	value, err := provider.Query(ctx, metrics.Scope{}, query)
	return m.judge(k, value, err)
}

// judge turns what a query gave into the answer for its metric, and records the value.
func (m *Measurer) judge(k analysis.Check, result float64, err error) rollout.Answer {
	switch {
	case errors.Is(err, metrics.ErrNoData):
		return rollout.Answer{Verdict: rollout.NoData, Message: k.NoValues(err.Error())}
	case errors.Is(err, metrics.ErrQuery):
		return failed(k.QueryFailed(err))
	case err != nil:
		return rollout.Answer{Verdict: rollout.ProviderError, Message: k.Unanswered(err)}
	}
	value := k.Measured(result)
	if !math.IsNaN(value) {
		m.Record(k.Canary, k.Metric.Name, k.Recorded(value))
	}
	r := k.Judge(value)
	return rollout.Answer{Verdict: rollout.Verdict(r.Verdict), Message: r.Message, Value: r.Value, Min: r.Min, Max: r.Max}
}

func (m *Measurer) serverAvailable(ctx context.Context, c *v1beta1.Canary) rollout.Answer {
	address := m.serverAddress(c)
	provider, err := m.server(address)
	if err != nil {
		return failed(fmt.Sprintf("error building Prometheus client for %s %v", metrics.HideUser(address), err))
	}
	return online(provider.Online(ctx, metrics.Scope{}), "prometheus not avaiable")
}

func (m *Measurer) templateAvailable(ctx context.Context, c *v1beta1.Canary, ref v1beta1.CrossNamespaceObjectReference) rollout.Answer {
	source, err := m.source(ctx, c, ref)
	if err != nil {
		return problem(err, fmt.Sprintf("metric template %v", err))
	}
	// There may be no rights to another namespace.
	return online(source.provider.Online(ctx, metrics.Scope{Namespace: c.Namespace}),
		fmt.Sprintf("%s in metric template %s not avaiable", source.template.Spec.Provider.Type, source.name))
}

// online is the answer for a probe that ended with err; otherwise, with the contract's spelling, is what the text begins
// with.
func online(err error, otherwise string) rollout.Answer {
	if err != nil {
		return rollout.Answer{Verdict: rollout.ProviderError, Message: fmt.Sprintf("%s: %v", otherwise, err)}
	}
	return rollout.Answer{Verdict: rollout.Pass}
}

func (m *Measurer) serverAddress(c *v1beta1.Canary) string {
	if c.Spec.MetricsServer != "" {
		return c.Spec.MetricsServer
	}
	return m.MetricsServer
}

func (m *Measurer) server(address string) (*metrics.Source, error) {
	return m.provider(v1beta1.MetricTemplateProvider{Type: prometheusType, Address: address}, corev1.Secret{})
}

// resolved is a metric template that was found, with the provider that answers it.
type resolved struct {
	name     string // <template>.<namespace>, as texts have it
	template v1beta1.MetricTemplate
	provider *metrics.Source
}

// misconfigured marks what only a change by the user mends.
type misconfigured struct{ error }

// Unwrap returns what is wrong.
func (e misconfigured) Unwrap() error { return e.error }

// source finds the template that c refers to, its Secret and its provider. The errors are the contract's texts from
// the template's name on.
func (m *Measurer) source(ctx context.Context, c *v1beta1.Canary, ref v1beta1.CrossNamespaceObjectReference) (resolved, error) {
	key := types.NamespacedName{Namespace: ref.Namespace, Name: ref.Name}
	if key.Namespace == "" {
		key.Namespace = c.Namespace
	}
	s := resolved{name: key.Name + "." + key.Namespace}
	if m.NoCrossNamespaceRefs && key.Namespace != c.Namespace {
		return s, misconfigured{fmt.Errorf(
			"%s error: can't access metric template %s, cross-namespace references are blocked", s.name, s.name)}
	}
	if err := m.Templates.Get(ctx, key, &s.template); err != nil {
		return s, unread(fmt.Errorf("%s error: %w", s.name, err))
	}
	spec := s.template.Spec.Provider
	secret := corev1.Secret{}
	if ref := spec.SecretRef; ref != nil {
		at := types.NamespacedName{Namespace: key.Namespace, Name: ref.Name}
		if err := m.Secrets.Get(ctx, at, &secret); err != nil {
			return s, unread(fmt.Errorf("%s secret %s error: %w", s.name, ref.Name, err))
		}
	}
	provider, err := m.provider(spec, secret)
	if err != nil {
		return s, misconfigured{fmt.Errorf("%s provider %s error: %w", s.name, spec.Type, err)}
	}
	s.provider = provider
	return s, nil
}

// provider returns the one with these settings and this Secret, empty for none, which all who have both in common share.
// It is a new one if the Secret has changed since the last query.
func (m *Measurer) provider(spec v1beta1.MetricTemplateProvider, secret corev1.Secret) (*metrics.Source, error) {
	factory, ok := m.Providers[spec.Type]
	if !ok {
		return nil, fmt.Errorf("unknown metrics provider '%s'", spec.Type)
	}
	settings, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("encode settings: %w", err)
	}
	name := fmt.Sprintf("%s %s", settings, secret.UID)
	return m.pool.Get(name, secret.ResourceVersion, func() (metrics.Provider, error) {
		return factory(metrics.Config{Provider: spec, Credentials: secret.Data})
	})
}

// unread tells an object that is missing or may not be read, which is the user's to mend, from an API server that did not answer.
func unread(err error) error {
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return misconfigured{err}
	}
	return err
}

// problem is the answer for a template that cannot be asked.
func problem(err error, message string) rollout.Answer {
	if errors.As(err, new(misconfigured)) {
		return failed(message)
	}
	return rollout.Answer{Verdict: rollout.ProviderError, Message: message}
}

func failed(message string) rollout.Answer {
	return rollout.Answer{Verdict: rollout.Fail, Message: message}
}
